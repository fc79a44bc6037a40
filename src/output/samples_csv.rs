//! `samples.csv`, when asked for: every sample as a row.

use std::fs::File;
use std::io::{self, BufWriter};
use std::time::Duration;

use super::{Sink, SinkError};
use crate::capacity::Assessment;
use crate::gate::Judged;
use crate::measure::{Column, LABELS, Label, Labels, Sample};
use crate::result::{RunDir, RunResult, SAMPLES};
use crate::units::micros;
use mock_server::private_file;

/// Writes `samples.csv` in a run's directory.
pub struct SamplesCsv {
    dir: RunDir,
    csv: csv::Writer<BufWriter<File>>,
    columns: Vec<(&'static str, Value)>,
}

impl SamplesCsv {
    /// Begins the file under its partial name; `tagged` when the plan names scenarios or gives tags.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn create(dir: &RunDir, tagged: bool) -> io::Result<Self> {
        let mut csv = csv::Writer::from_writer(BufWriter::new(private_file::create(&dir.partial(SAMPLES))?));
        let columns = columns(tagged);
        csv.write_record(columns.iter().map(|(name, _)| name))?;
        Ok(Self { dir: dir.clone(), csv, columns })
    }
}

impl Sink for SamplesCsv {
    fn name(&self) -> String {
        SAMPLES.to_owned()
    }

    fn wants_samples(&self) -> bool {
        true
    }

    fn sample(&mut self, sample: &Sample) -> Result<(), SinkError> {
        let labels = sample.labels();
        Ok(self.csv.write_record(self.columns.iter().map(|(_, value)| value.of(sample, &labels)))?)
    }

    fn finish(&mut self, _: &RunResult, _: &Judged<Assessment>) -> Result<Option<String>, SinkError> {
        self.csv.flush()?;
        self.dir.publish(SAMPLES)?;
        Ok(None)
    }
}

/// Where the value of a column comes from.
enum Value {
    Label(&'static Label),
    Sample(fn(&Sample) -> String),
}

impl Value {
    fn of(&self, sample: &Sample, labels: &Labels) -> String {
        match self {
            Self::Label(label) => label.value(labels).unwrap_or_default().into_owned(),
            Self::Sample(value) => value(sample),
        }
    }
}

fn columns(tagged: bool) -> Vec<(&'static str, Value)> {
    let mut columns = vec![
        ("due_us", Value::Sample(|sample| micros(sample.times[0]).to_string())),
        ("sent_us", Value::Sample(|sample| micros(sample.times[1]).to_string())),
        ("done_us", Value::Sample(|sample| micros(sample.times[2]).to_string())),
    ];
    columns.extend(labels_at(Column::BeforeCounts));
    columns.push(("attempt", Value::Sample(|sample| sample.attempt.to_string())));
    columns.push(("bytes", Value::Sample(|sample| sample.bytes.to_string())));
    columns.extend(labels_at(Column::AfterCounts));
    if tagged {
        columns.extend(labels_at(Column::WhenTagged));
        columns.push(("extra_tags", Value::Sample(|sample| sample.tags().to_string())));
    }
    columns.extend([
        ("connecting_us", Value::Sample(|sample| text(sample.steps.and_then(|steps| steps.connecting)))),
        ("tls_handshaking_us", Value::Sample(|sample| text(sample.steps.and_then(|steps| steps.tls)))),
        ("handed_us", Value::Sample(|sample| text(sample.steps.and_then(|steps| sample.times[1].checked_add(steps.handed))))),
        ("answered_us", Value::Sample(|sample| text(sample.steps.and_then(|steps| Some(sample.times[1] + steps.answered?))))),
    ]);
    columns
}

/// Microseconds; nothing for a time that there is not.
fn text(time: Option<Duration>) -> String {
    time.map_or_else(String::new, |time| micros(time).to_string())
}

fn labels_at(place: Column) -> impl Iterator<Item = (&'static str, Value)> {
    let named = move |label: &'static Label| label.column.filter(|(at, _)| *at == place).map(|(_, name)| (name, label));
    LABELS.iter().filter_map(named).map(|(name, label)| (name, Value::Label(label)))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::{Arc, Mutex};

    use tokio::time::Instant;

    use crate::capacity::{Basis, assess};
    use crate::clock::LoadClock;
    use crate::gate::judge;
    use crate::measure::{AttemptSample, FaultEnd, FaultWindow, IterationSample, RecorderBuilder, SampleReceiver, UserTags};
    use crate::outcome::{CLAY_RESOURCE, FailureKind, Peer, Steps, Vendor};
    use crate::result::Run;
    use crate::result::samples::result;

    use super::*;

    #[derive(Debug, Default)]
    struct Kept(Mutex<Vec<Sample>>);

    impl SampleReceiver for Kept {
        fn sample(&self, sample: Sample) {
            self.0.lock().unwrap().push(sample);
        }
    }

    fn us(us: u64) -> Duration {
        Duration::from_micros(us)
    }

    fn builder(kept: &Arc<Kept>) -> RecorderBuilder {
        let fault = FaultWindow { vendor: None, routes: Vec::new(), from_us: 0, end: FaultEnd::at(us(50)) };
        let mut builder = RecorderBuilder::new(LoadClock::starting_at(Instant::now()), vec![us(100), us(200)], vec![fault]);
        builder.receiver(Arc::clone(kept) as _);
        builder
    }

    /// The text of the file.
    fn written(kept: &Kept, tagged: bool) -> String {
        let dir = tempfile::tempdir().unwrap();
        let run_dir = RunDir::at(&dir.path().join("run")).unwrap();
        let mut sink = SamplesCsv::create(&run_dir, tagged).unwrap();
        kept.0.lock().unwrap().iter().for_each(|sample| sink.sample(sample).unwrap());
        let run = Run { result: result(), seconds: Vec::new(), totals: Default::default(), fault_latencies: Vec::new() };
        let judged = Judged { verdict: judge(&run, &[], Vec::new()), capacity: assess(&run, &Basis::default()) };
        assert_eq!(sink.finish(&run.result, &judged).unwrap(), None);
        fs::read_to_string(run_dir.file(SAMPLES)).unwrap()
    }

    #[test]
    fn every_sample_is_a_row() {
        let kept = Arc::default();
        let mut builder = builder(&kept);
        let route = builder.route("say \"hi\", twice", Peer::Service);
        let journey = builder.journey("lead", Vendor::Clay, [CLAY_RESOURCE]);
        let (recorder, _collector) = builder.build(1);
        let failure = Some(FailureKind::RateLimited);
        let [due, sent, done] = [us(10), us(20), us(30)];
        let steps = Steps { connecting: Some(us(3)), tls: Some(us(2)), handed: us(6), answered: Some(us(9)) };
        let sample = AttemptSample { route, due, sent, done, steps, bytes: 5, status: 429, failure, attempt: 2 };
        recorder.attempt(sample);
        let steps = Steps { handed: Duration::MAX, ..Steps::default() };
        recorder.attempt(AttemptSample { steps, failure: Some(FailureKind::ConnectionRefused), status: 0, bytes: 0, ..sample });
        recorder.iteration(IterationSample { journey, due: us(100), sent: us(101), done: us(160), failure: None });
        assert_eq!(
            written(&kept, false),
            "due_us,sent_us,done_us,kind,vendor,name,status,failure,attempt,bytes,phase,under_fault,\
             connecting_us,tls_handshaking_us,handed_us,answered_us\n\
             10,20,30,attempt,service,\"say \"\"hi\"\", twice\",429,rate_limited,2,5,0,true,3,2,26,29\n\
             10,20,30,attempt,service,\"say \"\"hi\"\", twice\",,connection_refused,2,0,0,true,,,,\n\
             100,101,160,iteration,clay,lead,,,1,0,1,false,,,,\n"
        );
    }

    #[test]
    fn a_plan_with_tags_has_two_more_columns() {
        let kept = Arc::default();
        let mut builder = builder(&kept);
        let tags = UserTags::new([("team", "growth"), ("tier", "1")].map(|(k, v)| (k.to_owned(), v.to_owned())).into()).unwrap();
        let tagged = builder.tags(Some("spike"), &tags).journey("lead", Vendor::Clay, [CLAY_RESOURCE]);
        let plain = builder.tags(None, &UserTags::default()).journey("lead", Vendor::Clay, [CLAY_RESOURCE]);
        let (recorder, mut collector) = builder.build(1);
        for journey in [tagged, plain] {
            recorder.iteration(IterationSample { journey, due: us(1), sent: us(1), done: us(2), failure: None });
        }
        assert_eq!(
            written(&kept, true),
            "due_us,sent_us,done_us,kind,vendor,name,status,failure,attempt,bytes,phase,under_fault,scenario,extra_tags,\
             connecting_us,tls_handshaking_us,handed_us,answered_us\n\
             1,1,2,iteration,clay,lead,,,1,0,0,true,spike,team=growth&tier=1,,,,\n\
             1,1,2,iteration,clay,lead,,,1,0,0,true,default,,,,,\n"
        );
        let interval = collector.cut(us(3), crate::measure::Observed::default());
        assert_eq!(interval.series.keys().map(|labels| labels.value("team")).collect::<Vec<_>>(), [None, Some("growth".into())]);
    }
}
