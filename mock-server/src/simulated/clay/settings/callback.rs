//! What is sent back: enriched rows, and notices of finished runs.

use std::net::IpAddr;
use std::time::Duration;

use http::Uri;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::duration::Period;

use crate::secret::Secret;

/// Callbacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CallbackSettings {
    /// Where enriched rows are posted, unless their source or the row itself names another address; `None` for nowhere.
    pub url: Option<String>,
    /// The field of a row that names an address of its own. In Clay a column of the table does so, whose name is the
    /// user's; `None` for no such field.
    pub url_field: Option<String>,
    /// The key of the signature, `X-Clay-Signature: sha256=<hex of HMAC-SHA256 over the body>`; `None` for no signature.
    /// Documented for notices of finished runs; for rows it was taken over, because clients that check one check both.
    pub signing_secret: Option<Secret>,
    /// How long an attempt may take.
    #[serde(with = "crate::duration::text")]
    #[schemars(with = "Period")]
    pub timeout: Duration,
    /// Attempts at most, at least 1. "Delivery is not guaranteed" is all that is documented, so the default is one.
    pub attempts: u32,
    /// The pause before another attempt.
    #[serde(with = "crate::duration::text")]
    #[schemars(with = "Period")]
    pub retry_after: Duration,
    /// Attempts at a time.
    pub concurrency: usize,
    /// Callbacks that wait at most; further ones are given up at once, and counted.
    pub queue: usize,
    /// Whether addresses beyond this machine may be called. They may not unless you say so: a load test that is pointed at
    /// made-up leads must not post to whatever address a lead happens to carry.
    pub beyond_loopback: bool,
}

impl CallbackSettings {
    /// Whether `url` may be called, and if not, why.
    pub(crate) fn check_url(&self, url: &str) -> Result<Uri, String> {
        let parsed: Uri = url.parse().map_err(|_| format!("`{url}` is no URL; write it as http://127.0.0.1:3000/path"))?;
        match parsed.scheme_str() {
            Some("http") => {}
            _ => return Err(format!("`{url}` is not http; callbacks are made over plain http only")),
        }
        let host = parsed.host().unwrap_or_default();
        if self.beyond_loopback || is_loopback(host) {
            return Ok(parsed);
        }
        Err(format!("`{host}` is not this machine; use 127.0.0.1, or set clay.callbacks.beyond_loopback to allow others"))
    }

    /// The setting that makes no sense, and why.
    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        if let Some(url) = &self.url {
            self.check_url(url).map_err(|problem| ("clay.callbacks.url", problem))?;
        }
        for (setting, is_zero) in [
            ("clay.callbacks.attempts", self.attempts == 0),
            ("clay.callbacks.concurrency", self.concurrency == 0),
            ("clay.callbacks.queue", self.queue == 0),
            ("clay.callbacks.timeout", self.timeout.is_zero()),
        ] {
            if is_zero {
                return Err((setting, "is 0; with none, no callback would ever be made".to_owned()));
            }
        }
        Ok(())
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl Default for CallbackSettings {
    fn default() -> Self {
        Self {
            url: None,
            url_field: Some("callback_url".to_owned()),
            signing_secret: Some(Secret("whsec_simulated".to_owned())),
            timeout: Duration::from_secs(10),
            attempts: 1,
            retry_after: Duration::from_secs(5),
            concurrency: 16,
            queue: 10_000,
            beyond_loopback: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_called() {
        let settings = CallbackSettings::default();
        for good in ["http://127.0.0.1:1/x", "http://localhost/", "http://[::1]:80/", "http://127.9.9.9/a?b=c"] {
            assert!(settings.check_url(good).is_ok(), "{good}");
        }
        for bad in [
            "http://10.0.0.1/",
            "http://localhost.example.com/",
            "http://127.0.0.1.example.com/",
            "https://127.0.0.1/",
            "http://user@example.com/",
            "http://127.0.0.1@example.com/",
            "/hook",
            "",
        ] {
            assert!(settings.check_url(bad).is_err(), "{bad}");
        }
        let open = CallbackSettings { beyond_loopback: true, ..settings };
        assert!(open.check_url("http://example.com/").is_ok());
        assert!(open.check_url("ftp://example.com/").is_err());
    }
}
