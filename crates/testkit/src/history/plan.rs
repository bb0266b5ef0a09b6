//! How random histories are drawn.

use bursar_core::control::Counted;
use bursar_core::{CardStatus, CardholderStatus, ControlStatus, OwnerStatus, Window};
use proptest::prelude::*;
use proptest::sample::Index;

use super::world::{ACCOUNT_COUNT, CARDS, HOLDERS, OWNER_COUNT};
use super::{Aim, Ask, Delivery, Earlier, Part, Plain, PutControl, Sum, Swipe};

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
    Increment(Pick, Swipe),
    Reverse(Pick, Option<Sum>),
    Expire(Pick),
    Capture(Pick, Sum, bool),
    Refund(Pick, Sum),
}

impl Draft {
    fn delivery(self, origin: Origin, history: &[Delivery]) -> Delivery {
        let earlier = |index: Index| (!history.is_empty()).then(|| index.get(history).clone());
        let (first, is_repeat) = match origin {
            Origin::New => (None, false),
            Origin::Repeat(index) => (earlier(index), true),
            Origin::Conflict(index) => (earlier(index), false),
        };
        match first {
            Some(first) if is_repeat => first,
            first => {
                let token = first.map_or(history.len(), |first| first.token);
                Delivery { token, ask: self.ask(history) }
            }
        }
    }

    fn ask(self, history: &[Delivery]) -> Ask {
        match self {
            Self::Whole(ask) => ask,
            Self::Increment(pick, swipe) => Ask::Increment(pick.from(history), swipe),
            Self::Reverse(pick, part) => Ask::Reverse(pick.from(history), part),
            Self::Expire(pick) => Ask::Expire(pick.from(history)),
            Self::Capture(pick, sum, is_final) => Ask::Capture(pick.from(history), sum, is_final),
            Self::Refund(pick, sum) => Ask::Refund(pick.from(history), sum),
        }
    }
}

/// How an earlier delivery is chosen and named.
#[derive(Debug, Clone)]
struct Pick {
    index: Index,
    /// Among the swipes, or among all.
    is_swipe: bool,
    by_token: bool,
}

fn any_pick() -> impl Strategy<Value = Pick> {
    (any::<Index>(), prop::bool::weighted(0.9), any::<bool>()).prop_map(|(index, is_swipe, by_token)| Pick {
        index,
        is_swipe,
        by_token,
    })
}

impl Pick {
    /// An earlier delivery, or one that never was where nothing is earlier.
    fn from(self, history: &[Delivery]) -> Earlier {
        let is_swipe = |ask: &Ask| matches!(ask, Ask::Authorize(_) | Ask::Increment(..));
        let is_candidate = |place: &usize| !self.is_swipe || is_swipe(&history[*place].ask);
        let candidates: Vec<usize> = (0..history.len()).filter(is_candidate).collect();
        if candidates.is_empty() {
            return Earlier::Place(999_999);
        }
        let place = candidates[self.index.index(candidates.len())];
        match self.by_token {
            true => Earlier::Token(history[place].token),
            false => Earlier::Place(place),
        }
    }
}

fn any_draft() -> impl Strategy<Value = Draft> {
    prop_oneof![
        10 => any_swipe().prop_map(|swipe| Draft::Whole(Ask::Authorize(swipe))),
        6 => (any_pick(), any_swipe()).prop_map(|(pick, swipe)| Draft::Increment(pick, swipe)),
        3 => any_pick().prop_map(|pick| Draft::Reverse(pick, None)),
        4 => (any_pick(), any_sum()).prop_map(|(pick, part)| Draft::Reverse(pick, Some(part))),
        1 => any_pick().prop_map(Draft::Expire),
        4 => (any_pick(), any_sum(), any::<bool>())
            .prop_map(|(pick, sum, is_final)| Draft::Capture(pick, sum, is_final)),
        1 => (any_pick(), any_sum()).prop_map(|(pick, sum)| Draft::Refund(pick, sum)),
        6 => any_transfer().prop_map(Draft::Whole),
        2 => any_move().prop_map(Draft::Whole),
        3 => any_control().prop_map(|put| Draft::Whole(Ask::PutControl(put))),
    ]
}

fn any_swipe() -> impl Strategy<Value = Swipe> {
    let swipe = (
        prop_oneof![20 => 0..CARDS.len(), 1 => Just(CARDS.len())],
        any_user(),
        any_user(),
        any_aim(),
        prop::bool::weighted(0.2),
        prop_oneof![1 => Just(None), 4 => (0..2_usize).prop_map(Some)],
        any_sum(),
    );
    swipe.prop_map(|(card, acting, paying, aim, takes_less, merchant, sum)| {
        // Mostly the cardholder himself, or nobody is named.
        let own = CARDS.get(card).map(|card| card.holder);
        Swipe {
            card,
            acting: acting.map(|other| other.or(own).unwrap_or(0)),
            paying: paying.map(|other| other.or(own).unwrap_or(0)),
            aim,
            takes_less,
            merchant,
            sum,
        }
    })
}

fn any_aim() -> impl Strategy<Value = Aim> {
    prop_oneof![
        14 => Just(Aim::Hold),
        3 => Just(Aim::Debit),
        1 => Just(Aim::Credit),
        1 => Just(Aim::PendingCredit),
        1 => Just(Aim::Inquiry),
        1 => Just(Aim::NotPermitted),
    ]
}

/// Nobody, the own cardholder (`Some(None)`), or any.
fn any_user() -> impl Strategy<Value = Option<Option<usize>>> {
    prop_oneof![
        6 => Just(None),
        6 => Just(Some(None)),
        1 => (0..=HOLDERS.len()).prop_map(|other| Some(Some(other))),
    ]
}

/// Loads are larger than swipes: there has to be something to spend.
fn any_transfer() -> impl Strategy<Value = Ask> {
    let account = || prop_oneof![15 => 0..ACCOUNT_COUNT, 1 => Just(ACCOUNT_COUNT)];
    let tenfold = |sum: Sum| Sum { minor: sum.minor.map(|minor| minor * 10), ..sum };
    prop_oneof![
        7 => (account(), any_sum().prop_map(tenfold)).prop_map(|(account, sum)| Ask::Load(account, sum)),
        3 => (account(), any_sum()).prop_map(|(account, sum)| Ask::Unload(account, sum)),
    ]
}

fn any_sum() -> impl Strategy<Value = Sum> {
    let minor = prop_oneof![
        // Round sums, so that an account is often emptied exactly.
        10 => (1..6_i64).prop_map(|fives| Some(fives * 500)),
        10 => (1..3_000_i64).prop_map(Some),
        2 => Just(Some(0)),
        1 => Just(Some(-5)),
        1 => Just(None),
    ];
    (minor, prop::bool::weighted(0.95)).prop_map(|(minor, is_own_currency)| Sum { minor, is_own_currency })
}

fn any_control() -> impl Strategy<Value = PutControl> {
    let part = prop_oneof![
        (0..CARDS.len()).prop_map(Part::Card),
        (0..HOLDERS.len()).prop_map(Part::Holder),
        (0..OWNER_COUNT).prop_map(Part::Owner),
    ];
    let status = prop_oneof![
        4 => Just(ControlStatus::Active),
        1 => Just(ControlStatus::Shadow),
        1 => Just(ControlStatus::Off),
    ];
    (part, 0..3_usize, any_plain(), status).prop_map(|(part, name, rule, status)| PutControl {
        part,
        name,
        rule,
        status,
    })
}

/// Limits of about as much as a few swipes ask.
fn any_plain() -> impl Strategy<Value = Plain> {
    let window = prop::sample::select(vec![
        Window::Transaction,
        Window::Day,
        Window::Week,
        Window::Month,
        Window::Lifetime,
        Window::RollingHours(6),
        Window::RollingDays(30),
    ]);
    let minor = prop::option::weighted(0.8, (1..12_i64).prop_map(|fives| fives * 500));
    let counts = prop::sample::subsequence(Counted::ALL.to_vec(), 1..=Counted::ALL.len());
    let limit = (window, minor, prop::option::weighted(0.4, 0..4_u32), counts);
    prop_oneof![
        8 => limit.prop_map(|(window, minor, count, counts)| Plain::Limit { window, minor, count, counts }),
        1 => (0..2_usize).prop_map(Plain::Only),
        1 => (0..2_usize).prop_map(Plain::Not),
        1 => Just(Plain::First),
    ]
}

/// Mostly back to active: what is closed stays closed, and little happens then.
fn any_move() -> impl Strategy<Value = Ask> {
    let card = prop_oneof![2 => Just(CardStatus::Active), 1 => prop::sample::select(CardStatus::ALL)];
    let holder = prop_oneof![
        2 => Just(CardholderStatus::Active),
        1 => prop::sample::select(CardholderStatus::ALL)
    ];
    let owner = prop_oneof![2 => Just(OwnerStatus::Active), 1 => prop::sample::select(OwnerStatus::ALL)];
    prop_oneof![
        (0..CARDS.len(), card).prop_map(|(number, to)| Ask::MoveCard(number, to)),
        (0..HOLDERS.len(), holder).prop_map(|(number, to)| Ask::MoveHolder(number, to)),
        (0..OWNER_COUNT, owner).prop_map(|(number, to)| Ask::MoveOwner(number, to)),
    ]
}
