//! What the program's exit code means. k6's numbers where k6 has one.

use std::process::ExitCode;

/// Why the program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything asked for was done, and no threshold failed.
    Passed = 0,
    /// The run could not start or go on: a port was taken, the disk was full, the simulator was lost; or the result could not
    /// be written to standard output.
    CouldNotRun = 1,
    /// The command line could not be understood.
    Usage = 2,
    /// A threshold failed, or an audit did not pass.
    ThresholdsFailed = 99,
    /// The scenario, or a book that was to be audited, is not valid.
    InvalidScenario = 104,
    /// The run was interrupted; what had been measured was written.
    Interrupted = 105,
    /// The load generator could not keep up with the plan, so the result says nothing.
    GeneratorBehind = 111,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// For `--help`.
pub(super) const HELP: &str = "\
Exit codes:
    0  passed: every threshold held (a run without thresholds is not judged, and ends with 0 too)
    1  the run could not start or go on (port taken, disk full, simulator lost), or its result
       could not be written to standard output
    2  the command line could not be understood
   99  a threshold failed, or an audit did not pass
  104  the scenario, or a book that was to be audited, is not valid
  105  interrupted; what had been measured was written
  111  the load generator could not keep up, so the result is invalid";
