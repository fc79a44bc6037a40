//! `plimsoll queue`: the leads of a service, looked at and moved by a person.
//!
//! What a pipeline gave up waits for somebody who mends the cause. `ls`, `show` and `export` only read, and work beside a
//! running service. `redrive` and `purge` change the store: a running service owns its file and keeps them out; on Redis every
//! change is a whole, and they work beside it.

mod error;
mod export;
mod ls;
mod names;
mod purge;
mod redrive;
mod show;
mod stores;

use clap::{Args, Subcommand};

use super::{Exit, output};
use crate::store::sqlite::OpenError;

use error::QueueError;

/// Arguments of `plimsoll queue`.
#[derive(Debug, Args)]
pub(super) struct QueueArgs {
    #[command(subcommand)]
    command: QueueCommand,
}

#[derive(Debug, Subcommand)]
enum QueueCommand {
    /// Count operations by vendor and place, with the oldest, the next, and why letters are dead
    Ls(ls::LsArgs),
    /// Show a lead or an operation with every attempt
    Show(show::ShowArgs),
    /// Put dead letters back into their queues: with --db the service must be stopped, on Redis it goes on with them
    /// within 5 s
    Redrive(redrive::RedriveArgs),
    /// Write operations as CSV or JSON
    Export(export::ExportArgs),
    /// Remove settled leads or dead letters for good; with --db the service must be stopped
    Purge(purge::PurgeArgs),
}

pub(super) fn run(args: &QueueArgs) -> Exit {
    let done = match &args.command {
        QueueCommand::Ls(args) => ls::run(args),
        QueueCommand::Show(args) => show::run(args),
        QueueCommand::Redrive(args) => redrive::run(args),
        QueueCommand::Export(args) => export::run(args),
        QueueCommand::Purge(args) => purge::run(args),
    };
    match done {
        Ok(exit) => exit,
        Err(QueueError::Output(error)) => {
            output::written(Err(error));
            Exit::CouldNotRun
        }
        Err(error) => {
            output::error(&error);
            if matches!(error, QueueError::Open(OpenError::InUse { .. })) {
                output::remark("advice: `queue ls`, `show` and `export` work while the service runs; stop it to change the file");
            }
            Exit::CouldNotRun
        }
    }
}
