//! The child's side.

use std::io::{self, BufRead};
use std::process::ExitCode;

use serde::Serialize;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;

use super::{Command, FaultChange, Message};
use crate::duration::micros;
use crate::settings::SimulationSettings;
use crate::simulated::per_vendor;
use crate::simulation::SimulatedVendors;

/// Serves a parent on standard input and output until standard input ends. SIGINT is left to the parent: it decides when
/// its load is over, and closes standard input then.
///
/// Success once standard input has ended; failure where it could not run or the parent did not keep to the protocol, which
/// the last message says.
pub async fn serve_stdio() -> ExitCode {
    ignore_interrupts();
    let mut lines = standard_input();
    let mut output = tokio::io::stdout();
    let served = match lines.recv().await {
        Some(line) => serve(&line, &mut lines, &mut output).await,
        None => Ok(()),
    };
    let Err(reason) = served else { return ExitCode::SUCCESS };
    // An error means that the parent has gone.
    let _ = write(&mut output, &Message::Failed { reason }).await;
    ExitCode::FAILURE
}

async fn serve(
    settings: &str,
    lines: &mut mpsc::UnboundedReceiver<String>,
    output: &mut tokio::io::Stdout,
) -> Result<(), String> {
    let settings: SimulationSettings =
        serde_json::from_str(settings).map_err(|error| format!("the settings cannot be read: {error}"))?;
    let vendors = SimulatedVendors::start(settings).await.map_err(|error| error.to_string())?;
    let mut faults = vendors.subscribe();
    let (urls, admin) = (per_vendor(|vendor| vendors.url(vendor)), vendors.admin_url());
    write(output, &Message::Ready { urls, admin }).await?;
    let served = handle_commands(&vendors, &mut faults, lines, output).await;
    // The rest of the ledger is written to its file now; the parent learns where that fails.
    let problems = vendors.shutdown().await;
    served.and(if problems.is_empty() { Ok(()) } else { Err(problems.join("; ")) })
}

async fn handle_commands(
    vendors: &SimulatedVendors,
    faults: &mut mpsc::UnboundedReceiver<FaultChange>,
    lines: &mut mpsc::UnboundedReceiver<String>,
    output: &mut tokio::io::Stdout,
) -> Result<(), String> {
    loop {
        tokio::select! {
            // Commands come first. The parent distinguishes answers from reports by their names.
            biased;
            line = lines.recv() => {
                let Some(line) = line else { return Ok(()) };
                write(output, &handle_command(vendors, &line)?).await?;
            }
            Some(change) = faults.recv() => write(output, &Message::Fault(change)).await?,
        }
    }
}

fn handle_command(vendors: &SimulatedVendors, line: &str) -> Result<Message, String> {
    match serde_json::from_str(line).map_err(|error| format!("`{line}` is not a command: {error}"))? {
        Command::Start => {
            vendors.start_timetable();
            let elapsed = vendors.timetable_elapsed().unwrap_or_default();
            let ledger = vendors.ledger().start.elapsed();
            Ok(Message::Started { elapsed_us: micros(elapsed), ledger_us: micros(ledger) })
        }
        Command::Count => Ok(Message::Counts(vendors.counts())),
        Command::Bill => Ok(Message::Bill(vendors.clay().bill())),
    }
}

async fn write(output: &mut tokio::io::Stdout, message: &impl Serialize) -> Result<(), String> {
    let mut line = serde_json::to_vec(message).map_err(|error| error.to_string())?;
    line.push(b'\n');
    let written: io::Result<()> = async {
        output.write_all(&line).await?;
        output.flush().await
    }
    .await;
    written.map_err(|error| format!("the parent does not read: {error}"))
}

/// Lines of standard input. A thread of its own reads them, because a runtime waits for its own blocking reads when it ends.
fn standard_input() -> mpsc::UnboundedReceiver<String> {
    let (sender, receiver) = mpsc::unbounded_channel();
    // Where no thread can be had, the sender is dropped here: to the child, its parent is gone.
    let _ = std::thread::Builder::new().name("stdin".to_owned()).spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

fn ignore_interrupts() {
    #[cfg(unix)]
    if let Ok(mut interrupts) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt()) {
        tokio::spawn(async move { while interrupts.recv().await.is_some() {} });
    }
}
