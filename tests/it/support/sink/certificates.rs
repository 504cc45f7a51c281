//! Certificates that a mail server might show: good ones, and those that must be refused.

use std::path::Path;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::Identity;

/// A company's own authority.
pub(crate) struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut wanted = CertificateParams::default();
        wanted.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        wanted.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        wanted.distinguished_name.push(DnType::OrganizationName, "Northwind's own authority");
        let key = KeyPair::generate().unwrap();
        let certificate = wanted.self_signed(&key).unwrap();
        Self { certificate, issuer: Issuer::new(wanted, key) }
    }

    /// Writes its certificate into a file, as PEM.
    pub(crate) fn write(&self, file: &Path) {
        std::fs::write(file, self.certificate.pem()).unwrap();
    }

    /// A server of this name.
    pub(crate) fn vouches_for(&self, name: &str) -> Identity {
        self.sign(named(name))
    }

    /// A server of this name whose certificate ended long ago.
    pub(crate) fn vouched_for(&self, name: &str) -> Identity {
        let mut wanted = named(name);
        wanted.not_before = date_time_ymd(2001, 1, 1);
        wanted.not_after = date_time_ymd(2002, 1, 1);
        self.sign(wanted)
    }

    fn sign(&self, wanted: CertificateParams) -> Identity {
        let key = KeyPair::generate().unwrap();
        identity(&wanted.signed_by(&key, &self.issuer).unwrap(), &key)
    }
}

/// A server of this name for which nobody vouches.
pub(crate) fn self_signed(name: &str) -> Identity {
    let key = KeyPair::generate().unwrap();
    identity(&named(name).self_signed(&key).unwrap(), &key)
}

fn named(name: &str) -> CertificateParams {
    CertificateParams::new(vec![name.to_owned()]).unwrap()
}

fn identity(certificate: &Certificate, key: &KeyPair) -> Identity {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key);
    Arc::new(config.unwrap())
}
