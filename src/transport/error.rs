//! Why nothing came back.

use std::error::Error;
use std::io;

use thiserror::Error;

use crate::outcome::FailureKind;

/// The client could not be made.
#[derive(Debug, Error)]
pub enum TransportError {
    /// https was asked for and the machine has no usable trust anchors.
    #[error("cannot verify https servers on this machine: {0}; install its CA certificates (Debian: ca-certificates)")]
    Certificates(String),
}

/// A request that got no whole answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SendError {
    /// Nobody listens at the address, or its name cannot be found.
    #[error("connection refused")]
    Refused,
    /// The connection ended before a whole answer had come.
    #[error("connection lost")]
    Lost,
    /// No whole answer before the deadline.
    #[error("timed out")]
    Timeout,
    /// What came was not HTTP.
    #[error("not a valid HTTP answer")]
    BadAnswer,
}

impl SendError {
    /// The kind that samples and breakers know it by.
    pub fn kind(self) -> FailureKind {
        match self {
            Self::Refused => FailureKind::ConnectionRefused,
            Self::Lost => FailureKind::ConnectionLost,
            Self::Timeout => FailureKind::Timeout,
            Self::BadAnswer => FailureKind::BadAnswer,
        }
    }
}

impl From<hyper_util::client::legacy::Error> for SendError {
    fn from(error: hyper_util::client::legacy::Error) -> Self {
        if error.is_connect() {
            return if io_kind(&error) == Some(io::ErrorKind::ConnectionReset) { Self::Lost } else { Self::Refused };
        }
        match error.source().and_then(|source| source.downcast_ref::<hyper::Error>()) {
            Some(cause) => cause.into(),
            None => Self::Lost,
        }
    }
}

impl From<&hyper::Error> for SendError {
    fn from(error: &hyper::Error) -> Self {
        if error.is_parse() || error.is_parse_status() { Self::BadAnswer } else { Self::Lost }
    }
}

/// The kind of the I/O error at the bottom of a chain of causes.
fn io_kind(error: &(dyn Error + 'static)) -> Option<io::ErrorKind> {
    let mut cause = Some(error);
    while let Some(current) = cause {
        if let Some(io) = current.downcast_ref::<io::Error>() {
            return Some(io.kind());
        }
        cause = current.source();
    }
    None
}
