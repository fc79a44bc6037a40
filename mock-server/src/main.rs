//! Simulated Clay and Customer.io.

use std::process::ExitCode;

use clap::Parser;
use mock_server::command::{MockArgs, raise_descriptor_limit, run, show};

/// Simulated Clay and Customer.io for load and failure tests, on 127.0.0.1.
#[derive(Parser)]
#[command(version)]
struct Program {
    #[command(flatten)]
    args: MockArgs,
}

fn main() -> ExitCode {
    let program = match Program::try_parse() {
        Ok(program) => program,
        Err(help) => return show(&help),
    };
    raise_descriptor_limit();
    run(&program.args)
}
