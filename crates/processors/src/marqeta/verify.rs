//! Basic authentication of the processor.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// What the processor was told to send. Both passwords are valid while one replaces the other.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Marqeta's `basic_auth_username`.
    pub username: String,
    /// Marqeta's `basic_auth_password`.
    pub password: SecretString,
    /// The password that is to follow, during a rotation.
    pub password_next: Option<SecretString>,
}

impl Credentials {
    /// Whether the value of an `Authorization` header carries the username and one of the
    /// passwords. An empty password is never right: a setting left blank must not open the door.
    ///
    /// Takes the same time whichever part is wrong, and for every length of the secrets.
    #[must_use]
    pub fn accept(&self, authorization: Option<&[u8]>) -> bool {
        let Some(sent) = authorization.and_then(decode_basic) else {
            return false;
        };
        let Some(colon) = sent.iter().position(|&byte| byte == b':') else {
            return false;
        };
        let (username, password) = (&sent[..colon], &sent[colon + 1..]);
        let next = self.password_next.as_ref();
        let is_user = equal(username, self.username.as_bytes());
        let is_current = equal(password, self.password.expose_secret().as_bytes());
        let is_next = equal(password, next.map_or(b"", |next| next.expose_secret().as_bytes()));
        let is_given = Choice::from(u8::from(!password.is_empty()));
        (is_user & is_given & (is_current | is_next)).into()
    }
}

/// `Basic`, in any case, and the base64 of `username:password`.
fn decode_basic(authorization: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (scheme, encoded) = authorization.split_at_checked("Basic ".len())?;
    if !scheme.eq_ignore_ascii_case(b"Basic ") {
        return None;
    }
    BASE64_STANDARD.decode(encoded.trim_ascii()).ok().map(Zeroizing::new)
}

/// Compares digests, which all have one length: comparing the texts would tell theirs.
fn equal(left: &[u8], right: &[u8]) -> Choice {
    Sha256::digest(left).as_slice().ct_eq(Sha256::digest(right).as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(password: &str, password_next: Option<&str>) -> Credentials {
        Credentials {
            username: "marqeta".to_owned(),
            password: password.into(),
            password_next: password_next.map(SecretString::from),
        }
    }

    fn basic(pair: &str) -> String {
        format!("Basic {}", BASE64_STANDARD.encode(pair))
    }

    fn accepts(credentials: &Credentials, header: &str) -> bool {
        credentials.accept(Some(header.as_bytes()))
    }

    #[test]
    fn both_passwords_are_accepted_during_a_rotation() {
        let rotating = credentials("Old-secret:0123456789", Some("New-secret-0123456789"));
        assert!(accepts(&rotating, &basic("marqeta:Old-secret:0123456789")));
        assert!(accepts(&rotating, &basic("marqeta:New-secret-0123456789")));
        assert!(accepts(&rotating, &basic("marqeta:New-secret-0123456789").replace("Basic", "bAsIc")));
    }

    #[test]
    fn only_the_one_password_is_accepted_without_a_rotation() {
        let settled = credentials("Old-secret-0123456789", None);
        assert!(accepts(&settled, &basic("marqeta:Old-secret-0123456789")));
        assert!(!accepts(&settled, &basic("marqeta:New-secret-0123456789")));
    }

    #[test]
    fn everything_else_is_refused() {
        let rotating = credentials("Old-secret-0123456789", Some("New-secret-0123456789"));
        let right = basic("marqeta:Old-secret-0123456789");
        for header in [
            String::new(),
            "Basic".to_owned(),
            "Basic ".to_owned(),
            "Basic !!!".to_owned(),
            right.replace("Basic", "Bearer"),
            right.replace("Basic ", ""),
            right.trim_end_matches('=').replace("Basic ", "Basic A"),
            basic("marqeta"),
            basic("marqeta:"),
            basic(":Old-secret-0123456789"),
            basic("Marqeta:Old-secret-0123456789"),
            basic("marqeta:Old-secret-012345678"),
            basic("marqeta:Old-secret-01234567890"),
            basic("marqeta:old-secret-0123456789"),
            basic("marqeta:Old-secret-0123456789New-secret-0123456789"),
        ] {
            assert!(!accepts(&rotating, &header), "{header}");
        }
        assert!(!rotating.accept(None));
        assert!(!rotating.accept(Some(b"Basic \xff\xfe")));
    }

    #[test]
    fn a_blank_setting_opens_no_door() {
        assert!(!accepts(&credentials("", Some("")), &basic("marqeta:")));
        assert!(!accepts(&credentials("", None), &basic("marqeta:")));
    }

    #[test]
    fn the_passwords_are_not_printed() {
        let printed = format!("{:?}", credentials("Old-secret-0123456789", Some("New-secret-0123456789")));
        assert!(!printed.contains("secret-"), "{printed}");
    }
}
