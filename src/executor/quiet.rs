//! Keeps a library's chatter out of standard output, where results go.
//!
//! Goose prints "N users launched." with `println!` whatever its settings; while a [`QuietStdout`] lives, the process's
//! standard output goes nowhere.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::fd::OwnedFd;

/// Standard output is silent until this is dropped.
#[derive(Debug)]
pub(super) struct QuietStdout {
    real: OwnedFd,
}

impl QuietStdout {
    /// Silences standard output.
    pub(super) fn start() -> io::Result<Self> {
        io::stdout().flush()?;
        let real = rustix::io::dup(io::stdout())?;
        let nowhere = OpenOptions::new().write(true).open("/dev/null")?;
        rustix::stdio::dup2_stdout(nowhere)?;
        Ok(Self { real })
    }
}

impl Drop for QuietStdout {
    fn drop(&mut self) {
        // What was buffered meanwhile is the library's: it goes nowhere too. A failure leaves output silent, and there
        // nothing can be reported.
        let _ = io::stdout().flush();
        let _ = rustix::stdio::dup2_stdout(&self.real);
    }
}
