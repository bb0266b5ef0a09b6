//! TLS as a client: rustls on ring, and the roots that the system trusts.

use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_native_certs::CertificateResult;

/// A client's side of TLS, which trusts whom this system trusts. It reads the system's roots: milliseconds and a few
/// files, so make it once a client.
///
/// # Errors
/// The system has no CA certificates although they are needed, and what to do about it.
pub fn tls(roots_are_needed: bool) -> Result<ClientConfig, String> {
    tls_of(roots(rustls_native_certs::load_native_certs(), roots_are_needed)?)
}

/// The same, which trusts these.
pub(crate) fn tls_of(roots: RootCertStore) -> Result<ClientConfig, String> {
    // Named, for rustls would otherwise ask for the provider of the process, which nobody has chosen.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| format!("there is no TLS: {error}"))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// A system with a root that cannot be read has others; only one without any is of no use.
fn roots(loaded: CertificateResult, are_needed: bool) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(loaded.certs);
    if are_needed && added == 0 {
        let why: Vec<String> = loaded.errors.iter().map(ToString::to_string).collect();
        return Err(format!(
            "this system has no CA certificates (Debian: ca-certificates; or set SSL_CERT_FILE) {}",
            why.join(", ")
        ));
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_without_roots_is_told_what_it_lacks_if_they_are_needed() {
        let why = roots(CertificateResult::default(), true).expect_err("no roots");
        assert!(why.contains("no CA certificates") && why.contains("SSL_CERT_FILE"), "{why}");
        assert!(roots(CertificateResult::default(), false).is_ok_and(|roots| roots.is_empty()));
    }
}
