//! `X-Clay-Signature`: `sha256=<hex of HMAC-SHA256 over the raw body>`, as Clay documents it.
//!
//! It covers the body alone, no time of day: a receiver tells a repetition by what the body says, not by its signature.

use hmac::{Hmac, Mac};
use http::{HeaderName, HeaderValue};
use sha2::Sha256;

use crate::secret::Secret;

/// The header.
pub(super) const SIGNATURE: HeaderName = HeaderName::from_static("x-clay-signature");

/// The signature of `body`.
pub(super) fn sign(secret: &Secret, body: &[u8]) -> Option<HeaderValue> {
    signed(&[secret.0.as_bytes()], body)
}

/// A signature of the right form that is not that of `body`: it is made with another key.
pub(super) fn sign_badly(secret: &Secret, body: &[u8]) -> Option<HeaderValue> {
    signed(&[b"another key than ", secret.0.as_bytes()], body)
}

fn signed(key: &[&[u8]], body: &[u8]) -> Option<HeaderValue> {
    // HMAC takes keys of any length.
    let mut mac = Hmac::<Sha256>::new_from_slice(&key.concat()).ok()?;
    mac.update(body);
    let digest: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    HeaderValue::try_from(format!("sha256={digest}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_those_of_other_implementations() {
        // The second test case of RFC 4231.
        let (secret, body) = (Secret("Jefe".to_owned()), b"what do ya want for nothing?");
        let expected = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(sign(&secret, body).unwrap(), expected);
        let bad = sign_badly(&secret, body).unwrap();
        assert_eq!(bad.len(), expected.len());
        assert_ne!(bad, expected);
    }
}
