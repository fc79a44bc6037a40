//! The command line, one command a file.

mod audit;
mod chaos;
mod completions;
mod exit;
mod new;
mod output;
mod queue;
mod report;
pub(crate) mod run;
mod serve;
mod serve_log;
mod threads;
mod validate;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

pub use exit::Exit;

/// How much can an integration with Clay and Customer.io carry, and what happens when a vendor goes down?
#[derive(Debug, Parser)]
#[command(name = "plimsoll", version, about, after_help = exit::HELP, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a scenario: load, faults, verdict and report
    Run(run::RunArgs),
    /// Check a scenario and show what it would do
    Validate(validate::ValidateArgs),
    /// Write a new scenario to start from
    New(new::NewArgs),
    /// Render the report of a saved run again
    Report(report::ReportArgs),
    /// Serve the pipeline over HTTP: leads are durable before they are acknowledged
    Serve(serve::ServeArgs),
    /// Audit the journals of a run: was any lead lost, or done twice?
    Audit(audit::AuditArgs),
    /// Break a service on purpose, and see what becomes of its leads
    Chaos(chaos::ChaosArgs),
    /// Serve the simulated vendors alone, for any client
    Mock(mock_server::command::MockArgs),
    /// Look at the leads of a service, and move what it gave up
    Queue(queue::QueueArgs),
    /// Print a completion script for a shell
    Completions(completions::CompletionsArgs),
}

/// Runs the program.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) if usage.use_stderr() => usage.exit(),
        Err(help) => {
            output::written(help.print().and_then(|()| io::stdout().flush()));
            return output::ended(Exit::Passed).into();
        }
    };
    mock_server::command::raise_descriptor_limit();
    let exit = match cli.command {
        Command::Run(args) => run::run(&args),
        Command::Validate(args) => validate::run(&args),
        Command::New(args) => new::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Audit(args) => audit::run(&args),
        Command::Chaos(args) => chaos::run(&args),
        Command::Mock(args) => return mock_server::command::run(&args),
        Command::Queue(args) => queue::run(&args),
        Command::Completions(args) => completions::run(&args, Cli::command()),
    };
    output::ended(exit).into()
}
