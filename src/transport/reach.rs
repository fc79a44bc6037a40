//! Whether something listens at an address, checked once before a load.

use std::io;
use std::time::Duration;

use http::Uri;
use thiserror::Error;
use tokio_rustls::TlsConnector;

use super::connect::{secured, tcp};
use super::error::SendError;
use super::origin::Origin;

/// Longest wait for a connection.
const WITHIN: Duration = Duration::from_secs(5);

/// Why nothing can be sent to a URL.
#[derive(Debug, Error)]
pub enum Unreachable {
    /// No connection.
    #[error(transparent)]
    Connection(#[from] SendError),
    /// A connection, and no TLS over it, with the reason that a load's samples have no room for.
    #[error("no trusted TLS connection can be made: {0}")]
    Tls(#[source] io::Error),
}

/// Connects to a URL, with TLS where it asks for it, and closes the connection again.
pub(super) async fn reach(uri: &Uri, tls: Option<&TlsConnector>) -> Result<(), Unreachable> {
    tokio::time::timeout(WITHIN, connect(uri, tls)).await.unwrap_or(Err(SendError::Timeout.into()))
}

async fn connect(uri: &Uri, tls: Option<&TlsConnector>) -> Result<(), Unreachable> {
    let origin = Origin::of(uri).ok_or(SendError::Refused)?;
    let stream = tcp(&origin).await?;
    if origin.is_secure() {
        secured(&origin, tls.ok_or(SendError::Tls)?, stream).await.map_err(Unreachable::Tls)?;
    }
    Ok(())
}
