//! `samples.csv`, when asked for: every sample as a row.

use std::fs::File;
use std::io::{self, BufWriter};

use super::{Sink, SinkError};
use crate::measure::{SampleFile, SampleSender};
use crate::report::Judged;
use crate::result::{RunDir, RunResult, SAMPLES};

/// Writes `samples.csv` in a run's directory.
pub struct SamplesCsv {
    dir: RunDir,
    file: Option<SampleFile>,
    sender: SampleSender,
}

impl SamplesCsv {
    /// Begins the file under its partial name.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn create(dir: &RunDir) -> io::Result<Self> {
        let (file, sender) = SampleFile::start(BufWriter::new(File::create(dir.partial(SAMPLES))?))?;
        Ok(Self { dir: dir.clone(), file: Some(file), sender })
    }
}

impl Sink for SamplesCsv {
    fn name(&self) -> String {
        SAMPLES.to_owned()
    }

    fn samples(&mut self) -> Option<SampleSender> {
        Some(self.sender.clone())
    }

    fn finish(&mut self, _: &RunResult, _: &Judged) -> Result<Option<String>, SinkError> {
        let Some(file) = self.file.take() else { return Ok(None) };
        let written = file.finish()?;
        self.dir.publish(SAMPLES)?;
        Ok(written.warning())
    }
}
