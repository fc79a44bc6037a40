//! What the admin API is made of.

use std::net::{IpAddr, Ipv4Addr};

use serde::{Deserialize, Serialize};

use super::Secret;

/// The admin API: where it listens and who may use it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdminSettings {
    /// The address. Beyond loopback only with a `token`.
    pub address: IpAddr,
    /// The port; 0 for any free one.
    pub port: u16,
    /// The bearer token that every request must carry; `None` for none, on loopback only.
    pub token: Option<Secret>,
}

impl Default for AdminSettings {
    fn default() -> Self {
        Self { address: IpAddr::V4(Ipv4Addr::LOCALHOST), port: 0, token: None }
    }
}
