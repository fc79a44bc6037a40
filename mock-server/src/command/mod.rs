//! The command line, shared by the programs that offer it: `mock-server` and `plimsoll mock`.

mod args;
mod config_file;
mod descriptors;
mod signals;
mod values;
mod welcome;

use std::io::{self, Write};
use std::process::ExitCode;

pub use args::{ArgsProblem, Limits, MockArgs, TOKEN_VARIABLE};
pub use config_file::{ConfigFileError, Placed};
pub use descriptors::raise_descriptor_limit;
pub use signals::Signals;
use welcome::{summary, welcome};

use crate::process::serve_stdio;
use crate::simulation::SimulatedVendors;

/// Runs the simulated vendors until SIGINT, SIGTERM or, with `--stdio`, the end of standard input. Must be called outside a
/// tokio runtime, because it makes its own.
pub fn run(args: &MockArgs) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("cannot start: {error}")),
    };
    let code = if args.stdio {
        runtime.block_on(serve_stdio())
    } else {
        runtime.block_on(serve_by_hand(args)).map_or_else(|reason| fail(&reason), |()| ExitCode::SUCCESS)
    };
    // What is still running (a write to a full pipe, say) must not delay the exit.
    runtime.shutdown_background();
    code
}

async fn serve_by_hand(args: &MockArgs) -> Result<(), String> {
    let settings = args.settings(|name| std::env::var(name).ok()).map_err(|problem| problem.to_string())?;
    // Before the first line is printed, so that a caller that has read it can end the program properly.
    let mut ended = Signals::take_over().map_err(|error| format!("cannot listen for signals: {error}"))?;
    let vendors = SimulatedVendors::start(settings.clone()).await.map_err(|error| error.to_string())?;
    if args.start_timetable {
        vendors.start_timetable();
    }
    // Serving goes on without a reader.
    let said = print(&welcome(&vendors, &settings, args));
    ended.next().await;
    let counts = vendors.counts();
    let mut problems = vendors.shutdown().await;
    let said = said.and(print(&summary(&counts)));
    problems.extend(said.err().map(|error| unwritten(&error)));
    // The requests were served, but the ledger is not complete.
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\nerror: ")) }
}

/// Shows what the command line asked for, or what is wrong with it.
pub fn show(help: &clap::Error) -> ExitCode {
    if help.use_stderr() {
        help.exit();
    }
    match help.print().and_then(|()| io::stdout().flush()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&unwritten(&error)),
    }
}

fn unwritten(error: &io::Error) -> String {
    format!("standard output cannot be written: {error}")
}

fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush())
}

fn fail(reason: &str) -> ExitCode {
    let _ = writeln!(io::stderr(), "error: {reason}");
    ExitCode::FAILURE
}
