//! `plimsoll validate`: everything that is wrong with a scenario, in one go.

use std::path::PathBuf;

use clap::Args;

use super::run::plan_text;
use super::{Exit, output};
use crate::scenario::TestPlan;

/// Arguments of `plimsoll validate`.
#[derive(Debug, Args)]
pub(super) struct ValidateArgs {
    /// The scenario file
    file: PathBuf,
}

pub(super) fn run(args: &ValidateArgs) -> Exit {
    match TestPlan::validate(&args.file) {
        Ok(test_plan) => {
            output::warnings(&test_plan);
            output::text(format!("{} is valid.\n{}", args.file.display(), plan_text::plan(&test_plan, 1.0)));
            Exit::Passed
        }
        Err(errors) => {
            output::remark(errors);
            Exit::InvalidScenario
        }
    }
}
