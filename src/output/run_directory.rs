//! The run's own directory, which every run has: `latency.hlog`, `timeline.csv`, and `summary.json` last.

use super::{Sink, SinkError};
use crate::measure::Interval;
use crate::report::Judged;
use crate::result::{RunResult, RunWriter, SeriesSum};

/// Writes a run to its directory.
pub struct RunDirectory {
    writer: RunWriter,
}

impl RunDirectory {
    /// Writes by `writer`.
    pub fn new(writer: RunWriter) -> Self {
        Self { writer }
    }

    /// The exact sums of what has been written, for the result.
    pub fn sums(&self) -> Vec<SeriesSum> {
        self.writer.sums()
    }
}

impl Sink for RunDirectory {
    fn name(&self) -> String {
        "the run's directory".to_owned()
    }

    fn second(&mut self, interval: &Interval) -> Result<(), SinkError> {
        Ok(self.writer.write(interval)?)
    }

    fn finish(&mut self, result: &RunResult, judged: &Judged) -> Result<Option<String>, SinkError> {
        self.writer.finish(result, &serde_json::to_value(judged)?)?;
        Ok(None)
    }
}
