//! `plimsoll new`: a commented scenario that runs as it is.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;

use super::{Exit, output};
use crate::scenario::new_scenario;
use crate::text::shell_word;

/// Arguments of `plimsoll new`.
#[derive(Debug, Args)]
pub(super) struct NewArgs {
    /// Name of the scenario: letters, digits and dashes
    name: String,
    /// Directory to write NAME.toml into
    #[arg(long, default_value = "scenarios")]
    dir: PathBuf,
}

pub(super) fn run(args: &NewArgs) -> Exit {
    let text = match new_scenario(&args.name) {
        Ok(text) => text,
        Err(error) => {
            output::error(error);
            return Exit::Usage;
        }
    };
    let path = args.dir.join(format!("{}.toml", args.name));
    let written = std::fs::create_dir_all(&args.dir)
        .and_then(|()| OpenOptions::new().write(true).create_new(true).open(&path))
        .and_then(|mut file| file.write_all(text.as_bytes()));
    match written {
        Ok(()) => {
            let run = shell_word(&path.to_string_lossy());
            output::result(format!("Wrote {}. Run it with:\n\n  plimsoll run {run}", path.display()));
            Exit::Passed
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            output::failed(format!("{} is there already; choose another name, or delete it first", path.display()))
        }
        Err(error) => output::failed(format!("cannot write {}: {error}", path.display())),
    }
}
