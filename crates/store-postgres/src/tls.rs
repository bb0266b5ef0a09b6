//! TLS to the server: one that speaks it has to prove who it is.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use bursar_store::StoreError;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::Socket;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres_rustls::MakeRustlsConnect;

/// A link over TLS.
pub(crate) type Stream = <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream;

/// Whom this system trusts. One that trusts nobody can still use a server without TLS.
static SYSTEM: LazyLock<Arc<RootCertStore>> = LazyLock::new(|| {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    Arc::new(roots)
});

/// What speaks TLS, and trusts only the CAs of this file, or the system's without one.
///
/// # Errors
/// The file cannot be read, or holds no certificate.
pub(crate) fn connector(ca_file: Option<&Path>) -> Result<MakeRustlsConnect, StoreError> {
    let roots = ca_file.map_or_else(|| Ok(Arc::clone(&SYSTEM)), read)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| StoreError::Unavailable(format!("no TLS: {error}")))?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    // A server that is spoken to in TLS from the first byte on (sslnegotiation=direct) insists on it.
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    Ok(MakeRustlsConnect::new(config))
}

fn read(file: &Path) -> Result<Arc<RootCertStore>, StoreError> {
    let failed = |why: &dyn std::fmt::Display| {
        StoreError::Unavailable(format!("postgres.ca_file {}: {why}", file.display()))
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(|error| failed(&error))? {
        let certificate = certificate.map_err(|error| failed(&error))?;
        roots.add(certificate).map_err(|error| failed(&error))?;
    }
    match roots.is_empty() {
        true => Err(failed(&"it holds no certificate; the form is PEM")),
        false => Ok(Arc::new(roots)),
    }
}
