//! Cards: documents of `cards`.

use bursar_core::card::LastFour;
use bursar_core::{CardId, CardStatus, OwnerId};
use bursar_documents::{CardState, DocumentsError, Sealed, SealedCard};
use mongodb::bson::{Document, doc};

use super::State;
use crate::link::{Link, name};
use crate::read::{Reader, binary, id, replacing};

impl Link {
    /// Whether there is such a card of this person.
    pub(crate) async fn label_card(
        &self,
        person: OwnerId,
        card: CardId,
        label: Option<Sealed>,
    ) -> Result<bool, DocumentsError> {
        let filter = doc! { "_id": card.to_string(), "person": person.to_string() };
        let update = replacing([("label", label.map(|label| binary(&label.0)))]);
        let updated = self.of(name::CARDS, |cards| async move { cards.update_one(filter, update).await });
        Ok(updated.await?.matched_count > 0)
    }

    pub(crate) async fn list_cards(&self, person: OwnerId) -> Result<Vec<SealedCard>, DocumentsError> {
        let filter = doc! { "person": person.to_string() };
        let found = self.list(name::CARDS, filter, None, doc! { "_id": 1 }, 0).await?;
        found.iter().map(|found| read(found, person)).collect()
    }
}

/// The label is the person's and stays.
pub(crate) fn state(card: &CardState) -> State {
    State {
        id: card.id.to_string(),
        person: card.person,
        sequence: card.sequence,
        update: replacing([
            ("account", Some(card.account.to_string().into())),
            ("last_four", card.last_four.map(|digits| digits.as_str().into())),
            ("status", Some(card.status.as_str().into())),
            ("sequence", Some(card.sequence.into())),
        ]),
    }
}

fn read(found: &Document, person: OwnerId) -> Result<SealedCard, DocumentsError> {
    let reader = Reader::new(found, name::CARDS);
    let state = CardState {
        id: reader.word("_id", id)?,
        person,
        account: reader.word("account", id)?,
        last_four: reader.optional_word("last_four", |digits| LastFour::new(digits).ok())?,
        status: reader.word("status", CardStatus::from_word)?,
        sequence: reader.number("sequence")?,
    };
    Ok(SealedCard { state, label: reader.sealed("label")? })
}
