//! Documents, sealed and opened field by field.

use std::collections::BTreeMap;

use bursar_core::CardId;
use bursar_core::text::FreeText;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::card::PersonalCard;
use crate::field::Field;
use crate::history::HistoryEntry;
use crate::kyc::{Kyc, KycTransition};
use crate::person::{Person, Profile};
use crate::sealed::{
    Sealed, SealedCard, SealedHistoryEntry, SealedKyc, SealedPerson, SealedTransition, WrappedKey,
};
use crate::vault::{DataKey, SealError, Vault};

type Fields = BTreeMap<Field, Sealed>;

pub(super) fn seal_person(
    vault: &Vault,
    key: &DataKey,
    wrapped: WrappedKey,
    person: &Person,
) -> Result<SealedPerson, SealError> {
    let Profile { given_name, family_name, email, phone, birth_date, address } = &person.profile;
    let mut row = Row::new(key, person.id.uuid());
    row.put(Field::GivenName, Some(given_name))?;
    row.put(Field::FamilyName, Some(family_name))?;
    row.put(Field::Email, email.as_ref())?;
    row.put(Field::Phone, phone.as_ref())?;
    row.put(Field::BirthDate, birth_date.as_ref())?;
    row.put(Field::Address, address.as_ref())?;
    Ok(SealedPerson {
        id: person.id,
        program: person.program,
        key: wrapped,
        fields: row.fields,
        email_index: email.as_ref().map(|email| vault.email_index(email)),
        phone_index: phone.as_ref().map(|phone| vault.phone_index(phone)),
        version: person.version,
        created_at: person.created_at,
        updated_at: person.updated_at,
    })
}

pub(super) fn open_profile(key: &DataKey, sealed: &SealedPerson) -> Result<Profile, SealError> {
    let row = Row { key, id: sealed.id.uuid(), fields: &sealed.fields };
    Ok(Profile {
        given_name: row.get(Field::GivenName)?.ok_or(SealError::Missing(Field::GivenName.as_str()))?,
        family_name: row.get(Field::FamilyName)?.ok_or(SealError::Missing(Field::FamilyName.as_str()))?,
        email: row.get(Field::Email)?,
        phone: row.get(Field::Phone)?,
        birth_date: row.get(Field::BirthDate)?,
        address: row.get(Field::Address)?,
    })
}

pub(super) fn seal_kyc(key: &DataKey, kyc: &Kyc) -> Result<SealedKyc, SealError> {
    let mut row = Row::new(key, kyc.person.uuid());
    row.put(Field::Level, kyc.level.as_ref())?;
    row.put(Field::ProviderReference, kyc.provider_reference.as_ref())?;
    row.put(Field::Document, kyc.document.as_ref())?;
    let seal = |(step, number): (&KycTransition, u128)| {
        Ok(SealedTransition {
            at: step.at,
            from: step.from,
            to: step.to,
            reason: seal(key, Field::Reason, Uuid::from_u128(number), step.reason.as_ref())?,
        })
    };
    Ok(SealedKyc {
        person: kyc.person,
        status: kyc.status,
        fields: row.fields,
        transitions: kyc.transitions.iter().zip(0..).map(seal).collect::<Result<_, _>>()?,
        retain_until: kyc.retain_until,
        version: kyc.version,
    })
}

pub(super) fn open_kyc(key: &DataKey, sealed: SealedKyc) -> Result<Kyc, SealError> {
    let row = Row { key, id: sealed.person.uuid(), fields: &sealed.fields };
    let open = |(step, number): (SealedTransition, u128)| {
        Ok(KycTransition {
            at: step.at,
            from: step.from,
            to: step.to,
            reason: open(key, Field::Reason, Uuid::from_u128(number), step.reason.as_ref())?,
        })
    };
    Ok(Kyc {
        person: sealed.person,
        status: sealed.status,
        level: row.get(Field::Level)?,
        provider_reference: row.get(Field::ProviderReference)?,
        document: row.get(Field::Document)?,
        transitions: sealed.transitions.into_iter().zip(0..).map(open).collect::<Result<_, _>>()?,
        retain_until: sealed.retain_until,
        version: sealed.version,
    })
}

pub(super) fn seal_label(key: &DataKey, card: CardId, label: &FreeText) -> Result<Sealed, SealError> {
    key.seal(Field::Label, card.uuid(), &json(Field::Label, label)?)
}

pub(super) fn open_card(key: &DataKey, card: SealedCard) -> Result<PersonalCard, SealError> {
    let label = open(key, Field::Label, card.state.id.uuid(), card.label.as_ref())?;
    Ok(PersonalCard { state: card.state, label })
}

pub(super) fn seal_entry(key: &DataKey, entry: HistoryEntry) -> Result<SealedHistoryEntry, SealError> {
    let row = entry.root.uuid();
    Ok(SealedHistoryEntry {
        merchant: seal(key, Field::Merchant, row, entry.merchant.as_ref())?,
        category: seal(key, Field::Category, row, entry.category.as_ref())?,
        root: entry.root,
        person: entry.person,
        position: entry.position,
        sequence: entry.sequence,
        merged_into: entry.merged_into,
        card: entry.card,
        status: entry.status,
        amount_minor: entry.amount_minor,
        currency: entry.currency,
        began_at: entry.began_at,
    })
}

pub(super) fn open_entry(key: &DataKey, entry: SealedHistoryEntry) -> Result<HistoryEntry, SealError> {
    let row = entry.root.uuid();
    Ok(HistoryEntry {
        merchant: open(key, Field::Merchant, row, entry.merchant.as_ref())?,
        category: open(key, Field::Category, row, entry.category.as_ref())?,
        root: entry.root,
        person: entry.person,
        position: entry.position,
        sequence: entry.sequence,
        merged_into: entry.merged_into,
        card: entry.card,
        status: entry.status,
        amount_minor: entry.amount_minor,
        currency: entry.currency,
        began_at: entry.began_at,
    })
}

/// The fields of one row.
struct Row<'a, F> {
    key: &'a DataKey,
    id: Uuid,
    fields: F,
}

impl<'a> Row<'a, Fields> {
    const fn new(key: &'a DataKey, id: Uuid) -> Self {
        Self { key, id, fields: Fields::new() }
    }

    fn put(&mut self, field: Field, value: Option<&impl Serialize>) -> Result<(), SealError> {
        let sealed = seal(self.key, field, self.id, value)?;
        self.fields.extend(sealed.map(|sealed| (field, sealed)));
        Ok(())
    }
}

impl Row<'_, &Fields> {
    fn get<T: DeserializeOwned>(&self, field: Field) -> Result<Option<T>, SealError> {
        open(self.key, field, self.id, self.fields.get(&field))
    }
}

fn seal(
    key: &DataKey,
    field: Field,
    row: Uuid,
    value: Option<&impl Serialize>,
) -> Result<Option<Sealed>, SealError> {
    value.map(|value| key.seal(field, row, &json(field, value)?)).transpose()
}

fn open<T: DeserializeOwned>(
    key: &DataKey,
    field: Field,
    row: Uuid,
    sealed: Option<&Sealed>,
) -> Result<Option<T>, SealError> {
    let Some(sealed) = sealed else { return Ok(None) };
    let opened = key.open(field, row, sealed)?;
    // The parser's own words could show what it read.
    serde_json::from_slice(&opened).map(Some).map_err(|_| SealError::Unreadable(field.as_str()))
}

fn json(field: Field, value: &impl Serialize) -> Result<Zeroizing<Vec<u8>>, SealError> {
    serde_json::to_vec(value).map(Zeroizing::new).map_err(|_| SealError::Unreadable(field.as_str()))
}
