//! What the operator does: money in and out, statuses, and controls that are turned for a while.

use bursar_core::{CardId, Money};

use super::{AWAY_MAX, Book, Job};
use crate::control::{ControlStatus, Rule};
use crate::history::{Object, Status, What};
use crate::layout::Turn;
use crate::plan::Chore;

impl Book {
    pub(super) fn chore(&mut self, chore: Chore) -> Option<Job> {
        let money = |owner: usize, minor: i64| {
            let account = self.world.history.accounts.get(owner)?;
            let currency = account.currency;
            Some((account.id, Money { minor, currency }))
        };
        let (owner, what) = match chore {
            Chore::Load(owner, minor) => {
                let (account, amount) = money(owner, minor)?;
                (owner, What::Load(account, amount))
            }
            Chore::Unload(owner, minor) => {
                let (account, amount) = money(owner, minor)?;
                (owner, What::Unload(account, amount))
            }
            Chore::MoveCard(card, to) => {
                let id = self.world.history.cards.get(card)?.id;
                if !self.may_move(chore, id, to) {
                    return None;
                }
                let owner = self.world.layout.owner_of_card(card);
                (owner, What::Move(Object::Card(id), to))
            }
            Chore::Turn(place) | Chore::TurnBack(place) => self.turn(chore, place)?,
        };
        Some(self.act(owner, what))
    }

    /// The change of a control that is to be made now, and the index of its owner.
    fn turn(&mut self, chore: Chore, place: usize) -> Option<(usize, What)> {
        let control = self.world.history.controls.get(place)?;
        let (id, currency, is_turned) = (control.id, control.currency, self.turned.contains(&control.id));
        let is_back = matches!(chore, Chore::TurnBack(_));
        if is_back != is_turned {
            return None;
        }
        if !self.changing.insert(id) {
            self.postponed.extend(is_back.then_some(chore));
            return None;
        }
        let owner = self.world.history.owners.iter().position(|owner| owner.id == control.owner)?;
        let what = match (self.world.layout.controls.get(place)?.turn?, control.rule) {
            (Turn::Cut(_), Rule::Limit(limit)) if is_back => What::SetLimit(id, limit, currency),
            (Turn::Cut(limit), _) => What::SetLimit(id, limit, currency),
            (Turn::Off, _) if is_back => What::SwitchControl(id, control.status),
            (Turn::Off, _) => What::SwitchControl(id, ControlStatus::Off),
        };
        match is_back {
            true => self.turned.remove(&id),
            false => self.turned.insert(id),
        };
        Some((owner, what))
    }

    /// Whether the status is to be changed now. A suspension lasts at least as long as its answer
    /// takes, so on a slow server they would pile up: beyond a few they are left out.
    fn may_move(&mut self, chore: Chore, id: CardId, to: Status) -> bool {
        let is_away = self.away.contains(&id);
        match to {
            Status::Active if !is_away => false,
            Status::Active if self.moving.contains(&id) => {
                self.postponed.push(chore);
                false
            }
            Status::Active => self.moving.insert(id),
            _ if is_away || self.away.len() == AWAY_MAX => false,
            _ => self.away.insert(id) && self.moving.insert(id),
        }
    }
}
