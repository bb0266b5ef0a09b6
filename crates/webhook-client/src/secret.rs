//! What a subscriber and we know, and nobody else: by it the subscriber knows that a message is ours.

use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use sha2::Sha256;

use crate::sender::Message;

const PREFIX: &str = "whsec_";

/// By the specification.
const BYTES_MIN: usize = 24;
const BYTES_MAX: usize = 64;

/// The bytes of a new one: as many as its signatures have.
const BYTES: usize = 32;

/// A subscriber's secret, 24 to 64 bytes. It shows itself to nobody but in [`Secret::to_text`], and is wiped from
/// memory when it is dropped.
#[derive(Debug)]
pub struct Secret(SecretSlice<u8>);

/// Why a text is no secret. It holds no part of the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// It may be a secret of another kind.
    #[error("a webhook secret begins with whsec_")]
    Prefix,
    /// It was perhaps not copied whole.
    #[error("what follows whsec_ in a webhook secret is base64, with its = at the end")]
    Base64,
    /// So many are not safe, or not allowed.
    #[error("a webhook secret has 24 to 64 bytes, and this one {0}")]
    Length(usize),
}

impl Secret {
    /// A new one, from the thread's generator, which is seeded by the system and fit for secrets.
    #[must_use]
    pub fn random() -> Self {
        Self(rand::random::<[u8; BYTES]>().to_vec().into())
    }

    /// What the subscriber is given: `whsec_` and base64.
    #[must_use]
    pub fn to_text(&self) -> SecretString {
        format!("{PREFIX}{}", BASE64_STANDARD.encode(self.0.expose_secret())).into()
    }

    /// `v1,` and the base64 of the HMAC-SHA256.
    fn signature(&self, message: &Message<'_>) -> String {
        let mac = match Hmac::<Sha256>::new_from_slice(self.0.expose_secret()) {
            Ok(mac) => mac
                .chain_update(format!("{}.{}.", message.id, message.at.as_second()))
                .chain_update(message.body),
            Err(_) => unreachable!("HMAC takes keys of every length"),
        };
        format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl FromStr for Secret {
    type Err = SecretError;

    fn from_str(text: &str) -> Result<Self, SecretError> {
        let encoded = text.strip_prefix(PREFIX).ok_or(SecretError::Prefix)?;
        // The decoder's own error names the byte that it stumbled over.
        let bytes = BASE64_STANDARD.decode(encoded).map_err(|_| SecretError::Base64)?;
        let secret = Self(bytes.into());
        match secret.0.expose_secret().len() {
            BYTES_MIN..=BYTES_MAX => Ok(secret),
            length => Err(SecretError::Length(length)),
        }
    }
}

/// One signature for each secret, the value of `webhook-signature`: a subscriber takes the message if one is right.
pub(crate) fn signatures(secrets: &[Secret], message: &Message<'_>) -> String {
    let signatures: Vec<String> = secrets.iter().map(|secret| secret.signature(message)).collect();
    signatures.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(length: usize) -> String {
        format!("{PREFIX}{}", BASE64_STANDARD.encode(vec![7; length]))
    }

    #[test]
    fn a_new_secret_is_read_from_its_own_text() {
        let secret = Secret::random();
        let text = secret.to_text();
        let again: Secret = text.expose_secret().parse().expect("a secret");
        assert_eq!(again.0.expose_secret(), secret.0.expose_secret());
        assert_eq!(secret.0.expose_secret().len(), 32);
        assert_ne!(Secret::random().to_text().expose_secret(), text.expose_secret());
    }

    #[test]
    fn a_text_that_is_no_secret_is_refused_with_the_reason() {
        let refused = |text: &str| text.parse::<Secret>().expect_err(text);
        for length in [24, 64] {
            assert!(text_of(length).parse::<Secret>().is_ok(), "{length}");
        }
        for length in [0, 23, 65] {
            assert_eq!(refused(&text_of(length)), SecretError::Length(length));
        }
        assert_eq!(refused(&text_of(24).to_uppercase()), SecretError::Prefix);
        assert_eq!(refused("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa$w"), SecretError::Base64);
        assert_eq!(refused(&format!("{} ", text_of(24))), SecretError::Base64);
    }

    #[test]
    fn nobody_is_shown_a_secret() {
        let text = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let secret: Secret = text.parse().expect("a secret");
        let cut = &text[..text.len() - 1];
        let wrong = cut.parse::<Secret>().expect_err("cut off");
        let shown = format!("{secret:?} {:?} {wrong:?} {wrong}", secret.to_text());
        assert!(!shown.contains("MfKQ") && !shown.contains("49"), "{shown}");
    }
}
