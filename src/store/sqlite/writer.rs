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

use super::open;
use super::read::Question;
use super::row::{ENTRY, head, int, readable, uint};
use super::settings::make_durable;
use super::shared::{Shared, closed};
use super::transaction::{Effect, Numbers, Transaction};
use super::unreadable::{Record, Unreadable};
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
    /// To the thread that reads.
    pub(super) questions: std::sync::mpsc::Sender<Option<Question>>,
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
                        let result = self.read_ahead(vendor).map_err(|error| store_error(&error)).map(|bad| self.set_aside(bad));
                        match answer {
                            // A caller that has gone needs no answer.
                            Some(answer) => drop(answer.send(result)),
                            None => drop(result.inspect_err(|error| log::error!("the queue is not read ahead: {error}"))),
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
        if let Err(error) = self.close() {
            log::error!("the store was not closed in order: {error}");
        }
    }

    /// Writes the log back, so that the file by itself is whole, and says what became of it.
    fn close(self) -> Result<(), StoreError> {
        let path = self.connection.path().unwrap_or("the file").to_owned();
        let result = |row: &rusqlite::Row<'_>| Ok((row.get::<_, bool>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?));
        let away = self.shared.presence.check();
        match self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), result) {
            Ok((false, ..)) if away.is_err() => {
                log::warn!("what was acknowledged is whole in the file that was {path}, wherever it is now");
            }
            Ok((false, ..)) => log::info!("{path} is whole by itself: its log was written back"),
            Ok((true, frames, written)) => log::warn!(
                "{path} is whole only together with {path}-wal, of which {written} of {frames} pages were written back, because \
                 another program reads the file: keep both together"
            ),
            Err(error) => log::warn!(
                "{path} is whole only together with {path}-wal, which was not written back ({error}): keep both together"
            ),
        }
        self.connection.close().map_err(|(_, error)| store_error(&error))?;
        away
    }

    /// Sets operations aside that cannot be read; what waits behind them goes on.
    fn set_aside(&mut self, found: Vec<Unreadable>) {
        if !found.is_empty() {
            self.commit(&mut vec![Box::new(SetAside(found))]);
        }
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

    /// Refuses while the file is not where it was. A log that is gone is begun anew, with what was in it in the file.
    fn is_where_it_was(&mut self) -> Result<(), StoreError> {
        let presence = &self.shared.presence;
        let Err(error) = presence.check() else { return Ok(()) };
        if !presence.only_log_is_gone() {
            return Err(error);
        }
        self.renew_log().map_err(|why| StoreError(format!("{error} ({why})")))?;
        log::warn!("all that the log held is written back, and a new log is begun");
        self.shared.presence.check()
    }

    /// Writes back the log, which is still open although its name is gone, and opens the file anew with both connections. The
    /// reader follows before anything is written: it would look for it in the old log.
    fn renew_log(&mut self) -> Result<(), StoreError> {
        let failed = |error: &dyn std::fmt::Display| StoreError(error.to_string());
        let checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";
        let is_busy = self.connection.query_row(checkpoint, (), |row| row.get::<_, bool>(0)).map_err(|error| failed(&error))?;
        if is_busy {
            return Err(failed(&"another program reads the file, so that its log is not written back"));
        }
        let path = self.shared.presence.path().to_owned();
        let fresh = open::connect(&path, true).map_err(|error| failed(&error))?;
        make_durable(&fresh, self.shared.settings).map_err(|error| failed(&error))?;
        look_into(&fresh).map_err(|error| failed(&error))?;
        let (opened, is_open) = std::sync::mpsc::channel();
        let follow: Question = Box::new(move |reading| {
            let new = open::connect(&path, false).map_err(|error| error.to_string());
            let done = new.and_then(|new| {
                look_into(&new).map_err(|error| error.to_string())?;
                *reading = new;
                Ok(())
            });
            // The writer waits for it.
            let _ = opened.send(done);
        });
        self.questions.send(Some(follow)).map_err(|_| closed())?;
        is_open.recv().map_err(|_| closed())?.map_err(StoreError)?;
        self.connection = fresh;
        self.shared.presence.has_new_log().map_err(|error| failed(&error))
    }

    /// `Err`: how many changes are undone, and why.
    fn commit_once(&mut self, batch: &mut [Box<dyn Work>]) -> Result<Vec<Result<(), StoreError>>, (usize, StoreError)> {
        self.is_where_it_was().map_err(|error| (batch.len(), error))?;
        let mut transaction = Transaction::new(&self.connection, self.shared.settings.bounds, self.numbers);
        let mut results = Vec::with_capacity(batch.len());
        match run_all(&mut transaction, batch, &mut results) {
            Ok(()) => {
                self.shared.commits.fetch_add(1, Ordering::Relaxed);
                let (numbers, effects) = transaction.finish();
                self.numbers = numbers;
                self.apply(effects);
                done(batch, &results).filter_map(|change| change.failpoints()[1]).for_each(reach);
                // It is committed, but in a file that may not be there after a restart: that is no acknowledgement.
                self.shared.presence.check().map_err(|error| (batch.len(), error))?;
                Ok(results)
            }
            Err(error) => {
                if !self.connection.is_autocommit()
                    && let Err(error) = self.connection.execute_batch("ROLLBACK")
                {
                    log::error!("what failed was not undone: {error}");
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
                Effect::SetAside(found) => self.shared.quarantine.add(found),
            }
        }
        for (window, counts) in windows.iter_mut().zip(self.numbers.counts) {
            (window.queued, window.dead) = (counts.queued, counts.dead);
        }
    }

    /// Reads the next page of what may be leased into the window; gives what of it cannot be read.
    fn read_ahead(&self, vendor: usize) -> rusqlite::Result<Vec<Unreadable>> {
        let window = &self.shared.windows[vendor];
        let wanted = {
            let mut window = window.lock();
            window.reading = false;
            window.wanted()
        };
        let Some((after, most)) = wanted else { return Ok(Vec::new()) };
        let (mut heads, mut bytes) = (Vec::new(), 0);
        let (mut unreadable, mut last) = (Vec::new(), None);
        let mut all = true;
        // Many may be due at once: with both conditions in one, each page would pass over all of those again.
        for condition in [SAME_DUE, LATER_DUE] {
            let sql = format!("SELECT {ENTRY} WHERE e.vendor = ?1 AND e.head = 1 AND {condition} LIMIT ?4");
            let mut statement = self.connection.prepare_cached(&sql)?;
            let left = most - heads.len() - unreadable.len();
            let mut rows = statement.query((vendor as i64, int(after.0), int(after.1), left as i64))?;
            while all && let Some(row) = rows.next()? {
                let id = uint(row, "id")?;
                last = Some((uint(row, "due")?, id));
                match readable(head(row))? {
                    Ok(head) => {
                        bytes += head.bytes;
                        heads.push(head);
                    }
                    Err(reason) => unreadable.push(Unreadable { record: Record::Operation, id, reason }),
                }
                all = heads.len() + unreadable.len() < most && bytes <= MOST_BYTES;
            }
        }
        window.lock().extend(heads, last.filter(|_| !all));
        Ok(unreadable)
    }
}

/// Reads something, so that the log is open.
fn look_into(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("SELECT last_id FROM numbers", (), |_| Ok(()))
}

/// Sets operations aside. Nobody waits for it.
struct SetAside(Vec<Unreadable>);

impl Work for SetAside {
    fn change(&self) -> Change {
        Change::Other
    }

    fn run(&mut self, transaction: &mut Transaction<'_>) -> rusqlite::Result<()> {
        std::mem::take(&mut self.0).into_iter().try_for_each(|found| transaction.put_aside(found))
    }

    fn answer(self: Box<Self>, result: Result<(), StoreError>) {
        if let Err(error) = result {
            log::error!("what cannot be read could not be set aside: {error}");
        }
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
