//! Group commit: one thread owns the connection that writes, and makes durable in one commit whatever waits.
//!
//! A disk that syncs two hundred times a second can't carry five thousand leads a second, each with a commit of its own.
//! While one commit syncs, requests gather; the next commit takes all of them. Each runs in a savepoint, so that one that
//! fails does not fail its neighbours, and each is answered after the commit, never before.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;

use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::failpoint::{Failpoint, reach};
use crate::resilience::StoreError;

use super::Shared;
use super::row::{ENTRY, head, int};
use super::transaction::{Effect, Numbers, Transaction};
use super::window::MOST_BYTES;

/// Most requests in one commit. One request may hold many leads.
const MOST_REQUESTS: usize = 1_024;

/// What a change is, for the failpoints around its commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Enqueue,
    Ack,
    Bury,
    Redrive,
    Callback,
    Other,
}

impl Change {
    fn before(self) -> Option<Failpoint> {
        match self {
            Self::Enqueue => Some(Failpoint::BeforeEnqueueCommit),
            Self::Bury => Some(Failpoint::BeforeBuryCommit),
            Self::Redrive => Some(Failpoint::BeforeRedriveCommit),
            Self::Callback => Some(Failpoint::BeforeCallbackCommit),
            Self::Ack | Self::Other => None,
        }
    }

    fn after(self) -> Option<Failpoint> {
        match self {
            Self::Enqueue => Some(Failpoint::AfterEnqueueCommit),
            Self::Ack => Some(Failpoint::AfterAckCommit),
            Self::Bury => Some(Failpoint::AfterBuryCommit),
            Self::Redrive => Some(Failpoint::AfterRedriveCommit),
            Self::Callback => Some(Failpoint::AfterCallbackCommit),
            Self::Other => None,
        }
    }
}

/// What the writer is asked for.
pub(super) enum Request {
    /// Change something.
    Write(Box<dyn Work>),
    /// Read ahead in the queue of a vendor.
    ReadAhead { vendor: usize, answer: Option<oneshot::Sender<Result<(), StoreError>>> },
    /// Finish what came before, close the file, and say so.
    Close(oneshot::Sender<Result<(), StoreError>>),
}

/// One change of one caller.
pub(super) trait Work: Send {
    /// What it is.
    fn change(&self) -> Change;
    /// Does it, within the transaction.
    fn run(&mut self, transaction: &mut Transaction<'_>) -> rusqlite::Result<()>;
    /// Tells the caller; `Err` when it is not durable.
    fn answer(self: Box<Self>, result: Result<(), StoreError>);
}

/// A change that is a closure.
pub(super) struct Task<F, T> {
    pub(super) change: Change,
    pub(super) work: Option<F>,
    pub(super) result: Option<T>,
    pub(super) answer: oneshot::Sender<Result<T, StoreError>>,
}

impl<F, T> Work for Task<F, T>
where
    F: FnOnce(&mut Transaction<'_>) -> rusqlite::Result<T> + Send,
    T: Send,
{
    fn change(&self) -> Change {
        self.change
    }

    fn run(&mut self, transaction: &mut Transaction<'_>) -> rusqlite::Result<()> {
        if let Some(work) = self.work.take() {
            self.result = Some(work(transaction)?);
        }
        Ok(())
    }

    fn answer(self: Box<Self>, result: Result<(), StoreError>) {
        let Self { result: value, answer, .. } = *self;
        let lost = || StoreError("a change was not carried out".to_owned());
        // A caller that has gone needs no answer.
        let _ = answer.send(result.and_then(|()| value.ok_or_else(lost)));
    }
}

/// The thread that writes.
pub(super) struct Writer {
    pub(super) connection: Connection,
    pub(super) shared: Arc<Shared>,
    pub(super) numbers: Numbers,
}

impl Writer {
    /// Serves requests until it is told to close, or nobody is left to ask.
    pub(super) fn run(mut self, requests: &Receiver<Request>) {
        let mut batch = Vec::new();
        while let Ok(first) = requests.recv() {
            let mut next = Some(first);
            while let Some(request) = next.take() {
                match request {
                    Request::Write(work) => batch.push(work),
                    Request::ReadAhead { vendor, answer } => {
                        let result = self.read_ahead(vendor).map_err(|error| store_error(&error));
                        if let Some(answer) = answer {
                            let _ = answer.send(result);
                        }
                    }
                    Request::Close(answer) => {
                        self.commit(&mut batch);
                        let _ = answer.send(self.close());
                        return;
                    }
                }
                if batch.len() < MOST_REQUESTS {
                    next = requests.try_recv().ok();
                }
            }
            self.commit(&mut batch);
        }
        let _ = self.close();
    }

    fn close(self) -> Result<(), StoreError> {
        self.connection.close().map_err(|(_, error)| store_error(&error))
    }

    /// Makes a batch durable in one commit, and answers it.
    fn commit(&mut self, batch: &mut Vec<Box<dyn Work>>) {
        if batch.is_empty() {
            return;
        }
        let results = self.transact(batch);
        for (work, result) in batch.drain(..).zip(results) {
            work.answer(result);
        }
    }

    fn transact(&mut self, batch: &mut [Box<dyn Work>]) -> Vec<Result<(), StoreError>> {
        let mut transaction = Transaction::new(&self.connection, self.shared.settings.bounds, self.numbers);
        match run_all(&mut transaction, batch) {
            Ok(results) => {
                self.shared.commits.fetch_add(1, Ordering::Relaxed);
                let (numbers, effects) = transaction.finish();
                self.numbers = numbers;
                self.apply(effects);
                done(batch, &results).filter_map(Change::after).for_each(reach);
                results
            }
            Err(error) => {
                drop(transaction);
                if !self.connection.is_autocommit() {
                    // Where this fails too, the next BEGIN says so.
                    let _ = self.connection.execute_batch("ROLLBACK");
                }
                let error = store_error(&error);
                batch.iter().map(|_| Err(error.clone())).collect()
            }
        }
    }

    /// What is durable now becomes what is leased from.
    fn apply(&self, effects: Vec<Effect>) {
        let mut windows: Vec<_> = self.shared.windows.iter().map(|window| window.lock()).collect();
        for effect in effects {
            match effect {
                Effect::Enter(vendor, head) => windows[vendor].enter(head),
                Effect::Leave(vendor, id) => windows[vendor].leave(id),
            }
        }
        for (window, counts) in windows.iter_mut().zip(self.numbers.counts) {
            (window.queued, window.dead) = (counts.queued, counts.dead);
        }
    }

    /// Reads the next page of what may be leased into the window.
    fn read_ahead(&self, vendor: usize) -> rusqlite::Result<()> {
        let window = &self.shared.windows[vendor];
        let wanted = {
            let mut window = window.lock();
            window.reading = false;
            window.wanted()
        };
        let Some((after, most)) = wanted else { return Ok(()) };
        let sql = format!(
            "SELECT {ENTRY} WHERE e.vendor = ?1 AND e.head = 1 AND (e.due, e.id) > (?2, ?3) ORDER BY e.due, e.id LIMIT ?4"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let mut rows = statement.query((vendor as i64, int(after.0), int(after.1), most as i64))?;
        let (mut heads, mut bytes) = (Vec::new(), 0);
        let mut all = true;
        while let Some(row) = rows.next()? {
            let head = head(row)?;
            bytes += head.bytes;
            heads.push(head);
            if heads.len() == most || bytes > MOST_BYTES {
                all = false;
                break;
            }
        }
        let horizon = heads.last().filter(|_| !all).map(|head| head.turn);
        window.lock().extend(heads, horizon);
        Ok(())
    }
}

/// What was done, without the requests that failed.
fn done(batch: &[Box<dyn Work>], results: &[Result<(), StoreError>]) -> impl Iterator<Item = Change> {
    batch.iter().zip(results).filter(|(_, result)| result.is_ok()).map(|(work, _)| work.change())
}

/// Runs each request in a savepoint, and commits. `Err`: nothing at all is durable.
fn run_all(transaction: &mut Transaction<'_>, batch: &mut [Box<dyn Work>]) -> rusqlite::Result<Vec<Result<(), StoreError>>> {
    let connection = transaction.connection;
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute(())?;
    let mut results = Vec::with_capacity(batch.len());
    for work in &mut *batch {
        let mark = transaction.mark();
        connection.prepare_cached("SAVEPOINT request")?.execute(())?;
        let result = work.run(transaction);
        if let Err(error) = &result {
            if connection.is_autocommit() {
                // SQLite has rolled everything back, as it may when the disk is full.
                return Err(rusqlite::Error::SqliteFailure(
                    error.sqlite_error().copied().unwrap_or(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ABORT)),
                    Some(error.to_string()),
                ));
            }
            connection.prepare_cached("ROLLBACK TO request")?.execute(())?;
            transaction.back_to(mark);
        }
        connection.prepare_cached("RELEASE request")?.execute(())?;
        results.push(result.map_err(|error| store_error(&error)));
    }
    transaction.write_numbers()?;
    done(batch, &results).filter_map(Change::before).for_each(reach);
    connection.prepare_cached("COMMIT")?.execute(())?;
    Ok(results)
}

/// What SQLite says, with what can be done about it.
pub(super) fn store_error(error: &rusqlite::Error) -> StoreError {
    use rusqlite::ErrorCode;
    let advice = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => " (the disk is full: nothing was changed; it works again when there is room)",
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => " (the file is damaged: stop, and restore a copy)",
        _ => "",
    };
    StoreError(format!("SQLite: {error}{advice}"))
}
