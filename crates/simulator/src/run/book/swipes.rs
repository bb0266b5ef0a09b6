//! Swipes: what a step asks for, of whom, and which earlier one it is about.

use std::sync::Arc;

use bursar_core::{Currency, Money};
use bytes::Bytes;
use jiff::Timestamp;
use uuid::Uuid;

use super::{Answered, Book, Follow, HELD_BACK_STEPS, Held, Job, Purpose, SwipeJob, pick};
use crate::history::Swipe;
use crate::jit::{Ask, Decimal, JitRequest, Preceding};
use crate::layout::FOREIGN_CURRENCY;
use crate::plan::{Deed, Late, Step};
use crate::world::World;

impl Book {
    pub(super) fn swipe(&mut self, step: &Step, at: Timestamp) -> Vec<Job> {
        let earlier = pick(&self.answered, step.pick).cloned();
        match (step.deed, earlier) {
            (Deed::Resend, Some(Answered { place, request })) => {
                delivery(place, Purpose::Repeat, request, None).map(Job::Swipe).into_iter().collect()
            }
            (Deed::Conflict, Some(Answered { place, request })) => {
                let request = with_another_amount(&request);
                delivery(place, Purpose::Conflict, request, None).map(Job::Swipe).into_iter().collect()
            }
            (Deed::StandIn | Deed::ForcePost, _) => {
                self.unasked(step, at);
                Vec::new()
            }
            _ => self.first(step, at),
        }
    }

    /// A token that was never sent before.
    pub(super) fn first(&mut self, step: &Step, at: Timestamp) -> Vec<Job> {
        let number = self.world.history.swipes.len();
        let held = match step.deed {
            Deed::Increment => pick(&self.open, step.pick).cloned(),
            Deed::IncrementOfEnded => pick(&self.released, step.pick).cloned(),
            _ => None,
        };
        let card = held.as_ref().map_or(step.card, |held| held.card);
        let request = Arc::new(self.request(number, card, held.as_ref(), step, at));
        let follow = Follow {
            card,
            step: step.index,
            release: step.release,
            acts: step.life.clone(),
            late: step.late,
            is_silent: step.is_silent && self.records.is_some(),
        };
        let twin = step.deed == Deed::Twin;
        let Some(first) = self.first_delivery(Arc::clone(&request), follow) else { return Vec::new() };
        match step.late {
            Some(Late::Before) => {
                self.too_late(&request, card, step.index, false);
                self.held_back.entry(step.index + HELD_BACK_STEPS).or_default().push(first);
                return Vec::new();
            }
            Some(Late::Meanwhile) => self.too_late(&request, card, step.index, false),
            Some(Late::After(_)) | None => {}
        }
        let twin = twin.then(|| delivery(number, Purpose::Repeat, request, None)).flatten();
        [Some(first), twin].into_iter().flatten().map(Job::Swipe).collect()
    }

    /// The first delivery of a request. Nothing follows one with a card that nobody knows, or of nothing.
    pub(super) fn first_delivery(&mut self, request: Arc<JitRequest>, follow: Follow) -> Option<SwipeJob> {
        let place = self.world.history.swipes.len();
        let sent = self.tick();
        self.world.history.swipes.push(Swipe {
            token: Arc::clone(&request.token),
            card_token: Arc::clone(&request.card_token),
            acting_token: Arc::clone(&request.acting_token),
            follows: request.preceding.as_ref().map(|first| Arc::clone(&first.token)),
            ask: request.ask,
            takes_less: request.takes_less,
            merchant: request.merchant,
            cash_minor: request.cash_minor().unwrap_or(0),
            sent,
            answered: None,
            at: request.at,
            currency: request.currency,
            amount_minor: request.amount.minor(request.currency),
            deliveries: Vec::new(),
            conflicts: Vec::new(),
        });
        let is_known = self.world.history.cards[follow.card].token == request.card_token;
        let moves = request.amount.minor(request.currency) > Some(0) && request.ask != Ask::BalanceInquiry;
        let follow = (is_known && moves).then_some(follow);
        delivery(place, Purpose::First, request, follow)
    }

    fn request(
        &self,
        number: usize,
        card: usize,
        held: Option<&Held>,
        step: &Step,
        at: Timestamp,
    ) -> JitRequest {
        let World { layout, history, business_tokens, .. } = &self.world;
        let owner = layout.owner_of_card(card);
        // An increment is made with the card of its purchase, by whom that card belongs to.
        let acting = match held {
            Some(_) => layout.cards[card].cardholder,
            None => step.acting,
        };
        let own_currency = history.accounts[owner].currency;
        let currency = match step.deed {
            Deed::WrongCurrency => Currency::parse(FOREIGN_CURRENCY).unwrap_or(own_currency),
            _ => own_currency,
        };
        let amount = Money { minor: step.amount_minor, currency };
        JitRequest {
            token: self.token(number, 0),
            jit_token: self.token(number, 1),
            card_token: match step.deed {
                Deed::UnknownCard => self.token(number, 2),
                _ => Arc::clone(&history.cards[card].token),
            },
            acting_token: Arc::clone(&history.cardholders[acting].token),
            business_token: business_tokens[owner].clone(),
            preceding: held.map(|held| Preceding {
                token: Arc::clone(&held.token),
                jit_token: Arc::clone(&held.jit_token),
            }),
            ask: match step.deed {
                Deed::CashBack => Ask::CashBack,
                Deed::Withdrawal => Ask::Withdrawal,
                Deed::BalanceInquiry => Ask::BalanceInquiry,
                _ => Ask::Purchase,
            },
            takes_less: step.deed == Deed::Fuel,
            amount: match step.deed {
                Deed::TooPrecise => Decimal::too_precise(amount),
                _ => Decimal::of(amount),
            },
            currency,
            is_currency_numeric: step.is_currency_numeric,
            merchant: held.map_or(step.merchant, |held| held.merchant),
            layout: step.layout,
            at,
        }
    }

    /// Looks like the processor's tokens. `part` sets apart the tokens of one request.
    pub(super) fn token(&self, number: usize, part: u64) -> Arc<str> {
        let low = (part << 56) | number as u64;
        Uuid::from_u64_pair(self.world.run, low).to_string().into()
    }
}

fn delivery(
    place: usize,
    purpose: Purpose,
    request: Arc<JitRequest>,
    follow: Option<Follow>,
) -> Option<SwipeJob> {
    match request.body() {
        Ok(body) => Some(SwipeJob { place, purpose, request, body: Bytes::from(body), follow }),
        Err(error) => {
            tracing::error!(%error, "a request could not be written");
            None
        }
    }
}

fn with_another_amount(request: &JitRequest) -> Arc<JitRequest> {
    let currency = request.currency;
    let minor = request.amount.minor(currency).map_or(100, |minor| minor.saturating_add(1));
    Arc::new(JitRequest { amount: Decimal::of(Money { minor, currency }), ..request.clone() })
}
