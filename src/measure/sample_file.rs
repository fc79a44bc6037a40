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

use super::labels::{LABELS, Label, Labels, Place, SeriesKey, Source};
use crate::units::micros;

/// Rows that may wait for the disk: about 5 MB, and a second's pause at tens of thousands of requests a second.
const WAITING_ROWS: usize = 65_536;

/// One row. Its names are shared, not copied, so that a row costs no allocation.
#[derive(Debug)]
pub(super) struct SampleRow {
    pub(super) times: [Duration; 3],
    pub(super) key: SeriesKey,
    pub(super) source: Source,
    pub(super) attempt: u32,
    pub(super) bytes: u64,
}

enum Message {
    /// The load begins; `tagged` when its plan names scenarios or gives tags.
    Begin {
        tagged: bool,
    },
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
    pub(super) fn begin(&self, tagged: bool) {
        // Fails only when the writer has ended already, on an error that it gives at the end.
        let _ = self.rows.send(Message::Begin { tagged });
    }

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

impl SamplesWritten {
    /// What a reader of the file must know, if anything.
    pub fn warning(&self) -> Option<String> {
        let Self { written, left_out } = self;
        (*left_out > 0).then(|| {
            format!(
                "samples.csv lacks {left_out} of {} samples: the disk could not keep up; all other figures hold them",
                written + left_out
            )
        })
    }
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
    let began = match rows.recv() {
        Ok(Message::Begin { tagged }) => Some(tagged),
        _ => None,
    };
    let columns = columns(began == Some(true));
    csv.write_record(columns.iter().map(|(name, _)| name))?;
    let mut written = 0;
    // A load that never began sends no rows, and its end has been read.
    while began.is_some()
        && let Ok(Message::Row(row)) = rows.recv()
    {
        let labels = Labels::of(&row.key, &row.source);
        csv.write_record(columns.iter().map(|(_, value)| value.of(&row, &labels)))?;
        written += 1;
    }
    csv.flush()?;
    Ok(written)
}

/// Where the value of a column comes from.
enum Value {
    Label(&'static Label),
    Sample(fn(&SampleRow) -> String),
}

impl Value {
    fn of(&self, row: &SampleRow, labels: &Labels) -> String {
        match self {
            Self::Label(label) => label.value(labels).unwrap_or_default().into_owned(),
            Self::Sample(value) => value(row),
        }
    }
}

/// The columns, with those of scenarios and the plan's own tags when a sample can have them.
fn columns(tagged: bool) -> Vec<(&'static str, Value)> {
    let mut columns = vec![
        ("due_us", Value::Sample(|row| micros(row.times[0]).to_string())),
        ("sent_us", Value::Sample(|row| micros(row.times[1]).to_string())),
        ("done_us", Value::Sample(|row| micros(row.times[2]).to_string())),
    ];
    columns.extend(labels_at(Place::BeforeCounts));
    columns.push(("attempt", Value::Sample(|row| row.attempt.to_string())));
    columns.push(("bytes", Value::Sample(|row| row.bytes.to_string())));
    columns.extend(labels_at(Place::AfterCounts));
    if tagged {
        columns.extend(labels_at(Place::WhenTagged));
        columns.push(("extra_tags", Value::Sample(|row| row.source.tags.to_string())));
    }
    columns
}

fn labels_at(place: Place) -> impl Iterator<Item = (&'static str, Value)> {
    let named = move |label: &'static Label| label.column.filter(|(at, _)| *at == place).map(|(_, name)| (name, label));
    LABELS.iter().filter_map(named).map(|(name, label)| (name, Value::Label(label)))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc;

    use tokio::time::Instant;

    use crate::clock::LoadClock;
    use crate::measure::{AttemptSample, FaultWindow, IterationSample, RecorderBuilder, UserTags};
    use crate::outcome::{FailureKind, Peer, Vendor};

    use super::*;

    /// What is written to it can be read by the test, after it asked `gate` (when there is one) for leave.
    #[derive(Clone, Default)]
    struct Page {
        text: Arc<Mutex<Vec<u8>>>,
        gate: Option<Arc<Mutex<Receiver<()>>>>,
    }

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if let Some(gate) = &self.gate {
                let _ = gate.lock().unwrap().recv();
            }
            self.text.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn us(us: u64) -> Duration {
        Duration::from_micros(us)
    }

    fn builder() -> RecorderBuilder {
        let fault = FaultWindow { vendor: None, from: us(0), to: us(50) };
        RecorderBuilder::new(LoadClock::starting_at(Instant::now()), vec![us(100), us(200)], vec![fault])
    }

    #[test]
    fn every_sample_is_a_row() {
        let page = Page::default();
        let (file, sender) = SampleFile::start(page.clone()).unwrap();
        let mut builder = builder();
        let route = builder.route("say \"hi\", twice", Peer::Service);
        let journey = builder.journey("lead", Vendor::Clay);
        builder.samples(sender);
        let (recorder, _collector) = builder.build(1);
        let failure = Some(FailureKind::RateLimited);
        recorder.attempt(AttemptSample {
            route,
            due: us(10),
            sent: us(20),
            done: us(30),
            bytes: 5,
            status: 429,
            failure,
            attempt: 2,
        });
        recorder.iteration(IterationSample { journey, due: us(100), sent: us(101), done: us(160), failure: None });
        assert_eq!(file.finish().unwrap(), SamplesWritten { written: 2, left_out: 0 });
        recorder.iteration(IterationSample { journey, due: us(1), sent: us(1), done: us(1), failure: None });
        let text = String::from_utf8(page.text.lock().unwrap().clone()).unwrap();
        assert_eq!(
            text,
            "due_us,sent_us,done_us,kind,vendor,name,status,failure,attempt,bytes,phase,under_fault\n\
             10,20,30,attempt,service,\"say \"\"hi\"\", twice\",429,rate_limited,2,5,0,true\n\
             100,101,160,iteration,clay,lead,,,1,0,1,false\n"
        );
    }

    #[test]
    fn a_plan_with_tags_has_two_more_columns() {
        let page = Page::default();
        let (file, sender) = SampleFile::start(page.clone()).unwrap();
        let mut builder = builder();
        let tags = UserTags::new([("team", "growth"), ("tier", "1")].map(|(k, v)| (k.to_owned(), v.to_owned())).into()).unwrap();
        let tagged = builder.tags(Some("spike"), &tags).journey("lead", Vendor::Clay);
        let plain = builder.tags(None, &UserTags::default()).journey("lead", Vendor::Clay);
        builder.samples(sender);
        let (recorder, mut collector) = builder.build(1);
        for journey in [tagged, plain] {
            recorder.iteration(IterationSample { journey, due: us(1), sent: us(1), done: us(2), failure: None });
        }
        file.finish().unwrap();
        let text = String::from_utf8(page.text.lock().unwrap().clone()).unwrap();
        assert_eq!(
            text,
            "due_us,sent_us,done_us,kind,vendor,name,status,failure,attempt,bytes,phase,under_fault,scenario,extra_tags\n\
             1,1,2,iteration,clay,lead,,,1,0,0,true,spike,team=growth&tier=1\n\
             1,1,2,iteration,clay,lead,,,1,0,0,true,default,\n"
        );
        let interval = collector.cut(us(3), crate::measure::Observed::default());
        assert_eq!(interval.series.keys().map(|labels| labels.value("team")).collect::<Vec<_>>(), [None, Some("growth".into())]);
    }

    #[test]
    fn a_slow_disk_costs_rows_and_not_time() {
        let (open, gate) = mpsc::channel();
        let page = Page { gate: Some(Arc::new(Mutex::new(gate))), ..Page::default() };
        let (file, sender) = SampleFile::with_room_for(page.clone(), 4).unwrap();
        let mut builder = builder();
        // A long name fills the writer's buffer soon, so that it waits at the gate with rows still coming.
        let journey = builder.journey(&"x".repeat(10_000), Vendor::Clay);
        builder.samples(sender);
        let (recorder, mut collector) = builder.build(1);
        (0..100).for_each(|_| {
            recorder.iteration(IterationSample { journey, due: us(1), sent: us(1), done: us(2), failure: None });
        });
        drop(open);
        let SamplesWritten { written, left_out } = file.finish().unwrap();
        assert_eq!(written + left_out, 100);
        assert!(left_out >= 90, "{left_out}");
        let warning = SamplesWritten { written, left_out }.warning().unwrap();
        assert!(warning.starts_with(&format!("samples.csv lacks {left_out} of 100 samples")), "{warning}");
        assert_eq!(SamplesWritten { written, left_out: 0 }.warning(), None);
        let rows = page.text.lock().unwrap().iter().filter(|byte| **byte == b'\n').count() as u64;
        assert_eq!(rows, 1 + written);
        let second = collector.cut(us(3), crate::measure::Observed::default()).second;
        assert_eq!(second.iterations, 100, "left out of the file, not of the measurement");
    }

    #[test]
    fn a_disk_that_fails_is_told_at_the_end() {
        struct Broken;
        impl Write for Broken {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (file, _sender) = SampleFile::start(Broken).unwrap();
        assert_eq!(file.finish().unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}
