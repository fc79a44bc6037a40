//! Group commit: one thread owns the connection that writes, and makes durable in one commit whatever waits.
//!
//! A disk that syncs two hundred times a second can't carry five thousand leads a second, each with a commit of its own.
//! While one commit syncs, requests gather; the next commit takes all of them. Each runs in a savepoint, so that one that
//! fails does not fail its neighbours, and each is answered after the commit, never before.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;

use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::failpoint::{Failpoint, reach};
use crate::resilience::StoreError;

use super::row::{ENTRY, head, int};
use super::shared::Shared;
use super::transaction::{Effect, Numbers, Transaction};
use super::window::MOST_BYTES;

/// Most requests in one commit. One request may hold many leads.
const MOST_REQUESTS: usize = 1_024;

/// What is due with the horizon, behind it.
pub(super) const SAME_DUE: &str = "e.due = ?2 AND e.id > ?3 ORDER BY e.id";
/// What is due later. The third parameter is the other's.
pub(super) const LATER_DUE: &str = "e.due > ?2 AND ?3 IS NOT NULL ORDER BY e.due, e.id";

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
    /// The failpoints before and after its commit.
    fn failpoints(self) -> [Option<Failpoint>; 2] {
        match self {
            Self::Enqueue => [Some(Failpoint::BeforeEnqueueCommit), Some(Failpoint::AfterEnqueueCommit)],
            Self::Ack => [None, Some(Failpoint::AfterAckCommit)],
            Self::Bury => [Some(Failpoint::BeforeBuryCommit), Some(Failpoint::AfterBuryCommit)],
            Self::Redrive => [Some(Failpoint::BeforeRedriveCommit), Some(Failpoint::AfterRedriveCommit)],
            Self::Callback => [Some(Failpoint::BeforeCallbackCommit), Some(Failpoint::AfterCallbackCommit)],
            Self::Other => [None, None],
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
    /// Answers the caller; `Err` when it is not durable.
    fn answer(self: Box<Self>, result: Result<(), StoreError>);
}

/// A change that is a closure.
pub(super) struct Task<F, T> {
    pub(super) change: Change,
    pub(super) work: Option<F>,
    pub(super) result: Option<T>,
    pub(super) answer: oneshot::Sender<Result<T, StoreError>>,
    /// What it holds counts for as long as it waits, whether its caller waits for it or not.
    pub(super) _room: OwnedSemaphorePermit,
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
    /// Serves requests until one asks it to close, or all senders are gone.
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

    /// Carries out a batch, in one commit unless the disk is full: then SQLite undoes all that the commit would have held,
    /// and what is behind the change that did not fit is tried by itself.
    fn transact(&mut self, batch: &mut [Box<dyn Work>]) -> Vec<Result<(), StoreError>> {
        let mut results = Vec::with_capacity(batch.len());
        while results.len() < batch.len() {
            let rest = &mut batch[results.len()..];
            match self.commit_once(rest) {
                Ok(done) => results.extend(done),
                Err((undone, error)) => results.extend((0..undone).map(|_| Err(error.clone()))),
            }
        }
        results
    }

    /// `Err`: how many changes are undone, and why.
    fn commit_once(&mut self, batch: &mut [Box<dyn Work>]) -> Result<Vec<Result<(), StoreError>>, (usize, StoreError)> {
        let mut transaction = Transaction::new(&self.connection, self.shared.settings.bounds, self.numbers);
        let mut results = Vec::with_capacity(batch.len());
        match run_all(&mut transaction, batch, &mut results) {
            Ok(()) => {
                self.shared.commits.fetch_add(1, Ordering::Relaxed);
                let (numbers, effects) = transaction.finish();
                self.numbers = numbers;
                self.apply(effects);
                done(batch, &results).filter_map(|change| change.failpoints()[1]).for_each(reach);
                Ok(results)
            }
            Err(error) => {
                if !self.connection.is_autocommit() {
                    // Where this fails too, the next BEGIN says so.
                    let _ = self.connection.execute_batch("ROLLBACK");
                }
                // The one that failed is the last that was run. Where none was run, none can be.
                let undone = if results.is_empty() { batch.len() } else { results.len() };
                Err((undone, store_error(&error)))
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
        let (mut heads, mut bytes) = (Vec::new(), 0);
        let mut all = true;
        // Many may be due at once: with both conditions in one, each page would pass over all of those again.
        for condition in [SAME_DUE, LATER_DUE] {
            let sql = format!("SELECT {ENTRY} WHERE e.vendor = ?1 AND e.head = 1 AND {condition} LIMIT ?4");
            let mut statement = self.connection.prepare_cached(&sql)?;
            let left = most - heads.len();
            let mut rows = statement.query((vendor as i64, int(after.0), int(after.1), left as i64))?;
            while all && let Some(row) = rows.next()? {
                let head = head(row)?;
                bytes += head.bytes;
                heads.push(head);
                all = heads.len() < most && bytes <= MOST_BYTES;
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

/// Runs each request in a savepoint, and commits. `Err`: nothing is durable, and no more was run than `results` has.
fn run_all(
    transaction: &mut Transaction<'_>,
    batch: &mut [Box<dyn Work>],
    results: &mut Vec<Result<(), StoreError>>,
) -> rusqlite::Result<()> {
    let connection = transaction.connection;
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute(())?;
    for work in &mut *batch {
        let mark = transaction.mark();
        connection.prepare_cached("SAVEPOINT request")?.execute(())?;
        let result = work.run(transaction);
        results.push(result.as_ref().map(drop).map_err(store_error));
        if result.is_err() && connection.is_autocommit() {
            // SQLite has rolled everything back.
            return result;
        }
        if result.is_err() {
            connection.prepare_cached("ROLLBACK TO request")?.execute(())?;
            transaction.back_to(mark);
        }
        connection.prepare_cached("RELEASE request")?.execute(())?;
    }
    transaction.write_numbers()?;
    done(batch, results).filter_map(|change| change.failpoints()[0]).for_each(reach);
    connection.prepare_cached("COMMIT")?.execute(())?;
    Ok(())
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
