//! Whether anybody listens, asked once before a load.

use std::time::Duration;

use http::Uri;
use tokio::net::TcpStream;

use super::error::SendError;

/// Longest wait for a connection.
const WITHIN: Duration = Duration::from_secs(5);

/// Connects to a URL's host and port and closes the connection again; nothing is sent.
///
/// # Errors
/// When no connection is made within 5 s.
pub async fn reach(uri: &Uri) -> Result<(), SendError> {
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
    match tokio::time::timeout(WITHIN, TcpStream::connect((host, port))).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(_)) => Err(SendError::Refused),
        Err(_) => Err(SendError::Timeout),
    }
}
