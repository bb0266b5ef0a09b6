//! What the commands of a batch need, as arrays to ask with.

use bursar_core::command::{GroupRef, Link, TokenKind};
use bursar_core::control::Scope;
use bursar_core::{AccountId, Action, CardId, CardholderId, MessageKey, OwnerId, ProgramId, Work};
use uuid::Uuid;

/// In the order of [`Wanted::tokens`].
pub(crate) const TOKEN_KINDS: [TokenKind; 3] = [TokenKind::Owner, TokenKind::Cardholder, TokenKind::Card];

/// Each row once.
#[derive(Default)]
pub(crate) struct Wanted<'a> {
    pub(crate) owners: Vec<Uuid>,
    pub(crate) programs: Vec<Uuid>,
    /// Those of them that change.
    pub(crate) changes_a_program: bool,
    pub(crate) accounts: Vec<Uuid>,
    pub(crate) cardholders: Vec<Uuid>,
    pub(crate) cards: Vec<Uuid>,
    /// With the owner that the command is about, if any.
    pub(crate) scopes: Vec<(Scope, Option<OwnerId>)>,
    pub(crate) tokens: [Vec<&'a str>; 3],
    pub(crate) keys: KeyArrays<'a>,
    pub(crate) groups: GroupRefs<'a>,
}

/// Message keys, a column each.
#[derive(Default)]
pub(crate) struct KeyArrays<'a> {
    pub(crate) tokens: Vec<&'a str>,
    pub(crate) sources: Vec<&'a str>,
    pub(crate) scopes: Vec<i64>,
    pub(crate) states: Vec<&'a str>,
}

/// References to hold groups.
#[derive(Default)]
pub(crate) struct GroupRefs<'a> {
    pub(crate) refs: Vec<&'a GroupRef>,
    pub(crate) ids: Vec<Uuid>,
    pub(crate) keys: KeyArrays<'a>,
    pub(crate) links: LinkArrays<'a>,
}

/// Links, a column each.
#[derive(Default)]
pub(crate) struct LinkArrays<'a> {
    pub(crate) values: Vec<&'a str>,
    pub(crate) kinds: Vec<&'a str>,
    pub(crate) scopes: Vec<i64>,
}

impl<'a> LinkArrays<'a> {
    fn push(&mut self, Link { scope, kind, value }: &'a Link) {
        self.values.push(value);
        self.kinds.push(kind.as_str());
        self.scopes.push(*scope);
    }
}

impl<'a> KeyArrays<'a> {
    fn push(&mut self, key: &'a MessageKey) {
        self.tokens.push(key.token.as_str());
        self.sources.push(key.source.as_str());
        self.scopes.push(key.scope);
        self.states.push(&key.state);
    }
}

impl<'a> GroupRefs<'a> {
    fn push(&mut self, group: &'a GroupRef) {
        self.refs.push(group);
        match group {
            GroupRef::Message(id) => self.ids.push(id.uuid()),
            GroupRef::Key(key) => self.keys.push(key),
            GroupRef::Link(link) => self.links.push(link),
        }
    }
}

impl<'a> Wanted<'a> {
    pub(crate) fn by(batch: &[&'a Work]) -> Self {
        let mut wanted = Self::default();
        for work in batch {
            let keys = work.command.keys();
            wanted.keys.push(&work.command.key);
            wanted.owners.extend(keys.owner.map(OwnerId::uuid));
            wanted.programs.extend(keys.program.map(ProgramId::uuid));
            wanted.changes_a_program |= matches!(work.command.action, Action::ChangeProgram(_));
            wanted.accounts.extend(keys.account.map(AccountId::uuid));
            wanted.cardholders.extend(keys.cardholders.into_iter().flatten().map(CardholderId::uuid));
            wanted.cards.extend(keys.card.map(CardId::uuid));
            wanted.scopes.extend(keys.scopes.into_iter().flatten().map(|scope| (scope, keys.owner)));
            for (kind, token) in keys.wanted_tokens.into_iter().flatten() {
                let place = TOKEN_KINDS.iter().position(|of| *of == kind).unwrap_or(0);
                wanted.tokens[place].push(token.as_str());
            }
            for group in keys.groups.iter().chain(keys.hints) {
                wanted.groups.push(group);
            }
        }
        for ids in [
            &mut wanted.owners,
            &mut wanted.programs,
            &mut wanted.accounts,
            &mut wanted.cardholders,
            &mut wanted.cards,
        ] {
            ids.sort_unstable();
            ids.dedup();
        }
        wanted.scopes.sort_unstable();
        wanted.scopes.dedup();
        wanted
    }
}
