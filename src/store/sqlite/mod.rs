//! Leads in one SQLite file: the embedded store, for a service that runs by itself.
//!
//! What was acknowledged must be there after the power came back. So every change is one transaction in WAL mode with
//! `synchronous = FULL`, and nobody is answered before its commit; group commit (`writer`) makes that affordable.
//! One process owns the file (`open`); leases and the window of what is sent next live in its memory (`window`).

mod backlog;
mod changes;
mod file;
mod leads;
mod lock;
mod open;
mod read;
mod row;
mod schema;
mod settings;
#[cfg(test)]
mod tests;
mod threads;
mod transaction;
mod window;
mod writer;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::outcome::Vendor;
use crate::resilience::{Operation, StoreError, UnixMillis};
use crate::store::{Acceptance, Enrichment, LeadRecord, LeadStore, NewLead, Recorded};

pub use backlog::SqliteBacklog;
pub use file::SqliteFile;
pub use open::OpenError;
pub use settings::SqliteSettings;

use leads::{ReadyLead, follow_up};
use read::Question;
use row::Key;
use threads::{Running, Threads, Waiting, closed};
use transaction::Transaction;
use writer::{Change, Request, Task, Writer, store_error};

/// A store of leads in one file. Clones share it; the file is closed with the last of them, or by [`LeadStore::close`].
#[derive(Debug, Clone)]
pub struct SqliteStore {
    shared: Arc<Shared>,
    threads: Arc<Threads>,
}

/// What the writer and those who lease share.
#[derive(Debug)]
struct Shared {
    settings: SqliteSettings,
    commits: AtomicU64,
    waiting: Waiting,
    windows: [SharedWindow; 3],
}

/// A window that is leased from by many.
#[derive(Debug)]
struct SharedWindow(Mutex<window::Window>);

impl SharedWindow {
    fn lock(&self) -> MutexGuard<'_, window::Window> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SqliteStore {
    /// Opens the file at `path`, or makes it.
    ///
    /// # Errors
    /// When the file is in use by another process, is not a store of leads, is of a later version, or is damaged: it is then
    /// as it was. When it cannot be made or read.
    pub fn open(path: &Path, settings: SqliteSettings) -> Result<Self, OpenError> {
        Self::start(path, settings, true)
    }

    /// As [`SqliteStore::open`], for a file that is there; none is made.
    ///
    /// # Errors
    /// As there, and when there is no file.
    pub fn open_existing(path: &Path, settings: SqliteSettings) -> Result<Self, OpenError> {
        Self::start(path, settings, false)
    }

    fn start(path: &Path, settings: SqliteSettings, make: bool) -> Result<Self, OpenError> {
        let (path, lock) = open::prepare(path, make)?;
        let path = path.as_path();
        let writing = open::connect(path, true)?;
        let numbers = settings::begin(&writing, settings).map_err(|error| open::sqlite(path, &error))?;
        let reading = open::connect(path, false)?;
        let windows =
            numbers.counts.map(|counts| SharedWindow(Mutex::new(window::Window::new(counts.queued, counts.dead, window::PAGE))));
        let shared = Arc::new(Shared { settings, commits: AtomicU64::new(0), waiting: Waiting::default(), windows });
        let (requests, asked) = channel();
        let (questions, questioned) = channel();
        let writer = Writer { connection: writing, shared: Arc::clone(&shared), numbers };
        let io = |error| OpenError::Io { path: path.to_owned(), error };
        let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
            std::thread::Builder::new().name(name.to_owned()).spawn(work).map_err(io)
        };
        let threads = vec![
            spawn("store-reader", Box::new(move || read::serve(reading, &questioned)))?,
            spawn("store-writer", Box::new(move || writer.run(&asked)))?,
        ];
        let running = Some(Running { requests, questions, threads, lock });
        Ok(Self { shared, threads: Arc::new(Threads { running: Mutex::new(running) }) })
    }

    /// Commits since it was opened: fewer than changes, for one commit takes all that wait.
    pub fn commits(&self) -> u64 {
        self.shared.commits.load(Ordering::Relaxed)
    }

    /// An operation that is leased is tried next when its lease is over; the file does not know of that.
    fn with_leases(&self, (mut lead, ids): read::Found) -> LeadRecord {
        for (operation, (vendor, id)) in lead.operations.iter_mut().zip(ids) {
            if let Some(due) = operation.due.as_mut()
                && let Some(end) = self.shared.windows[vendor].lock().lease_end(id)
            {
                *due = end;
            }
        }
        lead
    }

    async fn send(&self, request: Request) -> Result<(), StoreError> {
        let sender = self.threads.with(|running| running.requests.clone())?;
        sender.send(request).map_err(|_| closed())
    }

    async fn write<T: Send + 'static>(
        &self,
        change: Change,
        work: impl FnOnce(&mut Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.write_large(change, 0, work).await
    }

    /// As `write`, for a change that holds so many bytes. Waits while those that wait for the writer hold too many.
    async fn write_large<T: Send + 'static>(
        &self,
        change: Change,
        bytes: usize,
        work: impl FnOnce(&mut Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let room = self.shared.waiting.room_for(bytes).await.ok_or_else(closed)?;
        let (answer, answered) = oneshot::channel();
        self.send(Request::Write(Box::new(Task { change, work: Some(work), result: None, answer, _room: room }))).await?;
        answered.await.map_err(|_| closed())?
    }

    async fn read_ahead(&self, vendor: usize) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        self.send(Request::ReadAhead { vendor, answer: Some(answer) }).await?;
        answered.await.map_err(|_| closed())?
    }

    async fn read<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let question: Question = Box::new(move |connection| {
            if !answer.is_closed() {
                let _ = answer.send(question(connection).map_err(|error| store_error(&error)));
            }
        });
        self.threads.with(|running| running.questions.clone())?.send(question).map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }
}

impl LeadStore for SqliteStore {
    type Backlog = SqliteBacklog;

    fn backlog(&self, vendor: Vendor) -> SqliteBacklog {
        SqliteBacklog::new(self.clone(), vendor)
    }

    async fn accept(&self, leads: Vec<NewLead>, now: UnixMillis) -> Result<Vec<Acceptance>, StoreError> {
        let leads: Vec<ReadyLead> = leads.into_iter().map(|lead| ReadyLead::new(lead, now)).collect();
        let bytes = leads.iter().map(ReadyLead::bytes).sum();
        let accept = move |transaction: &mut Transaction<'_>| {
            leads.into_iter().map(|lead| transaction.accept(lead, now)).collect::<rusqlite::Result<Vec<_>>>()
        };
        self.write_large(Change::Enqueue, bytes, accept).await
    }

    async fn lead(&self, key: &str) -> Result<Option<LeadRecord>, StoreError> {
        let key = key.to_owned();
        let found = self.read(move |connection| read::lead(connection, &key)).await?;
        Ok(found.map(|found| self.with_leases(found)))
    }

    async fn leads(&self, after: Option<&str>, limit: usize) -> Result<Vec<LeadRecord>, StoreError> {
        let after = after.map(str::to_owned);
        let found = self.read(move |connection| read::leads(connection, after.as_deref(), limit)).await?;
        Ok(found.into_iter().map(|found| self.with_leases(found)).collect())
    }

    async fn enrich(&self, lead: &str, enrichment: Enrichment, operations: Vec<Operation>) -> Result<Recorded, StoreError> {
        let (lead, operations) = (Key::of(lead), follow_up(operations, enrichment.at));
        self.write(Change::Callback, move |transaction| transaction.enrich(&lead, &enrichment, operations)).await
    }

    async fn latest(&self) -> Result<Option<UnixMillis>, StoreError> {
        // Both are one step of an index.
        let sql = "SELECT max((SELECT coalesce(max(settled_at), 0) FROM leads WHERE open = 0),
                              (SELECT accepted_at FROM leads ORDER BY id DESC LIMIT 1))";
        let latest = self.read(|connection| connection.query_row(sql, (), |row| row.get::<_, Option<i64>>(0))).await?;
        Ok(latest.and_then(|latest| UnixMillis::try_from(latest).ok()))
    }

    async fn forget_settled(&self, before: UnixMillis) -> Result<u64, StoreError> {
        const AT_ONCE: usize = 500;
        let mut forgotten = 0;
        loop {
            let some = self.write(Change::Other, move |transaction| transaction.forget(before, AT_ONCE)).await?;
            forgotten += some;
            if some < AT_ONCE as u64 {
                return Ok(forgotten);
            }
        }
    }

    async fn check(&self) -> Result<(), StoreError> {
        self.write(Change::Other, |transaction| {
            transaction.connection.prepare_cached(backlog::CHECK)?.execute([backlog::check_time()]).map(drop)
        })
        .await
    }

    async fn close(&self) -> Result<(), StoreError> {
        let Some(running) = self.threads.take() else { return Ok(()) };
        let (answer, answered) = oneshot::channel();
        let result = match running.requests.send(Request::Close(answer)) {
            Ok(()) => answered.await.unwrap_or_else(|_| Err(closed())),
            Err(_) => Err(closed()),
        };
        // What is left is to join threads that have nothing to do any more.
        running.end();
        result
    }
}
