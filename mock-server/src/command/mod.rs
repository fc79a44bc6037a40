//! The command line, shared by the programs that offer it: `mock-server` and `plimsoll mock`.

mod args;
mod config_file;
mod values;
mod welcome;

use std::io::{self, Write};
use std::process::ExitCode;

pub use args::{ArgsProblem, Limits, MockArgs, TOKEN_VARIABLE};
pub use config_file::{ConfigFileError, Placed};
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
    let code = runtime.block_on(async { if args.stdio { serve_stdio().await } else { serve_by_hand(args).await } });
    // What is still running (a write to a full pipe, say) must not delay the exit.
    runtime.shutdown_background();
    code
}

async fn serve_by_hand(args: &MockArgs) -> ExitCode {
    let settings = match args.settings(|name| std::env::var(name).ok()) {
        Ok(settings) => settings,
        Err(problem) => return fail(&problem.to_string()),
    };
    // Before the first line is printed, so that a caller that has read it can end the program properly.
    let ended = match signals() {
        Ok(ended) => ended,
        Err(error) => return fail(&format!("cannot listen for signals: {error}")),
    };
    let vendors = match SimulatedVendors::start(settings.clone()).await {
        Ok(vendors) => vendors,
        Err(error) => return fail(&error.to_string()),
    };
    if args.start_timetable {
        vendors.start_timetable();
    }
    // Serving goes on without a reader.
    let _ = io::stdout().write_all(welcome(&vendors, &settings, args).as_bytes());
    ended.await;
    let counts = vendors.counts();
    let problems = vendors.shutdown().await;
    let _ = io::stdout().write_all(summary(&counts).as_bytes());
    // The requests were served, but the ledger is not complete.
    if problems.is_empty() { ExitCode::SUCCESS } else { fail(&problems.join("\nerror: ")) }
}

/// Resolves at the first SIGINT or SIGTERM. The handlers are in place when this returns.
fn signals() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            // Either one ends the program.
            biased;
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

fn fail(reason: &str) -> ExitCode {
    let _ = writeln!(io::stderr(), "error: {reason}");
    ExitCode::FAILURE
}
