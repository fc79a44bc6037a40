//! Why a simulation could not start.

use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use crate::fault::FaultProblem;
use crate::settings::SettingsProblem;
use crate::tls::TlsError;

/// Why a simulation could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another program listens there.
    #[error("port {port} on {address} is taken; choose another with {option}, or 0 for any free port")]
    PortTaken {
        /// The address.
        address: IpAddr,
        /// The port.
        port: u16,
        /// The option that chooses it: `--clay-port`, `--customer-io-port` or `--admin-port`.
        option: &'static str,
    },
    /// The operating system refused a socket.
    #[error("cannot listen on port {port} of {address} (see {option}): {source}")]
    Listen {
        /// The address.
        address: IpAddr,
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
    /// A file cannot be written.
    #[error("cannot write {} (see {option}): {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The option that names it: `--ledger` or `--ca-file`.
        option: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
}

impl StartError {
    /// Of what writing the file of an option has ended with.
    pub(super) fn file(path: &Path, option: &'static str) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, option, source }
    }

    /// A port that cannot be had.
    pub(super) fn port(address: IpAddr, port: u16, option: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| match source.kind() {
            io::ErrorKind::AddrInUse => Self::PortTaken { address, port, option },
            _ => Self::Listen { address, port, option, source },
        }
    }
}
