//! How random histories are drawn.

use bursar_core::{CardStatus, CardholderStatus, OwnerStatus};
use proptest::prelude::*;
use proptest::sample::Index;

use super::world::{ACCOUNT_COUNT, CARDS, HOLDERS, OWNER_COUNT};
use super::{Ask, Delivery, Earlier, Sum, Swipe};

/// How many deliveries each batch has, as far as they go; the rest is one batch.
pub type Batches = Vec<usize>;

/// A history of up to so many deliveries. Some come again, some come again with other content.
pub fn any_history(length_max: usize) -> impl Strategy<Value = Vec<Delivery>> {
    let delivery = (any_draft(), any_origin());
    prop::collection::vec(delivery, 1..=length_max).prop_map(|drafts| {
        let mut history: Vec<Delivery> = Vec::new();
        for (draft, origin) in drafts {
            let delivery = draft.delivery(origin, &history);
            history.push(delivery);
        }
        history
    })
}

/// A history, and how it is cut into batches.
pub fn any_history_in_batches(length_max: usize) -> impl Strategy<Value = (Vec<Delivery>, Batches)> {
    (any_history(length_max), prop::collection::vec(1..9_usize, 0..length_max))
}

/// Whether a delivery is new or the message of an earlier one.
#[derive(Debug, Clone)]
enum Origin {
    New,
    Repeat(Index),
    Conflict(Index),
}

fn any_origin() -> impl Strategy<Value = Origin> {
    prop_oneof![
        8 => Just(Origin::New),
        2 => any::<Index>().prop_map(Origin::Repeat),
        1 => any::<Index>().prop_map(Origin::Conflict),
    ]
}

/// A delivery before it is known which earlier ones there are.
#[derive(Debug, Clone)]
enum Draft {
    Whole(Ask),
    Increment(Index, bool, Swipe),
    Reverse(Index, bool),
}

impl Draft {
    fn delivery(self, origin: Origin, history: &[Delivery]) -> Delivery {
        let of = |index: Index| (!history.is_empty()).then(|| index.get(history).clone());
        match origin {
            Origin::Repeat(index) if !history.is_empty() => index.get(history).clone(),
            Origin::Conflict(index) if !history.is_empty() => {
                Delivery { token: of(index).map_or(0, |earlier| earlier.token), ask: self.ask(history) }
            }
            _ => Delivery { token: history.len(), ask: self.ask(history) },
        }
    }

    fn ask(self, history: &[Delivery]) -> Ask {
        match self {
            Self::Whole(ask) => ask,
            Self::Increment(index, by_token, swipe) => {
                Ask::Increment(earlier(index, by_token, history), swipe)
            }
            Self::Reverse(index, by_token) => Ask::Reverse(earlier(index, by_token, history)),
        }
    }
}

/// An earlier delivery, or one that never was where nothing is earlier.
fn earlier(index: Index, by_token: bool, history: &[Delivery]) -> Earlier {
    if history.is_empty() {
        return Earlier::Place(999_999);
    }
    let place = index.index(history.len());
    match by_token {
        true => Earlier::Token(history[place].token),
        false => Earlier::Place(place),
    }
}

fn any_draft() -> impl Strategy<Value = Draft> {
    prop_oneof![
        10 => any_swipe().prop_map(|swipe| Draft::Whole(Ask::Authorize(swipe))),
        6 => (any::<Index>(), any::<bool>(), any_swipe())
            .prop_map(|(index, by_token, swipe)| Draft::Increment(index, by_token, swipe)),
        4 => (any::<Index>(), any::<bool>()).prop_map(|(index, by_token)| Draft::Reverse(index, by_token)),
        6 => any_transfer().prop_map(Draft::Whole),
        2 => any_move().prop_map(Draft::Whole),
    ]
}

fn any_swipe() -> impl Strategy<Value = Swipe> {
    let swipe = (
        prop_oneof![20 => 0..CARDS.len(), 1 => Just(CARDS.len())],
        any_user(),
        any_user(),
        prop::bool::weighted(0.95),
        any_sum(),
    );
    swipe.prop_map(|(card, acting, paying, is_permitted, sum)| {
        // Mostly the cardholder himself, or nobody is named.
        let own = CARDS.get(card).map(|card| card.holder);
        Swipe {
            card,
            acting: acting.map(|other| other.or(own).unwrap_or(0)),
            paying: paying.map(|other| other.or(own).unwrap_or(0)),
            is_permitted,
            sum,
        }
    })
}

/// Nobody, the own cardholder (`Some(None)`), or any.
fn any_user() -> impl Strategy<Value = Option<Option<usize>>> {
    prop_oneof![
        6 => Just(None),
        6 => Just(Some(None)),
        1 => (0..=HOLDERS.len()).prop_map(|other| Some(Some(other))),
    ]
}

fn any_transfer() -> impl Strategy<Value = Ask> {
    let account = prop_oneof![15 => 0..ACCOUNT_COUNT, 1 => Just(ACCOUNT_COUNT)];
    (account, any_sum(), prop::bool::weighted(0.7)).prop_map(|(account, sum, is_load)| match is_load {
        true => Ask::Load(account, sum),
        false => Ask::Unload(account, sum),
    })
}

fn any_sum() -> impl Strategy<Value = Sum> {
    let minor = prop_oneof![
        20 => (1..3_000_i64).prop_map(Some),
        2 => Just(Some(0)),
        1 => Just(Some(-5)),
        1 => Just(None),
    ];
    (minor, prop::bool::weighted(0.95)).prop_map(|(minor, is_own_currency)| Sum { minor, is_own_currency })
}

fn any_move() -> impl Strategy<Value = Ask> {
    let card = prop::sample::select(CardStatus::ALL);
    let holder = prop::sample::select(CardholderStatus::ALL);
    let owner = prop::sample::select(OwnerStatus::ALL);
    prop_oneof![
        (0..CARDS.len(), card).prop_map(|(number, to)| Ask::MoveCard(number, to)),
        (0..HOLDERS.len(), holder).prop_map(|(number, to)| Ask::MoveHolder(number, to)),
        (0..OWNER_COUNT, owner).prop_map(|(number, to)| Ask::MoveOwner(number, to)),
    ]
}
