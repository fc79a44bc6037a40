//! Why a simulation could not start.

use std::io;
use std::path::PathBuf;

use crate::fault::FaultProblem;
use crate::settings::SettingsProblem;
pub use crate::tls::TlsError;

/// Why a simulation could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Somebody else listens there.
    #[error("port {port} on 127.0.0.1 is taken; choose another with {option}, or 0 for any free port")]
    PortTaken {
        /// The port.
        port: u16,
        /// The option that chooses it: `--clay-port` or `--customer-io-port`.
        option: &'static str,
    },
    /// The operating system refused a socket.
    #[error("cannot listen on port {port} of 127.0.0.1 (see {option}): {source}")]
    Listen {
        /// The port.
        port: u16,
        /// The option that chooses it.
        option: &'static str,
        /// What it said.
        source: io::Error,
    },
    /// There is no TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The certificate authority cannot be written where it was asked for.
    #[error("cannot write the certificate authority to {}: {source}", .file.display())]
    CaFile {
        /// The file.
        file: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A setting makes no sense.
    #[error(transparent)]
    Setting(#[from] SettingsProblem),
    /// A fault makes no sense.
    #[error("fault `{name}`, {problem}")]
    Fault {
        /// The fault's name.
        name: String,
        /// What is wrong with it.
        problem: FaultProblem,
    },
}
