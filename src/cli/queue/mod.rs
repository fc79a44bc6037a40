//! `plimsoll queue`: the leads of a service, looked at and moved by a person.
//!
//! What a pipeline gave up waits for somebody who mends the cause. `ls`, `show` and `export` only read, and work beside a
//! running service; `redrive` and `purge` change the file, and a running service, which owns it, keeps them out.

mod export;
mod ls;
mod names;
mod purge;
mod redrive;
mod show;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Exit, output};
use crate::resilience::StoreError;
use crate::store::sqlite::{OpenError, SqliteFile, SqliteSettings, SqliteStore};
use crate::store::{Bounds, LeadStore};

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
    /// Put dead letters back into their queues; the service must be stopped
    Redrive(redrive::RedriveArgs),
    /// Write operations as CSV or JSON
    Export(export::ExportArgs),
    /// Remove settled leads or dead letters for good; the service must be stopped
    Purge(purge::PurgeArgs),
}

/// Which store.
#[derive(Debug, Args)]
struct StoreArgs {
    /// The service's file of leads
    #[arg(long, value_name = "FILE")]
    db: PathBuf,
}

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
enum QueueError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{} cannot be written: {error}", path.display())]
    Write { path: PathBuf, error: std::io::Error },
    #[error("{0}")]
    Output(std::io::Error),
    #[error("{0}")]
    NotFound(String),
    #[error("cannot start: {0}")]
    Runtime(std::io::Error),
}

impl StoreArgs {
    /// To read, beside a running service too.
    fn read(&self) -> Result<SqliteFile, QueueError> {
        Ok(SqliteFile::open(&self.db)?)
    }

    /// To change. What a person puts back is bound by nothing: the bounds of the service refuse what comes in from outside.
    fn change(&self) -> Result<SqliteStore, QueueError> {
        let bounds = Bounds { queue: usize::MAX, dead_letters: usize::MAX };
        Ok(SqliteStore::open_existing(&self.db, SqliteSettings::from(bounds))?)
    }
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
        // Whoever read the output has enough of it.
        Err(QueueError::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => Exit::Passed,
        Err(error) => {
            output::error(&error);
            if matches!(error, QueueError::Open(OpenError::InUse { .. })) {
                output::remark("advice: `queue ls`, `show` and `export` work while the service runs; stop it to change the file");
            }
            Exit::CouldNotRun
        }
    }
}

/// Does `work` with a store, and closes it in order.
fn with_store<T>(store: SqliteStore, work: impl AsyncFnOnce(&SqliteStore) -> Result<T, StoreError>) -> Result<T, QueueError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(QueueError::Runtime)?;
    runtime.block_on(async {
        let done = work(&store).await;
        let closed = store.close().await;
        let done = done?;
        closed?;
        Ok(done)
    })
}
