//! `plimsoll completions`: a script that teaches a shell the commands and options.

use clap::{Args, Command};
use clap_complete::Shell;

use super::{Exit, output};

/// Arguments of `plimsoll completions`.
#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Prints the script for `program`.
pub(super) fn run(args: &CompletionsArgs, mut program: Command) -> Exit {
    // Into memory first: clap_complete panics when what it writes to is closed.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut program, "plimsoll", &mut script);
    output::result(String::from_utf8_lossy(&script).trim_end());
    Exit::Passed
}
