//! Where the measurements of a run go while it is under way: sinks, one a file.
//!
//! A sink may be slow, hang or fail: a disk, a database at the other end of a network, a terminal behind a paused pager. None
//! of that may slow the load or end it. So each sink runs on a thread of its own behind a bounded queue ([`Sinks`]); what finds
//! no room is lost, counted, and named in the result's warnings. The run's directory ([`RunWriter`](crate::result::RunWriter)) is
//! the exception: a run that cannot be kept is worth nothing, so the load waits for it and ends when it fails.

mod queue;
mod samples_csv;
mod sinks;

use std::error::Error;

use crate::capacity::Assessment;
use crate::event::Event;
use crate::gate::Judged;
use crate::measure::{Interval, Sample};
use crate::result::RunResult;

pub use samples_csv::SamplesCsv;
pub use sinks::Sinks;

/// Why a sink failed.
pub type SinkError = Box<dyn Error + Send + Sync>;

/// A destination of measurements. It gets what happens in order of time, and nothing more after its first error.
pub trait Sink: Send {
    /// What a warning calls it: "samples.csv".
    fn name(&self) -> String;

    /// Whether it is given every sample, of which there may be tens of thousands a second. Asked once, before the load.
    fn wants_samples(&self) -> bool {
        false
    }

    /// Takes a sample.
    ///
    /// # Errors
    /// When it cannot be passed on.
    fn sample(&mut self, _sample: &Sample) -> Result<(), SinkError> {
        Ok(())
    }

    /// Takes an event.
    ///
    /// # Errors
    /// When it cannot be passed on.
    fn event(&mut self, _event: &Event) -> Result<(), SinkError> {
        Ok(())
    }

    /// Takes a second, at its end.
    ///
    /// # Errors
    /// When it cannot be passed on.
    fn second(&mut self, _interval: &Interval) -> Result<(), SinkError> {
        Ok(())
    }

    /// The run is over. The last call. Gives what a reader of the result must know.
    ///
    /// # Errors
    /// When the end of the data cannot be passed on.
    fn finish(&mut self, _result: &RunResult, _judged: &Judged<Assessment>) -> Result<Option<String>, SinkError> {
        Ok(None)
    }
}
