//! How far a request got over its connection, and when.

use std::time::Duration;

/// The steps of a request, in time since it was sent. The default is a request that a kept connection took at once and that got
/// no answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Steps {
    /// How long it took to find the address and connect, where a connection was made for it.
    pub connecting: Option<Duration>,
    /// How long the TLS handshake of that connection took.
    pub tls: Option<Duration>,
    /// When it was handed to a connection: [`Duration::MAX`] when it never was.
    pub handed: Duration,
    /// When the head of its answer had come.
    pub answered: Option<Duration>,
}
