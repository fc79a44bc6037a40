//! A certificate authority of the simulator's own, and the certificate that it gave to the vendors.
//!
//! Some real clients use nothing but TLS. So the simulated vendors speak it too, with a certificate for
//! this machine and for the vendors' real host names, which an entry in a hosts file can point here. The authority is made
//! at start and its key forgotten at once, so trusting it puts nothing at risk beyond this run.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

/// The names that the certificate is for: this machine's, and the vendors' real ones.
const NAMES: [&str; 10] = [
    "localhost",
    "127.0.0.1",
    "::1",
    "track.customer.io",
    "track-eu.customer.io",
    "api.customer.io",
    "api-eu.customer.io",
    "cdp.customer.io",
    "cdp-eu.customer.io",
    "api.clay.com",
];

/// How long the certificates are valid from now. Some systems take none that is valid for more than 398 days in all, both ends
/// included; a run is shorter.
const VALID: Duration = Duration::from_secs(396 * 24 * 3600);

/// How much a client's clock may be behind.
const CLOCK_SKEW: Duration = Duration::from_secs(24 * 3600);

/// What protocols a client can choose over TLS.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// The simulated vendors' side of TLS.
pub(crate) struct Tls {
    pub(crate) acceptor: TlsAcceptor,
    pub(crate) pem: String,
}

/// TLS could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificates could not be made: no randomness, say.
    #[error("cannot make a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The certificate was not taken.
    #[error("cannot set TLS up: {0}")]
    Setup(#[from] rustls::Error),
}

impl Tls {
    /// A fresh authority with a fresh certificate, both valid from `date` on.
    ///
    /// # Errors
    ///
    /// The machine has no randomness to make keys of.
    pub(crate) fn new(date: SystemTime) -> Result<Self, TlsError> {
        let authority = authority(date)?;
        let key = KeyPair::generate()?;
        let certificate = certificate(date)?.signed_by(&key, &authority)?;
        let chain = vec![certificate.der().clone()];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), pem: authority.pem() })
    }
}

fn authority(date: SystemTime) -> Result<CertifiedIssuer<'static, KeyPair>, rcgen::Error> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
    describe(&mut params, date, "Authority of simulated vendors");
    CertifiedIssuer::self_signed(params, KeyPair::generate()?)
}

fn certificate(date: SystemTime) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(NAMES.map(str::to_owned))?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    describe(&mut params, date, "Simulated vendors");
    Ok(params)
}

fn describe(params: &mut CertificateParams, date: SystemTime, common_name: &str) {
    params.not_before = (date - CLOCK_SKEW).into();
    params.not_after = (date + VALID).into();
    // Without this the name would be the library's own.
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_start_has_an_authority_of_its_own() {
        let (one, other) = (
            Tls::new(SystemTime::UNIX_EPOCH + 2 * CLOCK_SKEW).unwrap(),
            Tls::new(SystemTime::UNIX_EPOCH + 2 * CLOCK_SKEW).unwrap(),
        );
        assert!(one.pem.starts_with("-----BEGIN CERTIFICATE-----"));
        assert_ne!(one.pem, other.pem);
    }
}
