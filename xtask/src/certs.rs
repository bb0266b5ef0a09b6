//! `cargo xtask certs`: a self-signed certificate for trying the stack of `deploy/`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rcgen::{CertifiedKey, generate_simple_self_signed};

use crate::Error;
use crate::say::say;

/// Where nginx reads it.
const FOLDER: &str = "deploy/certs";

/// The certificate's file.
pub(crate) const CERTIFICATE: &str = "bursar.crt";

/// The names that it is for.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Writes `bursar.crt` and `bursar.key`. A pair that is there stays: it may be somebody's own.
pub(crate) fn run() -> Result<(), Error> {
    write(Path::new(FOLDER))
}

/// The same in this folder.
pub(crate) fn write(folder: &Path) -> Result<(), Error> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    let [certificate, key] = [CERTIFICATE, "bursar.key"].map(|name| folder.join(name));
    if certificate.exists() || key.exists() {
        say(format_args!("there is a pair in {} already; remove it for another", folder.display()));
        return Ok(());
    }
    let pair = generate_simple_self_signed(NAMES.map(str::to_owned));
    let CertifiedKey { cert, signing_key } =
        pair.map_err(|error| format!("no certificate can be made: {error}"))?;
    fs::create_dir_all(folder).map_err(failed)?;
    // The folder keeps others out, and nginx, another user in its container, is let at the file alone.
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).map_err(failed)?;
    fs::write(&key, signing_key.serialize_pem()).map_err(failed)?;
    fs::write(&certificate, cert.pem()).map_err(failed)?;
    say(format_args!("{} and {}, for {}", certificate.display(), key.display(), NAMES.join(", ")));
    Ok(())
}

#[cfg(test)]
mod tests {
    use bursar_services::random;

    use super::*;

    #[test]
    fn a_pair_is_made_once_and_others_are_kept_out() {
        let place = std::env::temp_dir().join(format!("bursar-xtask-{}", random().expect("random")));
        write(&place).expect("written");
        let read =
            || ["bursar.crt", "bursar.key"].map(|name| fs::read_to_string(place.join(name)).expect("there"));
        let [certificate, key] = read();
        assert!(certificate.starts_with("-----BEGIN CERTIFICATE-----") && key.contains("PRIVATE KEY-----"));
        let mode = fs::metadata(&place).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode, 0o700, "{mode:o}");
        write(&place).expect("left alone");
        assert_eq!(read(), [certificate, key]);
        fs::remove_dir_all(place).expect("removed");
    }
}
