//! The handle of an open file: it starts the two threads, and carries requests to them.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;

use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::resilience::StoreError;
use crate::store::LeadRecord;

use super::background::Background;
use super::open::Prepared;
use super::open_error::OpenError;
use super::presence::Presence;
use super::quarantine::Quarantine;
use super::read::{Found, Question};
use super::schema::VERSION;
use super::settings::SqliteSettings;
use super::shared::{Shared, closed};
use super::threads::{Running, Threads};
use super::transaction::{Effect, Transaction};
use super::unreadable::Unreadable;
use super::window::{self, Window};
use super::write_backlog::WriteBacklog;
use super::writer::{Change, Request, Task, Writer, store_error};
use super::{open, read, schema, settings};

/// A store of leads in one file. Clones share it; the file is closed with the last of them, or by
/// [`LeadStore::close`](crate::store::LeadStore::close).
#[derive(Debug, Clone)]
pub struct SqliteStore {
    pub(super) shared: Arc<Shared>,
    pub(super) threads: Arc<Threads>,
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
        let Prepared { path, lock, version, whole } = open::prepare(path, make, settings.checks_whole())?;
        let path = path.as_path();
        let sqlite = |error| open::sqlite(path, &error);
        let io = |error| OpenError::Io { path: path.to_owned(), error };
        let mut writing = open::connect(path, true)?;
        if version < VERSION {
            schema::migrate(&mut writing).map_err(sqlite)?;
            log::warn!("{} was of version {version} and is of version {VERSION} now", path.display());
        }
        let (numbers, mended) = settings::begin(&writing, settings, whole).map_err(sqlite)?;
        let quarantine = Quarantine::read(&writing).map_err(sqlite)?;
        for effect in mended {
            if let Effect::SetAside(found) = effect {
                quarantine.add(found);
            }
        }
        let presence = Presence::of(path).map_err(io)?;
        let reading = open::connect(path, false)?;
        let windows = numbers.counts.map(|counts| Mutex::new(Window::new(counts.queued, counts.dead, window::PAGE)));
        let shared = Arc::new(Shared {
            settings,
            commits: AtomicU64::new(0),
            write_backlog: WriteBacklog::default(),
            quarantine,
            presence,
            damage: Mutex::default(),
            windows,
        });
        let check = if whole { None } else { Some(Background::start(path.to_owned(), Arc::clone(&shared))?) };
        let (requests, asked) = channel();
        let (questions, questioned) = channel();
        let writer = Writer { connection: writing, shared: Arc::clone(&shared), numbers, questions: questions.clone() };
        let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
            std::thread::Builder::new().name(name.to_owned()).spawn(work).map_err(io)
        };
        let reader = spawn("store-reader", Box::new(move || read::serve(reading, &questioned)))?;
        let writer = spawn("store-writer", Box::new(move || writer.run(&asked)))?;
        let running = Some(Running { requests, questions, reader, writer, check, lock });
        Ok(Self { shared, threads: Arc::new(Threads { running: Mutex::new(running) }) })
    }

    /// Sets records aside that were found not to be readable. What is known already costs nothing.
    pub(super) async fn set_aside(&self, mut found: Vec<Unreadable>) {
        found.retain(|found| !self.shared.quarantine.has(found));
        if found.is_empty() {
            return;
        }
        let set_aside =
            move |transaction: &mut Transaction<'_>| found.into_iter().try_for_each(|found| transaction.put_aside(found));
        if let Err(error) = self.write(Change::Other, set_aside).await {
            log::error!("what cannot be read could not be set aside: {error}");
        }
    }

    /// Commits since it was opened: fewer than changes, for one commit takes all that wait.
    pub fn commits(&self) -> u64 {
        self.shared.commits.load(Ordering::Relaxed)
    }

    /// An operation that is leased is tried next when its lease is over; the file does not know of that.
    pub(super) fn with_leases(&self, (mut lead, ids): Found) -> LeadRecord {
        for (operation, (vendor, id)) in lead.operations.iter_mut().zip(ids) {
            if let Some(due) = operation.due.as_mut()
                && let Some(end) = self.shared.windows[vendor].lock().lease_end(id)
            {
                *due = end;
            }
        }
        lead
    }

    pub(super) async fn send(&self, request: Request) -> Result<(), StoreError> {
        let sender = self.threads.with(|running| running.requests.clone())?;
        sender.send(request).map_err(|_| closed())
    }

    pub(super) async fn write<T: Send + 'static>(
        &self,
        change: Change,
        work: impl FnOnce(&mut Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.write_large(change, 0, work).await
    }

    /// As `write`, for a change that holds so many bytes. Waits while those that wait for the writer hold too many.
    pub(super) async fn write_large<T: Send + 'static>(
        &self,
        change: Change,
        bytes: usize,
        work: impl FnOnce(&mut Transaction<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let room = self.shared.write_backlog.reserve(bytes).await.ok_or_else(closed)?;
        let (answer, answered) = oneshot::channel();
        self.send(Request::Write(Box::new(Task { change, work: Some(work), result: None, answer, _room: room }))).await?;
        answered.await.map_err(|_| closed())?
    }

    pub(super) async fn read_ahead(&self, vendor: usize) -> Result<(), StoreError> {
        let (answer, answered) = oneshot::channel();
        self.send(Request::ReadAhead { vendor, answer: Some(answer) }).await?;
        answered.await.map_err(|_| closed())?
    }

    pub(super) async fn read<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let question: Question = Box::new(move |connection| {
            if !answer.is_closed() {
                let _ = answer.send(question(connection).map_err(|error| store_error(&error)));
            }
        });
        self.threads.with(|running| running.questions.clone())?.send(Some(question)).map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }
}
