//! The run's own directory, which every run has: `latency.hlog`, `timeline.csv`, and `summary.json` last.

use super::{Sink, SinkError};
use crate::capacity::Assessment;
use crate::gate::Judged;
use crate::measure::Interval;
use crate::result::{RunResult, RunWriter};

impl Sink for RunWriter {
    fn name(&self) -> String {
        "the run's directory".to_owned()
    }

    fn second(&mut self, interval: &Interval) -> Result<(), SinkError> {
        Ok(self.write(interval)?)
    }

    fn finish(&mut self, result: &RunResult, judged: &Judged<Assessment>) -> Result<Option<String>, SinkError> {
        RunWriter::finish(self, result, judged)?;
        Ok(None)
    }
}
