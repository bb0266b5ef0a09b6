//! What cases begin with.

use std::sync::Arc;

use bursar_core::card::LastFour;
use bursar_core::text::{FreeText, Token};
use bursar_core::{AccountId, CardId, CardStatus, Country, Currency, MessageId, OwnerId, ProgramId};
use jiff::civil::date;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::Place;
use crate::card::CardState;
use crate::contact::{Contact, Email, Phone};
use crate::documents::{Documents, Keep};
use crate::history::HistoryEntry;
use crate::kyc::{IdentityDocument, IdentityKind, KycStatus, KycStep};
use crate::people::People;
use crate::person::{Address, Profile};
use crate::sealed::SealedPerson;
use crate::vault::{DocumentsKey, Vault};
use crate::wallet::Wallet;

/// A store that was opened, and the persons in it.
pub(super) struct Given {
    pub(super) documents: Arc<dyn Documents>,
    pub(super) people: People,
}

pub(super) async fn opened(place: &dyn Place) -> Given {
    let documents = place.open().await;
    let people = People::new(documents.clone(), Vault::new(&DocumentsKey::new([7; 32])));
    Given { documents, people }
}

/// A day at noon, and so many seconds later.
pub(super) fn at(seconds: i64) -> Timestamp {
    let noon = date(2026, 11, 22).at(12, 0, 0, 0).to_zoned(jiff::tz::TimeZone::UTC).expect("a time");
    noon.timestamp() + SignedDuration::from_secs(seconds)
}

pub(super) fn id(number: u128) -> OwnerId {
    OwnerId::new(Uuid::from_u128(number))
}

pub(super) fn program(number: u128) -> ProgramId {
    ProgramId::new(Uuid::from_u128(number))
}

pub(super) fn text(text: &str) -> FreeText {
    FreeText::new(text)
}

/// What no file or dump may have in it.
pub(super) const PLANTED: [&str; 16] = [
    "Augusta-Planted",
    "Lovelace-Planted",
    "Ada.Planted@Example.Org",
    "ada.planted@example.org",
    "4915112345678",
    "1815-12-10",
    "12 Planted Square",
    "Planted Town",
    "PL4 NT3D",
    "planted-level",
    "planted-reference-1",
    "PLANTED-PASSPORT",
    "planted reason",
    "Planted holidays",
    "Planted Bakery",
    "planted-category",
];

/// Everything that a profile can have, planted.
pub(super) fn profile() -> Profile {
    Profile {
        given_name: text("Augusta-Planted"),
        family_name: text("Lovelace-Planted"),
        email: Some(Email::parse("Ada.Planted@Example.Org").expect("an address")),
        phone: Some(Phone::parse("+49 151 123 456 78").expect("a number")),
        birth_date: Some(date(1815, 12, 10)),
        address: Some(Address {
            lines: vec![text("12 Planted Square"), text("2nd floor")],
            city: text("Planted Town"),
            region: None,
            postal_code: Some(text("PL4 NT3D")),
            country: Country::parse("GB").expect("a country"),
        }),
    }
}

/// A profile with a name and nothing else.
pub(super) fn named(name: &str) -> Profile {
    Profile {
        given_name: text(name),
        family_name: text("Nobody"),
        email: None,
        phone: None,
        birth_date: None,
        address: None,
    }
}

pub(super) fn with_email(email: &str) -> Profile {
    Profile { email: Some(Email::parse(email).expect("an address")), ..named("Ada") }
}

pub(super) fn email(text: &str) -> Contact {
    Contact::Email(Email::parse(text).expect("an address"))
}

pub(super) fn phone(text: &str) -> Contact {
    Contact::Phone(Phone::parse(text).expect("a number"))
}

/// Everything that a step can say, planted.
pub(super) fn step(to: KycStatus) -> KycStep {
    KycStep {
        reason: Some(text("planted reason")),
        level: Some(text("planted-level")),
        provider_reference: Some(Token::new("planted-reference-1").expect("a token")),
        document: Some(IdentityDocument {
            kind: IdentityKind::Passport,
            number: Token::new("PLANTED-PASSPORT").expect("a token"),
            issuing_country: Country::parse("GB").expect("a country"),
            expires_on: Some(date(2031, 5, 1)),
        }),
        ..KycStep::to(to)
    }
}

pub(super) fn card_id(number: u128) -> CardId {
    CardId::new(Uuid::from_u128(0xCA4D_0000_0000_0000_0000_0000_0000_0000 + number))
}

pub(super) fn account_id(number: u128) -> AccountId {
    AccountId::new(Uuid::from_u128(0xACC7_0000_0000_0000_0000_0000_0000_0000 + number))
}

pub(super) fn root(number: u128) -> MessageId {
    MessageId::new(Uuid::from_u128(0x4007_0000_0000_0000_0000_0000_0000_0000 + number))
}

fn usd() -> Currency {
    Currency::parse("USD").expect("a currency")
}

/// A card whose digits tell the sequence.
pub(super) fn card(person: OwnerId, number: u128, sequence: i64) -> CardState {
    CardState {
        id: card_id(number),
        person,
        account: account_id(number),
        last_four: Some(LastFour::new(&format!("{:04}", sequence % 10_000)).expect("four digits")),
        status: if sequence % 2 == 0 { CardStatus::Active } else { CardStatus::Suspended },
        sequence,
    }
}

/// A wallet whose amounts tell the sequence.
pub(super) fn wallet(person: OwnerId, number: u128, sequence: i64) -> Wallet {
    Wallet {
        id: account_id(number),
        person,
        currency: usd(),
        posted_minor: sequence * 100,
        held_minor: sequence,
        available_minor: sequence * 99,
        sequence,
    }
}

/// A purchase whose amount tells the sequence.
pub(super) fn entry(person: OwnerId, number: u128, sequence: i64) -> HistoryEntry {
    HistoryEntry {
        root: root(number),
        person,
        position: i64::try_from(number).expect("small"),
        sequence,
        merged_into: None,
        card: Some(card_id(number)),
        merchant: Some(text("Planted Bakery")),
        category: Some(text("planted-category")),
        status: "open".to_owned(),
        amount_minor: Some(sequence * 100),
        currency: Some(usd()),
        began_at: at(i64::try_from(number).expect("small")),
    }
}

/// Makes so many persons, 1 the first.
pub(super) async fn persons(given: &Given, count: u128) {
    for number in 1..=count {
        let made = given.people.create(id(number), program(1), profile(), at(0)).await;
        made.expect("it is made");
    }
}

/// A person with something in every collection, of which everything that can be is planted; sequence 5.
pub(super) async fn whole_person(given: &Given, number: u128) {
    let (person, Given { people, .. }) = (id(number), given);
    people.create(person, program(1), profile(), at(0)).await.expect("it is made");
    let moved = people.move_kyc(person, 0, step(KycStatus::Pending), at(1)).await.expect("it is there");
    moved.expect("a step");
    told(given, person, number, 5).await;
    assert!(people.label_card(person, card_id(number), Some(text("Planted holidays"))).await.expect("known"));
}

/// The store is told of a card, a wallet and a purchase.
pub(super) async fn told(given: &Given, person: OwnerId, number: u128, sequence: i64) {
    kept(given, person, number, sequence, Keep::Newer, at(10)).await;
}

/// The same by this rule, kept at this time.
pub(super) async fn kept(
    Given { people, .. }: &Given,
    person: OwnerId,
    number: u128,
    sequence: i64,
    keep: Keep,
    at: Timestamp,
) {
    people.keep_cards(vec![card(person, number, sequence)], keep, at).await.expect("it is kept");
    people.keep_wallets(vec![wallet(person, number, sequence)], keep, at).await.expect("it is kept");
    people.keep_history(vec![entry(person, number, sequence)], keep, at).await.expect("it is kept");
}

/// The sequences of who has none.
pub(super) const NOTHING: [Vec<i64>; 3] = [const { Vec::new() }; 3];

/// The sequences of a person's cards, wallets and purchases. Whatever has a sequence is as it was told with it.
pub(super) async fn sequences(given: &Given, person: OwnerId) -> [Vec<i64>; 3] {
    let Given { people, .. } = given;
    let cards = people.list_cards(person).await.expect("it is known");
    let wallets = people.list_wallets(person).await.expect("it is known");
    let history = people.list_history(person, None, 1_000).await.expect("it is known");
    for of in &cards {
        let number = of.state.id.uuid().as_u128() - card_id(0).uuid().as_u128();
        assert_eq!(of.state, card(person, number, of.state.sequence));
    }
    for of in &wallets {
        let number = of.id.uuid().as_u128() - account_id(0).uuid().as_u128();
        assert_eq!(*of, wallet(person, number, of.sequence));
    }
    for of in &history {
        let number = of.root.uuid().as_u128() - root(0).uuid().as_u128();
        assert_eq!(*of, entry(person, number, of.sequence));
    }
    [
        cards.iter().map(|of| of.state.sequence).collect(),
        wallets.iter().map(|of| of.sequence).collect(),
        history.iter().map(|of| of.sequence).collect(),
    ]
}

/// How many documents of read models there are in all, whoever may see them.
pub(super) async fn read_models(given: &Given) -> [u64; 3] {
    let figures = given.documents.figures().await.expect("it is there");
    [figures.cards, figures.wallets, figures.history]
}

pub(super) async fn sealed(given: &Given, person: OwnerId) -> SealedPerson {
    given.documents.find_person(person).await.expect("it is there").expect("it is known")
}

pub(super) fn has(dump: &[u8], part: &[u8]) -> bool {
    !part.is_empty() && dump.windows(part.len()).any(|window| window == part)
}
