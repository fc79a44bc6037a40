//! `samples.csv`, when asked for: every sample as a row, written beside the run and never in its way.
//!
//! The hot path puts a row into a bounded channel; a thread writes. When the disk cannot keep up, rows are left out and
//! counted: a measurement must not wait for its own record.

use std::io::{self, BufWriter, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::outcome::Vendor;

use super::micros;
use super::shard::SeriesKey;

/// Rows that may wait for the disk: about 5 MB, and a second's pause at tens of thousands of requests a second.
const WAITING_ROWS: usize = 65_536;

/// The header line.
const COLUMNS: [&str; 12] =
    ["due_us", "sent_us", "done_us", "kind", "vendor", "name", "status", "failure", "attempt", "bytes", "phase", "under_fault"];

/// One row. The name is shared, not copied, so that a row costs no allocation.
#[derive(Debug)]
pub(super) struct SampleRow {
    pub(super) times: [Duration; 3],
    pub(super) key: SeriesKey,
    pub(super) vendor: Vendor,
    pub(super) name: Arc<str>,
    pub(super) attempt: u32,
    pub(super) bytes: u64,
}

enum Message {
    Row(SampleRow),
    End,
}

/// The end of the channel that the recorder holds.
#[derive(Debug, Clone)]
pub struct SampleSender {
    rows: SyncSender<Message>,
    left_out: Arc<AtomicU64>,
}

impl SampleSender {
    pub(super) fn send(&self, row: SampleRow) {
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = self.rows.try_send(Message::Row(row)) {
            self.left_out.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// How many samples a [`SampleFile`] holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SamplesWritten {
    /// Rows in the file.
    pub written: u64,
    /// Samples that were measured and counted but are not in the file, for the disk could not keep up.
    pub left_out: u64,
}

/// The writer of the samples.
#[derive(Debug)]
pub struct SampleFile {
    sender: SampleSender,
    writer: JoinHandle<io::Result<u64>>,
}

impl SampleFile {
    /// Starts writing to `out`. Give a clone of the sender to [`super::RecorderBuilder::samples`].
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start<W: Write + Send + 'static>(out: W) -> io::Result<(Self, SampleSender)> {
        Self::with_room_for(out, WAITING_ROWS)
    }

    fn with_room_for<W: Write + Send + 'static>(out: W, rows: usize) -> io::Result<(Self, SampleSender)> {
        let (rows, received) = sync_channel(rows);
        let sender = SampleSender { rows, left_out: Arc::default() };
        let writer = thread::Builder::new().name("samples".to_owned()).spawn(move || write_rows(out, &received))?;
        Ok((Self { sender: sender.clone(), writer }, sender))
    }

    /// Writes what is waiting and ends. Samples recorded later are not in the file.
    ///
    /// # Errors
    /// The first error of writing; what came before it is in the file.
    pub fn finish(self) -> io::Result<SamplesWritten> {
        // Fails only when the writer has ended already, on an error that join gives.
        let _ = self.sender.rows.send(Message::End);
        let written = self.writer.join().map_err(|_| io::Error::other("the writer of samples.csv panicked"))??;
        Ok(SamplesWritten { written, left_out: self.sender.left_out.load(Ordering::Relaxed) })
    }
}

fn write_rows(out: impl Write, rows: &Receiver<Message>) -> io::Result<u64> {
    let mut csv = csv::Writer::from_writer(BufWriter::new(out));
    csv.write_record(COLUMNS)?;
    let mut written = 0;
    while let Ok(Message::Row(row)) = rows.recv() {
        csv.write_record(fields(&row))?;
        written += 1;
    }
    csv.flush()?;
    Ok(written)
}

fn fields(row: &SampleRow) -> [String; 12] {
    let [due, sent, done] = row.times.map(|time| micros(time).to_string());
    let key = &row.key;
    let status = if key.status == 0 { String::new() } else { key.status.to_string() };
    [
        due,
        sent,
        done,
        key.kind.as_str().to_owned(),
        row.vendor.to_string(),
        row.name.to_string(),
        status,
        key.failure.map(|failure| failure.to_string()).unwrap_or_default(),
        row.attempt.to_string(),
        row.bytes.to_string(),
        key.phase.to_string(),
        key.under_fault.to_string(),
    ]
}
