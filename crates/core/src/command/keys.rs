//! What a command needs loaded before it can be decided.

use std::slice::from_ref;

use super::{Action, Actor, Authorize, Command, GroupRef, Purpose, Report};
use crate::control::Scope;
use crate::id::{AccountId, CardId, CardholderId, OwnerId, ProgramId};
use crate::owner::OwnerKind;
use crate::text::Token;

/// What a command needs loaded before it can be decided.
#[derive(Debug, Clone, Default)]
pub struct Keys<'a> {
    /// A program, read only but for one that is to change.
    pub program: Option<ProgramId>,
    /// The owner, locked, and with it the program that it belongs to, read only: what that allows
    /// counts in every decision.
    pub owner: Option<OwnerId>,
    /// The account.
    pub account: Option<AccountId>,
    /// The cardholders: the card's, who acts, who pays.
    pub cardholders: [Option<CardholderId>; 3],
    /// The card.
    pub card: Option<CardId>,
    /// The scopes whose controls count, or change.
    pub scopes: [Option<Scope>; 3],
    /// The token that the new object wants for itself, under each kind it names.
    pub wanted_tokens: [Option<(TokenKind, &'a Token)>; 2],
    /// The hold groups that it is about.
    pub groups: &'a [GroupRef],
    /// Those that it may be about.
    pub hints: &'a [GroupRef],
}

/// What kind of object a token names: it is unique within the kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// Companies and persons.
    Owner,
    /// Cardholders.
    Cardholder,
    /// Cards.
    Card,
}

impl Command {
    /// What has to be in the state before [`crate::decide_batch`] can run.
    #[must_use]
    pub fn keys(&self) -> Keys<'_> {
        let base = Keys { owner: self.owner(), ..Keys::default() };
        match &self.action {
            Action::CreateProgram(_) | Action::MoveOwner(_) | Action::Record(_) | Action::Close(_) => base,
            Action::ChangeProgram(change) => Keys { program: Some(change.program), ..base },
            Action::CreateOwner(create) => Keys {
                program: Some(create.program),
                wanted_tokens: [
                    wanted(TokenKind::Owner, create.token.as_ref()),
                    // A person is its own cardholder, under the same token.
                    wanted(
                        TokenKind::Cardholder,
                        create.token.as_ref().filter(|_| create.kind == OwnerKind::Person),
                    ),
                ],
                ..base
            },
            Action::CreateCardholder(create) => {
                Keys { wanted_tokens: [wanted(TokenKind::Cardholder, create.token.as_ref()), None], ..base }
            }
            Action::CreateCard(create) => Keys {
                account: Some(create.account),
                cardholders: [Some(create.cardholder), None, None],
                wanted_tokens: [wanted(TokenKind::Card, create.token.as_ref()), None],
                ..base
            },
            Action::MoveCardholder(change) => {
                Keys { cardholders: [Some(change.cardholder), None, None], ..base }
            }
            Action::MoveCard(change) => Keys { card: Some(change.card), ..base },
            Action::PutControls(put) => put.scope.keys(base),
            Action::ChangeControl(change) => change.scope.keys(base),
            Action::Authorize(authorize) => authorize.keys(base),
            Action::Reverse(reverse) => Keys { groups: from_ref(&reverse.group), ..base },
            Action::Expire(expire) => Keys { groups: from_ref(&expire.group), ..base },
            Action::Doubt(doubt) => Keys { groups: from_ref(&doubt.group), ..base },
            Action::Capture(capture) => Keys { groups: from_ref(&capture.group), ..base },
            Action::Refund(refund) => Keys { groups: from_ref(&refund.group), ..base },
            Action::Report(report) => report.keys(base),
            Action::Transfer(transfer) => Keys { account: Some(transfer.account), ..base },
        }
    }
}

fn wanted(kind: TokenKind, token: Option<&Token>) -> Option<(TokenKind, &Token)> {
    token.map(|token| (kind, token))
}

impl Scope {
    fn keys(self, base: Keys<'_>) -> Keys<'_> {
        let scopes = [Some(self), None, None];
        match self {
            Self::Card(id) => Keys { card: Some(id), scopes, ..base },
            Self::Cardholder(id) => Keys { cardholders: [Some(id), None, None], scopes, ..base },
            Self::Owner(_) => Keys { scopes, ..base },
        }
    }
}

impl Authorize {
    fn keys<'a>(&'a self, base: Keys<'a>) -> Keys<'a> {
        let cardholder = |actor: &Option<Actor>| actor.as_ref().and_then(|actor| actor.cardholder);
        Keys {
            account: self.route.map(|route| route.account),
            card: self.route.map(|route| route.card),
            cardholders: [
                self.route.map(|route| route.cardholder),
                cardholder(&self.acting),
                cardholder(&self.paying),
            ],
            scopes: self.route.map_or([None; 3], |route| route.scopes().map(Some)),
            groups: match &self.purpose {
                Purpose::Increment(group) => from_ref(group),
                _ => &[],
            },
            ..base
        }
    }
}

impl Report {
    fn keys<'a>(&'a self, base: Keys<'a>) -> Keys<'a> {
        Keys {
            account: self.route.map(|route| route.account),
            scopes: self.route.map_or([None; 3], |route| route.scopes().map(Some)),
            groups: &self.groups,
            hints: &self.hints,
            ..base
        }
    }
}
