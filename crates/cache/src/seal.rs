//! Keys that tell nothing, and values that only this ledger's instances can write and read: whoever can write to the
//! cache's server cannot put anything there that is taken for ours, and whoever reads it reads nothing.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{Key as CipherKey, KeyInit, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use uuid::Uuid;

use crate::key_value::Key;

const NONCE: usize = 24;

/// Makes keys, seals and opens values.
#[derive(Clone)]
pub struct Seal {
    cipher: XChaCha20Poly1305,
    names: [u8; 32],
    /// What all keys of this ledger begin with: others may share the server.
    prefix: String,
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Seal of {}", self.prefix)
    }
}

impl Seal {
    /// The seal of a ledger's instances, who share this secret.
    #[must_use]
    pub fn new(ledger: Uuid, secret: &[u8; 32]) -> Self {
        let derive = |what: &[u8]| mac(secret, &[b"bursar cache ", what, ledger.as_bytes()]);
        Self {
            cipher: XChaCha20Poly1305::new(&CipherKey::from(derive(b"values "))),
            names: derive(b"names "),
            prefix: format!("bursar:{}", ledger.simple()),
        }
    }

    /// Where what is said of this is kept. The kind is a word of ours.
    #[must_use]
    pub fn key(&self, kind: &str, about: &[u8]) -> Key {
        let name = mac(&self.names, &[kind.as_bytes(), &[0], about]);
        Key::new(&format!("{}:{kind}:{}", self.prefix, URL_SAFE_NO_PAD.encode(&name[..16])))
    }

    /// The name of the channel on which this ledger's instances speak.
    #[must_use]
    pub fn channel(&self) -> String {
        format!("{}:forgotten", self.prefix)
    }

    /// The value as it is kept at this key; `None` if it is too long for the cipher: gigabytes.
    #[must_use]
    pub fn seal(&self, key: &Key, value: &[u8]) -> Option<Vec<u8>> {
        let nonce: [u8; NONCE] = rand::random();
        let payload = Payload { msg: value, aad: key.as_str().as_bytes() };
        let sealed = self.cipher.encrypt(&XNonce::from(nonce), payload).ok()?;
        Some([&nonce[..], &sealed].concat())
    }

    /// The value that was kept at this key; `None` if it is not ours, not whole, or another key's.
    #[must_use]
    pub fn open(&self, key: &Key, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>()?;
        let payload = Payload { msg: sealed, aad: key.as_str().as_bytes() };
        self.cipher.decrypt(&XNonce::from(*nonce), payload).ok()
    }
}

fn mac(secret: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let Ok(mut mac) = <Hmac<Sha256> as KeyInit>::new_from_slice(secret) else {
        unreachable!("HMAC takes keys of every length")
    };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_at_its_key_with_its_secret_and_for_its_ledger_only() {
        let [ledger, other] = [1, 2].map(Uuid::from_u128);
        let seal = Seal::new(ledger, &[7; 32]);
        let key = seal.key("card", b"token-1");
        let sealed = seal.seal(&key, b"a secret value").expect("short");
        assert_eq!(seal.open(&key, &sealed).as_deref(), Some(&b"a secret value"[..]));
        assert!(!sealed.windows(6).any(|part| part == b"secret"));
        assert_eq!(seal.open(&seal.key("card", b"token-2"), &sealed), None);
        assert_eq!(Seal::new(other, &[7; 32]).open(&key, &sealed), None);
        assert_eq!(Seal::new(ledger, &[8; 32]).open(&key, &sealed), None);
        for length in 0..sealed.len() {
            assert_eq!(seal.open(&key, &sealed[..length]), None, "{length}");
        }
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert_eq!(seal.open(&key, &changed), None, "{place}");
        }
    }

    #[test]
    fn a_key_tells_its_kind_and_ledger_and_not_what_it_is_about() {
        let seal = Seal::new(Uuid::from_u128(1), &[7; 32]);
        let key = seal.key("card", b"4111111111111111");
        assert!(key.as_str().starts_with("bursar:00000000000000000000000000000001:card:"), "{key}");
        assert!(!key.as_str().contains("4111"), "{key}");
        assert_eq!(key, seal.key("card", b"4111111111111111"));
        assert_ne!(seal.key("cards", b"1"), seal.key("card", b"s1"));
        assert!(!format!("{seal:?}").contains('7'));
    }
}
