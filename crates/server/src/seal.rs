//! Seals what may hold anything, or is secret, before it is stored: with the key of the quarantine.

use std::fmt;

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{Key, KeyInit, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The table that something sealed is of: it opens in no other.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Table {
    /// Notices that nobody can read.
    Inbox,
    /// Bodies of dead letters.
    DeadLetters,
    /// Secrets that sign notifications.
    Endpoints,
}

const KEY_ID: usize = 8;
const NONCE: usize = 24;

/// What seals the quarantine. `Debug` shows nothing of it.
#[derive(Clone)]
pub struct QuarantineKey([u8; 32]);

impl QuarantineKey {
    /// A key of 32 random bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl QuarantineKey {
    /// Another key, that tells nothing of this one: for what this word says.
    #[must_use]
    pub fn derive(&self, what: &str) -> [u8; 32] {
        mac(&self.0, what.as_bytes())
    }
}

impl fmt::Debug for QuarantineKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("QuarantineKey")
    }
}

/// Why a sealed item does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SealError {
    /// Another key sealed it.
    #[error("it was sealed with the key {sealed}, and quarantine_key is {ours}")]
    OtherKey {
        /// The id of that key.
        sealed: String,
        /// The id of ours.
        ours: String,
    },
    /// It was changed, or is another item's.
    #[error("it was changed after it was sealed")]
    Changed,
}

/// Seals and opens: `key id, nonce, ciphertext`.
pub(crate) struct Seal {
    cipher: XChaCha20Poly1305,
    key: QuarantineKey,
    key_id: [u8; KEY_ID],
}

impl Seal {
    pub(crate) fn new(key: QuarantineKey) -> Self {
        let digest = Sha256::new().chain_update(b"bursar quarantine key").chain_update(key.0).finalize();
        let mut key_id = [0; KEY_ID];
        key_id.copy_from_slice(&digest[..KEY_ID]);
        Self { cipher: XChaCha20Poly1305::new(&Key::from(key.0)), key, key_id }
    }

    /// Seals the content of what has this id in its table. `None` if it is too long for the cipher: gigabytes.
    pub(crate) fn seal(&self, table: Table, id: Uuid, content: &[u8]) -> Option<Vec<u8>> {
        let nonce: [u8; NONCE] = rand::random();
        let payload = Payload { msg: content, aad: &associated(table, id) };
        let sealed = self.cipher.encrypt(&XNonce::from(nonce), payload).ok()?;
        Some([&self.key_id[..], &nonce, &sealed].concat())
    }

    /// Opens what was sealed for what has this id in its table.
    pub(crate) fn open(&self, table: Table, id: Uuid, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let (key_id, rest) = sealed.split_at_checked(KEY_ID).ok_or(SealError::Changed)?;
        if key_id != self.key_id {
            return Err(SealError::OtherKey { sealed: hex(key_id), ours: hex(&self.key_id) });
        }
        let (nonce, sealed) = rest.split_first_chunk::<NONCE>().ok_or(SealError::Changed)?;
        let payload = Payload { msg: sealed, aad: &associated(table, id) };
        self.cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| SealError::Changed)
    }

    /// A hash that tells nothing of the content to whoever has no key.
    pub(crate) fn hash(&self, content: &[u8]) -> [u8; 32] {
        mac(&self.key.0, content)
    }
}

fn mac(key: &[u8; 32], content: &[u8]) -> [u8; 32] {
    match Hmac::<Sha256>::new_from_slice(key) {
        Ok(mac) => mac.chain_update(content).finalize().into_bytes().into(),
        Err(_) => unreachable!("HMAC takes keys of every length"),
    }
}

fn associated(table: Table, id: Uuid) -> Vec<u8> {
    let name: &[u8] = match table {
        Table::Inbox => b"inbox",
        Table::DeadLetters => b"dead_letters",
        Table::Endpoints => b"endpoints",
    };
    [name, id.as_bytes()].concat()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::Table::{Endpoints, Inbox};
    use super::*;

    const TEXT: &[u8] = br#"{"pan": "4111111111111111"}"#;

    #[test]
    fn what_is_sealed_opens_with_its_key_and_for_its_item_only() {
        let seal = Seal::new(QuarantineKey::new([7; 32]));
        let [id, other] = [1, 2].map(Uuid::from_u128);
        let sealed = seal.seal(Inbox, id, TEXT).expect("short");
        assert_eq!(seal.open(Inbox, id, &sealed).as_deref(), Ok(TEXT));
        assert_eq!(seal.open(Inbox, other, &sealed), Err(SealError::Changed));
        assert_eq!(seal.open(Endpoints, id, &sealed), Err(SealError::Changed));
        assert!(!sealed.windows(8).any(|window| TEXT.windows(8).any(|of| of == window)), "it is readable");
        assert_ne!(seal.seal(Inbox, id, TEXT).expect("short"), sealed, "a nonce is used once");
        for place in KEY_ID..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert_eq!(seal.open(Inbox, id, &changed), Err(SealError::Changed), "{place}");
        }
        for length in 0..sealed.len() {
            assert!(seal.open(Inbox, id, &sealed[..length]).is_err(), "{length}");
        }
        let another = Seal::new(QuarantineKey::new([8; 32]));
        assert!(matches!(another.open(Inbox, id, &sealed), Err(SealError::OtherKey { .. })));
        assert_ne!(seal.hash(TEXT), another.hash(TEXT));
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", QuarantineKey::new([7; 32])), "QuarantineKey");
    }
}
