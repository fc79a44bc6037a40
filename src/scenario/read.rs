//! From a file to a test plan.

use std::path::Path;

use super::model::TestPlan;
use super::raw::RawTestPlan;
use super::schema::json_schema;
use crate::config::{Checker, ConfigErrors, SCENARIO, Severity, read_as, text_of};

impl TestPlan {
    /// Reads the scenario at `path`, to run it: environment variables that it names must be set.
    ///
    /// # Errors
    /// Everything that is wrong with it, at once.
    pub fn load(path: &Path) -> Result<Self, ConfigErrors> {
        Self::parse(&text_of(path, &SCENARIO)?, path)
    }

    /// As [`TestPlan::load`], from a text. Files that it names are looked for beside `path`.
    ///
    /// # Errors
    /// Everything that is wrong with it, at once.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigErrors> {
        read(text, path, &|name| std::env::var(name).ok(), Severity::Error)
    }

    /// Reads the scenario at `path`, to look at it: environment variables that are not set are warnings. Its secrets
    /// may be empty, so it is not fit to run.
    ///
    /// # Errors
    /// Everything that is wrong with it, at once.
    pub fn validate(path: &Path) -> Result<Self, ConfigErrors> {
        read(&text_of(path, &SCENARIO)?, path, &|name| std::env::var(name).ok(), Severity::Warning)
    }
}

/// Reads a scenario. `environment` gives the values of environment variables.
pub(super) fn read(
    text: &str,
    path: &Path,
    environment: &dyn Fn(&str) -> Option<String>,
    missing_variable: Severity,
) -> Result<TestPlan, ConfigErrors> {
    let check = |checker: &mut Checker<'_>, raw: &RawTestPlan| checker.test_plan(raw, path);
    let (test_plan, warnings) = read_as(&SCENARIO, text, path, environment, missing_variable, &json_schema(), check)?;
    Ok(TestPlan { warnings, ..test_plan })
}
