//! Somebody who signs certificates, and a file by which he is trusted.

use std::fs;
use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use uuid::Uuid;

/// Signs certificates of servers.
pub struct Ca {
    issuer: Issuer<'static, KeyPair>,
    folder: TempDir,
}

impl Ca {
    /// A new one, whom nobody trusts yet.
    ///
    /// # Panics
    /// There is no place for its file.
    #[must_use]
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.distinguished_name.push(DnType::CommonName, Uuid::new_v4().to_string());
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).expect("a certificate");
        fs::write(folder.path().join("ca.pem"), certificate.pem()).expect("written");
        Self { issuer: Issuer::new(params, key), folder }
    }

    /// Whoever reads it can trust this CA.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A certificate of this host, and the key of it, both in PEM form.
    pub(crate) fn certify(&self, host: &str) -> (String, String) {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new([host.to_owned()]).expect("a name");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        (certificate.pem(), key.serialize_pem())
    }
}

impl Default for Ca {
    fn default() -> Self {
        Self::new()
    }
}
