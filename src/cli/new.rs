//! `plimsoll new`: a commented scenario that runs as it is.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;

use super::{Exit, output};
use crate::scenario::new_scenario;

/// Arguments of `plimsoll new`.
#[derive(Debug, Args)]
pub(super) struct NewArgs {
    /// Name of the scenario: letters, digits and dashes
    #[arg(value_parser = name)]
    name: String,
    /// Directory to write NAME.toml into
    #[arg(long, default_value = "scenarios")]
    dir: PathBuf,
}

fn name(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if text.is_empty() || text.len() > 64 || !text.chars().all(fits) || text.starts_with('-') {
        return Err("a name has 1 to 64 letters, digits, dashes or underscores, and starts with no dash".to_owned());
    }
    Ok(text.to_owned())
}

pub(super) fn run(args: &NewArgs) -> Exit {
    let path = args.dir.join(format!("{}.toml", args.name));
    let written = std::fs::create_dir_all(&args.dir)
        .and_then(|()| OpenOptions::new().write(true).create_new(true).open(&path))
        .and_then(|mut file| file.write_all(new_scenario(&args.name).as_bytes()));
    match written {
        Ok(()) => {
            output::result(format!("Wrote {}. Run it with:\n\n  plimsoll run {}", path.display(), path.display()));
            Exit::Passed
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            output::error(format!("{} is there already; choose another name, or delete it first", path.display()));
            Exit::CouldNotRun
        }
        Err(error) => {
            output::error(format!("cannot write {}: {error}", path.display()));
            Exit::CouldNotRun
        }
    }
}
