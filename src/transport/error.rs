//! Why nothing came back.

use std::io;

use rustix::io::Errno;
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
    /// The name has no address.
    #[error("its name has no address")]
    NoAddress,
    /// Nothing listens at the address.
    #[error("connection refused")]
    Refused,
    /// A connection, and no TLS over it.
    #[error("no trusted TLS connection can be made")]
    Tls,
    /// This process had no descriptor, or this machine no port or address, for a connection.
    #[error("this machine has no descriptor, port or address left for a connection")]
    LocalLimit,
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
            Self::NoAddress => FailureKind::Dns,
            Self::Refused => FailureKind::ConnectionRefused,
            Self::Tls => FailureKind::Tls,
            Self::LocalLimit => FailureKind::LocalLimit,
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

/// What the system says when it cannot make or keep a connection.
impl From<&io::Error> for SendError {
    fn from(error: &io::Error) -> Self {
        if let Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::ADDRNOTAVAIL) = Errno::from_io_error(error) {
            return Self::LocalLimit;
        }
        match error.kind() {
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::NotConnected
            | io::ErrorKind::UnexpectedEof => Self::Lost,
            io::ErrorKind::TimedOut => Self::Timeout,
            _ => Self::Refused,
        }
    }
}
