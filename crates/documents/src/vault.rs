//! Seals and opens what identifies a person.
//!
//! Each person has a data key of 32 random bytes, which is kept wrapped by the documents key. A field is sealed by
//! itself, with a nonce of its own, and bound to its collection, its name, its person and its row: moved elsewhere, it
//! does not open. With the data key, all that it sealed is gone, in backups of later days as well.

use std::fmt;

use bursar_core::OwnerId;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{Key, KeyInit, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::contact::{Contact, Email, Phone};
use crate::field::Field;
use crate::sealed::{BlindIndex, ContactIndex, KeyId, Sealed, WrappedKey};

const KEY_ID: usize = 8;
const NONCE: usize = 24;

/// Wraps the keys of persons, and makes what they are found by. `Debug` shows nothing of it.
#[derive(Clone)]
pub struct DocumentsKey(Zeroizing<[u8; 32]>);

impl DocumentsKey {
    /// A key of 32 random bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }
}

/// Why something sealed does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Another key wrapped it.
    #[error("it was sealed by the documents_key with the mark {sealed}, and ours has the mark {ours}")]
    OtherKey {
        /// Which key that is.
        sealed: KeyId,
        /// Which is ours.
        ours: KeyId,
    },
    /// It was changed, or is another field's, row's or person's.
    #[error("{0} was changed after it was sealed, or belongs elsewhere")]
    Changed(&'static str),
    /// It opens, and is nothing that such a field can be: a newer Bursar may have written it.
    #[error("{0} opens, and cannot be read")]
    Unreadable(&'static str),
    /// It has to be there.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// Gigabytes.
    #[error("{0} is too long to be sealed")]
    TooLong(&'static str),
}

/// What has the documents key. `Debug` shows the key's id only.
pub struct Vault {
    wrapping: XChaCha20Poly1305,
    indexing: Zeroizing<[u8; 32]>,
    key_id: KeyId,
}

/// What has a person's data key. `Debug` shows whose only.
pub struct DataKey {
    cipher: XChaCha20Poly1305,
    person: OwnerId,
}

/// What the wrapped key is called where it does not open.
const DATA_KEY: &str = "the data key";

impl Vault {
    /// The vault with this key. Each use has a key of its own, derived from it.
    #[must_use]
    pub fn new(key: &DocumentsKey) -> Self {
        let derived = |label: &str| mac(&*key.0, &[b"bursar documents ", label.as_bytes()]);
        let mut key_id = [0; KEY_ID];
        key_id.copy_from_slice(&derived("key id")[..KEY_ID]);
        let wrapping = XChaCha20Poly1305::new(&Key::from(*derived("wrapping")));
        Self { wrapping, indexing: derived("indexing"), key_id: KeyId(key_id) }
    }

    /// Which documents key it has.
    #[must_use]
    pub const fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// That this is the key which wrapped a person's.
    ///
    /// # Errors
    /// [`SealError::OtherKey`], or it is none.
    pub fn recognise(&self, key: &WrappedKey) -> Result<(), SealError> {
        self.parts(key).map(drop)
    }

    /// A new data key for this person, and the same as it is kept.
    ///
    /// # Errors
    /// Never, with keys of this length.
    pub fn make_key(&self, person: OwnerId) -> Result<(DataKey, WrappedKey), SealError> {
        let bytes: Zeroizing<[u8; 32]> = Zeroizing::new(rand::random());
        let sealed = seal(&self.wrapping, &key_context(person), &bytes[..], DATA_KEY)?;
        Ok((DataKey::new(&bytes, person), WrappedKey([&self.key_id.0[..], &sealed].concat())))
    }

    /// The data key of this person.
    ///
    /// # Errors
    /// It was wrapped by another documents key or for another person, or was changed.
    pub fn unwrap(&self, person: OwnerId, key: &WrappedKey) -> Result<DataKey, SealError> {
        let sealed = self.parts(key)?;
        let bytes = Zeroizing::new(open(&self.wrapping, &key_context(person), sealed, DATA_KEY)?);
        let changed = SealError::Changed(DATA_KEY);
        let bytes: Zeroizing<[u8; 32]> = Zeroizing::new(bytes[..].try_into().map_err(|_| changed)?);
        Ok(DataKey::new(&bytes, person))
    }

    /// What is sealed of a key that ours wrapped.
    fn parts<'a>(&self, key: &'a WrappedKey) -> Result<&'a [u8], SealError> {
        let parts = key.0.split_first_chunk::<KEY_ID>().ok_or(SealError::Changed(DATA_KEY))?;
        let (sealed_by, sealed) = (KeyId(*parts.0), parts.1);
        match sealed_by == self.key_id {
            true => Ok(sealed),
            false => Err(SealError::OtherKey { sealed: sealed_by, ours: self.key_id }),
        }
    }

    /// What persons with this address are found by, whatever its case.
    #[must_use]
    pub fn email_index(&self, email: &Email) -> BlindIndex {
        self.index(Field::Email, &email.normalised())
    }

    /// What persons with this number are found by, however it is written.
    #[must_use]
    pub fn phone_index(&self, phone: &Phone) -> BlindIndex {
        self.index(Field::Phone, phone.as_str())
    }

    /// What persons with this contact are found by.
    #[must_use]
    pub fn contact_index(&self, contact: &Contact) -> ContactIndex {
        match contact {
            Contact::Email(email) => ContactIndex::Email(self.email_index(email)),
            Contact::Phone(phone) => ContactIndex::Phone(self.phone_index(phone)),
        }
    }

    /// With the field's name in it: equal texts in two fields are not seen to be equal.
    fn index(&self, field: Field, normalised: &str) -> BlindIndex {
        BlindIndex(*mac(&*self.indexing, &[field.as_str().as_bytes(), b"\0", normalised.as_bytes()]))
    }
}

impl DataKey {
    fn new(bytes: &[u8; 32], person: OwnerId) -> Self {
        Self { cipher: XChaCha20Poly1305::new(&Key::from(*bytes)), person }
    }

    /// Seals a field of this row.
    ///
    /// # Errors
    /// [`SealError::TooLong`].
    pub fn seal(&self, field: Field, row: Uuid, content: &[u8]) -> Result<Sealed, SealError> {
        seal(&self.cipher, &self.context(field, row), content, field.as_str()).map(Sealed)
    }

    /// Opens what was sealed for this field of this row.
    ///
    /// # Errors
    /// [`SealError::Changed`].
    pub fn open(&self, field: Field, row: Uuid, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>, SealError> {
        open(&self.cipher, &self.context(field, row), &sealed.0, field.as_str()).map(Zeroizing::new)
    }

    /// Names have no NUL and ids have one length, so no two contexts are one text.
    fn context(&self, field: Field, row: Uuid) -> Vec<u8> {
        let words = [field.collection().as_str(), field.as_str()].map(str::as_bytes);
        [words[0], b"\0", words[1], b"\0", self.person.uuid().as_bytes(), row.as_bytes()].concat()
    }
}

fn key_context(person: OwnerId) -> Vec<u8> {
    [b"data key\0", &person.uuid().as_bytes()[..]].concat()
}

/// `nonce, ciphertext`.
fn seal(
    cipher: &XChaCha20Poly1305,
    aad: &[u8],
    msg: &[u8],
    what: &'static str,
) -> Result<Vec<u8>, SealError> {
    let nonce: [u8; NONCE] = rand::random();
    let sealed = cipher.encrypt(&XNonce::from(nonce), Payload { msg, aad });
    let sealed = sealed.map_err(|_| SealError::TooLong(what))?;
    Ok([&nonce[..], &sealed].concat())
}

fn open(
    cipher: &XChaCha20Poly1305,
    aad: &[u8],
    sealed: &[u8],
    what: &'static str,
) -> Result<Vec<u8>, SealError> {
    let (nonce, msg) = sealed.split_first_chunk::<NONCE>().ok_or(SealError::Changed(what))?;
    cipher.decrypt(&XNonce::from(*nonce), Payload { msg, aad }).map_err(|_| SealError::Changed(what))
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    match Hmac::<Sha256>::new_from_slice(key) {
        Ok(mac) => {
            let mac = parts.iter().fold(mac, |mac, part| mac.chain_update(part));
            Zeroizing::new(mac.finalize().into_bytes().into())
        }
        Err(_) => unreachable!("HMAC takes keys of every length"),
    }
}

impl fmt::Debug for DocumentsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DocumentsKey")
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vault({})", self.key_id)
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataKey({})", self.person)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = b"Ada Lovelace, 12 St James's Square";

    fn vault(byte: u8) -> Vault {
        Vault::new(&DocumentsKey::new([byte; 32]))
    }

    fn person(number: u128) -> OwnerId {
        OwnerId::new(Uuid::from_u128(number))
    }

    fn has_part_of(bytes: &[u8], text: &[u8]) -> bool {
        bytes.windows(8).any(|window| text.windows(8).any(|of| of == window))
    }

    #[test]
    fn a_field_opens_with_its_key_and_in_its_place_only() {
        let (key, wrapped) = vault(7).make_key(person(1)).expect("a key");
        let row = Uuid::from_u128(1);
        for field in Field::ALL {
            let sealed = key.seal(field, row, TEXT).expect("short");
            assert_eq!(key.open(field, row, &sealed).as_deref().map(Vec::as_slice), Ok(TEXT));
            for other in Field::ALL.into_iter().filter(|other| *other != field) {
                assert_eq!(key.open(other, row, &sealed), Err(SealError::Changed(other.as_str())));
            }
            assert!(key.open(field, Uuid::from_u128(2), &sealed).is_err(), "another row's {field}");
            assert!(!has_part_of(&sealed.0, TEXT), "it is readable");
            assert_ne!(key.seal(field, row, TEXT).expect("short"), sealed, "a nonce is used once");
        }
        // Even under the same key: what is bound to a person is bound to it by more than its key.
        let bytes = open(&vault(7).wrapping, &key_context(person(1)), &wrapped.0[KEY_ID..], DATA_KEY);
        let bytes: [u8; 32] = bytes.expect("it opens").try_into().expect("32 bytes");
        let sealed = key.seal(Field::Email, row, TEXT).expect("short");
        let of_another = DataKey::new(&bytes, person(2));
        assert_eq!(of_another.open(Field::Email, row, &sealed), Err(SealError::Changed("email")));
        assert!(DataKey::new(&bytes, person(1)).open(Field::Email, row, &sealed).is_ok());
    }

    #[test]
    fn a_field_with_a_changed_bit_or_cut_off_does_not_open() {
        let (key, _) = vault(7).make_key(person(1)).expect("a key");
        let row = Uuid::from_u128(1);
        let Sealed(sealed) = key.seal(Field::Email, row, TEXT).expect("short");
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            let opened = key.open(Field::Email, row, &Sealed(changed));
            assert_eq!(opened, Err(SealError::Changed("email")), "{place}");
        }
        for length in 0..sealed.len() {
            assert!(key.open(Field::Email, row, &Sealed(sealed[..length].to_vec())).is_err(), "{length}");
        }
    }

    #[test]
    fn a_data_key_opens_for_its_person_only_and_another_documents_key_is_named() {
        let vault_7 = vault(7);
        let (key, wrapped) = vault_7.make_key(person(1)).expect("a key");
        let row = Uuid::from_u128(1);
        let sealed = key.seal(Field::Email, row, TEXT).expect("short");
        let again = vault_7.unwrap(person(1), &wrapped).expect("it is its key");
        assert_eq!(again.open(Field::Email, row, &sealed).as_deref().map(Vec::as_slice), Ok(TEXT));
        assert_eq!(vault_7.unwrap(person(2), &wrapped).err(), Some(SealError::Changed(DATA_KEY)));
        let error = vault(8).unwrap(person(1), &wrapped).expect_err("another key");
        assert!(matches!(&error, SealError::OtherKey { sealed, ours } if sealed != ours), "{error}");
        assert!(error.to_string().contains("documents_key"), "{error}");
        for place in KEY_ID..wrapped.0.len() {
            let mut changed = wrapped.clone();
            changed.0[place] ^= 1;
            let opened = vault_7.unwrap(person(1), &changed).err();
            assert_eq!(opened, Some(SealError::Changed(DATA_KEY)), "{place}");
        }
        for length in 0..wrapped.0.len() {
            let cut = WrappedKey(wrapped.0[..length].to_vec());
            assert!(vault_7.unwrap(person(1), &cut).is_err(), "{length}");
        }
    }

    #[test]
    fn every_person_has_another_data_key() {
        let vault = vault(7);
        let row = Uuid::from_u128(1);
        let (one, wrapped) = vault.make_key(person(1)).expect("a key");
        let (other, wrapped_again) = vault.make_key(person(1)).expect("a key");
        assert_ne!(wrapped, wrapped_again);
        let sealed = one.seal(Field::Email, row, TEXT).expect("short");
        assert_eq!(other.open(Field::Email, row, &sealed), Err(SealError::Changed("email")));
    }

    #[test]
    fn an_index_is_of_the_value_its_field_and_its_key() {
        let email = |text| Email::parse(text).expect("an address");
        let phone = |text| Phone::parse(text).expect("a number");
        let of = vault(7).email_index(&email("ada@example.org"));
        assert_eq!(of, vault(7).email_index(&email(" ADA@Example.org ")));
        assert_ne!(of, vault(7).email_index(&email("adb@example.org")));
        assert_ne!(of, vault(8).email_index(&email("ada@example.org")));
        let number = vault(7).phone_index(&phone("+49 151 123 45678"));
        assert_eq!(number, vault(7).phone_index(&phone("+4915112345678")));
        assert_ne!(number, vault(7).index(Field::Email, "+4915112345678"));
        assert!(!has_part_of(&of.0, b"ada@example.org"));
    }

    #[test]
    fn the_keys_for_wrapping_and_for_finding_are_two() {
        let vault = vault(7);
        assert_ne!(*vault.indexing, [7; 32]);
        let with = XChaCha20Poly1305::new(&Key::from(*vault.indexing));
        let (_, wrapped) = vault.make_key(person(1)).expect("a key");
        assert!(open(&with, &key_context(person(1)), &wrapped.0[KEY_ID..], DATA_KEY).is_err());
    }

    #[test]
    fn debug_shows_no_key_and_no_content() {
        let vault = vault(7);
        let (key, wrapped) = vault.make_key(person(1)).expect("a key");
        let sealed = key.seal(Field::Email, Uuid::from_u128(1), TEXT).expect("short");
        let index = vault.index(Field::Email, "ada@example.org");
        let shown = format!("{:?} {wrapped:?} {sealed:?} {index:?}", DocumentsKey::new([7; 32]));
        assert_eq!(shown, "DocumentsKey WrappedKey(80 bytes) Sealed(74 bytes) BlindIndex(32 bytes)");
        assert_eq!(format!("{key:?}"), format!("DataKey({})", person(1)));
        assert_eq!(format!("{vault:?}"), format!("Vault({})", vault.key_id));
    }
}
