//! What the admin API is made of.

use std::net::{IpAddr, Ipv4Addr};

use serde::{Deserialize, Serialize};

use crate::secret::Secret;
use crate::simulated::SettingsProblem;

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

impl AdminSettings {
    /// # Errors
    ///
    /// Beyond loopback without a token: any machine that reaches it could break the simulation and read what it was sent. And a
    /// token that no request could carry.
    pub(super) fn check(&self) -> Result<(), SettingsProblem> {
        let wrong = |setting, problem: String| Err(SettingsProblem { setting, problem });
        match &self.token {
            None if !self.address.is_loopback() => wrong(
                "admin.address",
                format!(
                    "{} is reachable from other machines, so the admin API needs a token there (see --admin-token-env)",
                    self.address
                ),
            ),
            Some(token) if token.0.is_empty() => wrong("admin.token", "is empty".to_owned()),
            Some(token) if !token.0.bytes().all(|byte| byte.is_ascii_graphic()) => wrong(
                "admin.token",
                "has characters that no header can carry; it must be of visible ASCII, without spaces".to_owned(),
            ),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(address: &str, token: Option<&str>) -> Option<String> {
        let token = token.map(|token| Secret(token.to_owned()));
        let settings = AdminSettings { address: address.parse().unwrap(), port: 0, token };
        settings.check().err().map(|problem| problem.to_string())
    }

    #[test]
    fn beyond_loopback_a_token_is_needed() {
        for address in ["127.0.0.1", "127.0.0.9", "::1"] {
            assert_eq!(problem(address, None), None, "{address}");
        }
        for address in ["0.0.0.0", "::", "192.168.0.7"] {
            assert!(problem(address, None).unwrap().contains("needs a token"), "{address}");
            assert_eq!(problem(address, Some("t0ken")), None, "{address}");
        }
    }

    #[test]
    fn a_token_can_be_carried_and_is_never_shown() {
        assert!(problem("::1", Some("")).unwrap().contains("empty"));
        let message = problem("::1", Some("secret token")).unwrap();
        assert!(message.contains("visible ASCII") && !message.contains("secret token"), "{message}");
        assert!(problem("::1", Some("tökén")).is_some());
        let settings = AdminSettings { token: Some(Secret("hidden".to_owned())), ..AdminSettings::default() };
        assert!(!format!("{settings:?}").contains("hidden"));
    }
}
