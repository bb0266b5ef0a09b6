//! Basic authentication of the processor, and the signatures of its webhooks.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use sha1::Sha1;
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
    /// What webhooks are signed with, and what is to follow; with none, they are not signed.
    pub webhook_secrets: Vec<SecretString>,
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

impl Credentials {
    /// Whether `X-Marqeta-Signature` is that of exactly these bytes, by one of the secrets: lower-case hex of the
    /// HMAC by SHA-1 or SHA-256, for what the processor had queued when it was told another one keeps the old.
    /// Without a secret nothing is signed.
    #[must_use]
    pub fn accept_signature(&self, signature: Option<&[u8]>, body: &[u8]) -> bool {
        if self.webhook_secrets.is_empty() {
            return true;
        }
        let signature = signature.unwrap_or_default().trim_ascii();
        let is_right = |secret: &SecretString| {
            let secret = secret.expose_secret().as_bytes();
            let by_sha1 = hex(hmac::<Hmac<Sha1>>(secret, body).as_slice());
            let by_sha256 = hex(hmac::<Hmac<Sha256>>(secret, body).as_slice());
            equal(signature, by_sha1.as_bytes()) | equal(signature, by_sha256.as_bytes())
        };
        let is_right = self.webhook_secrets.iter().map(is_right);
        is_right.fold(Choice::from(0), |any, one| any | one).into()
    }
}

fn hmac<M: Mac + KeyInit>(secret: &[u8], body: &[u8]) -> Vec<u8> {
    // A key of any length is one.
    let mac = <M as KeyInit>::new_from_slice(secret).map(|mac| mac.chain_update(body));
    mac.map(|mac| mac.finalize().into_bytes().to_vec()).unwrap_or_default()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
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
            webhook_secrets: Vec::new(),
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
    fn a_signature_is_of_these_bytes_by_either_algorithm_and_either_secret() {
        let body = b"The quick brown fox jumps over the lazy dog";
        let signing = |secrets: &[&str]| Credentials {
            webhook_secrets: secrets.iter().map(|secret| SecretString::from(*secret)).collect(),
            ..credentials("Old-secret-0123456789", None)
        };
        let sha1 = b"de7c9b85b8b78aa6bc8a7a36f70a90701c9db4d9";
        let sha256 = b"f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8";
        for secrets in [&["key"][..], &["another", "key"], &["key", "another"]] {
            let signing = signing(secrets);
            assert!(
                signing.accept_signature(Some(sha1), body) && signing.accept_signature(Some(sha256), body)
            );
            let mut flipped = *body;
            flipped[7] ^= 1;
            assert!(!signing.accept_signature(Some(sha1), &flipped));
            assert!(!signing.accept_signature(Some(sha256), &flipped));
            assert!(!signing.accept_signature(None, body) && !signing.accept_signature(Some(b""), body));
        }
        assert!(!signing(&["another"]).accept_signature(Some(sha1), body));
        assert!(signing(&[]).accept_signature(None, body), "nothing is signed");
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
