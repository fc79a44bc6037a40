//! Why nothing came back.

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
    /// Nothing listens at the address, or its name cannot be resolved.
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

impl From<&hyper::Error> for SendError {
    fn from(error: &hyper::Error) -> Self {
        if error.is_parse() || error.is_parse_status() { Self::BadAnswer } else { Self::Lost }
    }
}
