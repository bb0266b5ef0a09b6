//! Wallets: documents of `wallets`.

use bursar_core::{Currency, OwnerId};
use bursar_documents::{DocumentsError, Wallet};
use mongodb::bson::{Document, doc};

use super::State;
use crate::link::{Link, name};
use crate::read::{Reader, id, replacing};

impl Link {
    pub(crate) async fn list_wallets(&self, person: OwnerId) -> Result<Vec<Wallet>, DocumentsError> {
        let filter = doc! { "person": person.to_string() };
        let found = self.list(name::WALLETS, filter, None, doc! { "_id": 1 }, 0).await?;
        found.iter().map(|found| read(found, person)).collect()
    }
}

pub(crate) fn state(wallet: &Wallet) -> State {
    State {
        id: wallet.id.to_string(),
        person: wallet.person,
        sequence: wallet.sequence,
        update: replacing([
            ("currency", Some(wallet.currency.code().into())),
            ("posted_minor", Some(wallet.posted_minor.into())),
            ("held_minor", Some(wallet.held_minor.into())),
            ("available_minor", Some(wallet.available_minor.into())),
            ("sequence", Some(wallet.sequence.into())),
        ]),
    }
}

fn read(found: &Document, person: OwnerId) -> Result<Wallet, DocumentsError> {
    let reader = Reader::new(found, name::WALLETS);
    Ok(Wallet {
        id: reader.word("_id", id)?,
        person,
        currency: reader.word("currency", |code| Currency::parse(code).ok())?,
        posted_minor: reader.number("posted_minor")?,
        held_minor: reader.number("held_minor")?,
        available_minor: reader.number("available_minor")?,
        sequence: reader.number("sequence")?,
    })
}
