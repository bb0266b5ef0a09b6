//! The right history: one company with cards of every status, one suspended person. All numbers
//! are written down, none is worked out by the code under test.

use bursar_core::{AccountId, CardId, CardholderId, Currency, MessageId, Money, OwnerId};
use jiff::{Timestamp, ToSpan};
use uuid::Uuid;

use crate::history::{
    Account, Action, Answer, Card, Cardholder, Delivery, History, Object, Outcome, Owner, Part, Status,
    Swipe, Tick, What,
};
use crate::jit::Ask;
use crate::listing::{self, Authorization, Listing};
use crate::merchants::MERCHANTS;

pub(super) struct Case {
    pub(super) history: History,
    pub(super) listing: Listing,
}

pub(super) const COMPANY: OwnerId = OwnerId::new(Uuid::from_u128(1));
pub(super) const PERSON: OwnerId = OwnerId::new(Uuid::from_u128(2));
pub(super) const FUNDS: AccountId = AccountId::new(Uuid::from_u128(3));
pub(super) const WALLET: AccountId = AccountId::new(Uuid::from_u128(4));
const ACTIVE_CARD: CardId = CardId::new(Uuid::from_u128(20));

pub(super) fn right() -> Case {
    let mut case = Case { history: created(), listing: Listing::default() };
    // The company's first 9 numbers: itself, 2 business users, 6 cards.
    case.load(COMPANY, FUNDS, 10, 10_000, "100.00");
    case.act(
        COMPANY,
        11,
        What::Move(Object::Card(CardId::new(Uuid::from_u128(21))), Status::Suspended),
        None,
    );
    case.act(
        COMPANY,
        12,
        What::Move(Object::Card(CardId::new(Uuid::from_u128(23))), Status::Terminated),
        None,
    );
    let second_user = Object::Cardholder(CardholderId::new(Uuid::from_u128(11)));
    case.act(COMPANY, 13, What::Move(second_user, Status::Suspended), None);
    case.swipe("s01", "active", "user-1", Some(3_000)).approved(14, "70.00");
    case.swipe("s02", "active", "user-1", Some(7_001)).declined(15, "insufficient_funds", "70.00");
    case.swipe("s03", "active", "user-1", Some(500)).follows("s01").approved(16, "65.00");
    case.swipe("s04", "active", "user-1", Some(0)).approved(17, "65.00");
    case.swipe("s05", "suspended", "user-1", Some(100)).declined(18, "card_not_active", "65.00");
    case.swipe("s06", "of-user-2", "user-2", Some(100)).declined(19, "cardholder_not_active", "65.00");
    case.swipe("s07", "active", "user-2", Some(100)).declined(20, "card_of_another_cardholder", "65.00");
    case.swipe("s08", "active", "user-1", Some(100)).in_euro().declined(21, "currency_mismatch", "65.00");
    case.swipe("s09", "active", "user-1", None).declined(22, "invalid_amount", "65.00");
    case.reverse("s01", 23, "100.00");
    case.swipe("s10", "active", "user-1", Some(100)).follows("s01").declined(
        24,
        "hold_group_ended",
        "100.00",
    );
    case.act(COMPANY, 25, What::Move(Object::Card(ACTIVE_CARD), Status::Suspended), None);
    case.swipe("s11", "active", "user-1", Some(100)).declined(26, "card_not_active", "100.00");
    case.act(COMPANY, 27, What::Move(Object::Card(ACTIVE_CARD), Status::Active), None);
    case.act(COMPANY, 28, What::Unload(FUNDS, usd(4_000)), Some("60.00"));
    // Number 29 is that of an unload which was refused.
    case.refused_unload(7_000);
    case.swipe("s12", "active", "user-1", Some(6_000)).approved(30, "0.00");
    // The answer was lost, but it was decided.
    case.swipe("s13", "active", "user-1", Some(1)).unanswered().declined(31, "insufficient_funds", "0.00");
    case.swipe("s14", "unactivated", "user-1", Some(100)).declined(32, "card_not_active", "0.00");
    case.swipe("s15", "terminated", "user-1", Some(100)).declined(33, "card_not_active", "0.00");
    // An increment of a purchase that the server never saw stands alone.
    case.swipe("s16", "active", "user-1", Some(0)).follows("lost").approved(34, "0.00");
    case.load(COMPANY, FUNDS, 35, 1_000, "10.00");
    case.swipe("s17", "active", "user-1", Some(0)).asking(Ask::BalanceInquiry).approved(36, "10.00");
    case.swipe("s18", "active", "user-1", Some(400)).asking(Ask::Withdrawal).approved(37, "6.00");
    case.swipe("s19", "active", "user-1", Some(900)).taking_less(600).approved(38, "0.00");
    case.release("s19", Part::Amount(usd(200)), 39, "2.00");
    case.swipe("s20", "active", "user-1", Some(100)).follows("s19").approved(40, "1.00");
    case.release("s12", Part::Expired, 41, "61.00");
    case.load(PERSON, WALLET, 3, 1_000, "10.00");
    case.act(PERSON, 4, What::Move(Object::Person(PERSON), Status::Suspended), None);
    case.swipe("p01", "own", "person", Some(100)).declined(5, "owner_not_active", "10.00");
    case.swipe("u01", "nobody's", "user-1", Some(100)).declined_for_nobody();
    // The connection broke before anything was decided.
    case.swipe("lost", "active", "user-1", Some(900)).swipe.deliveries.push(Delivery::Unknown);
    case.repeats();
    case.listing.owners = vec![shown_owner(COMPANY, 41), shown_owner(PERSON, 5)];
    case.listing.accounts = vec![
        shown_account(FUNDS, ["66.00", "5.00", "61.00"], 1, 4),
        shown_account(WALLET, ["10.00", "0.00", "10.00"], 0, 1),
    ];
    case.listing.entries = shown_entries(FUNDS, &[10_000, -4_000, 1_000, -400]);
    case.listing.entries.extend(shown_entries(WALLET, &[1_000]));
    case
}

pub(super) fn created() -> History {
    let owner = |id, is_person, creations| Owner { id, is_person, creations };
    let account = |id, owner| Account { id, owner, currency: usd(0).currency };
    let holder = |number, owner, token: &str| Cardholder {
        id: CardholderId::new(Uuid::from_u128(number)),
        owner,
        token: token.into(),
    };
    let card = |number, holder, token: &str, status| Card {
        id: CardId::new(Uuid::from_u128(number)),
        owner: if holder == 12 { PERSON } else { COMPANY },
        cardholder: CardholderId::new(Uuid::from_u128(holder)),
        account: if holder == 12 { WALLET } else { FUNDS },
        token: token.into(),
        status,
    };
    History {
        owners: vec![owner(COMPANY, false, 9), owner(PERSON, true, 2)],
        accounts: vec![account(FUNDS, COMPANY), account(WALLET, PERSON)],
        cardholders: vec![
            holder(10, COMPANY, "user-1"),
            holder(11, COMPANY, "user-2"),
            holder(12, PERSON, "person"),
        ],
        cards: vec![
            card(20, 10, "active", Status::Active),
            card(21, 10, "suspended", Status::Active),
            card(22, 10, "unactivated", Status::Unactivated),
            card(23, 10, "terminated", Status::Active),
            card(24, 11, "of-user-2", Status::Active),
            card(25, 10, "idle", Status::Active),
            card(26, 12, "own", Status::Active),
        ],
        ..History::default()
    }
}

/// A swipe that is being told: what it asks, and what it shall be answered.
pub(super) struct Telling<'a> {
    pub(super) swipe: &'a mut Swipe,
    listing: &'a mut Listing,
    is_answered: bool,
    /// What is granted, where that is not what was asked.
    granted_minor: Option<i64>,
}

impl Case {
    pub(super) fn swipe(
        &mut self,
        token: &str,
        card: &str,
        user: &str,
        amount_minor: Option<i64>,
    ) -> Telling<'_> {
        self.history.swipes.push(Swipe {
            token: token.into(),
            card_token: card.into(),
            acting_token: user.into(),
            follows: None,
            ask: Ask::Purchase,
            takes_less: false,
            merchant: &MERCHANTS[0],
            cash_minor: 0,
            sent: 0,
            answered: None,
            at: at(0),
            currency: usd(0).currency,
            amount_minor,
            deliveries: Vec::new(),
            conflicts: Vec::new(),
        });
        Telling {
            swipe: self.history.swipes.last_mut().expect("it was pushed"),
            listing: &mut self.listing,
            is_answered: true,
            granted_minor: None,
        }
    }

    pub(super) fn load(
        &mut self,
        owner: OwnerId,
        account: AccountId,
        number: i64,
        minor: i64,
        available: &str,
    ) {
        self.act(owner, number, What::Load(account, usd(minor)), Some(available));
    }

    pub(super) fn reverse(&mut self, token: &str, number: i64, available: &str) {
        self.release(token, Part::All, number, available);
    }

    pub(super) fn release(&mut self, token: &str, part: Part, number: i64, available: &str) {
        let what = What::Release { authorization: id_of(token), token: token.into(), part };
        self.act(COMPANY, number, what, Some(available));
    }

    pub(super) fn act(&mut self, owner: OwnerId, number: i64, what: What, available: Option<&str>) {
        self.history.actions.push(Action {
            key: format!("key-{number}"),
            owner,
            what,
            sent: 0,
            acknowledged: Some(0),
            outcome: Outcome::Done { sequence: number, at: at(number), available: available.map(Into::into) },
        });
    }

    fn refused_unload(&mut self, minor: i64) {
        self.history.actions.push(Action {
            key: "key-refused".to_owned(),
            owner: COMPANY,
            what: What::Unload(FUNDS, usd(minor)),
            sent: 0,
            acknowledged: Some(0),
            outcome: Outcome::Refused { status: 422, code: "insufficient_funds".to_owned() },
        });
    }

    /// Some requests were sent twice, one with another amount.
    fn repeats(&mut self) {
        for token in ["s01", "s05", "u01"] {
            let swipe = self.find(token);
            let again = swipe.deliveries[0].clone();
            swipe.deliveries.extend([Delivery::Unknown, again]);
        }
        self.find("s02").conflicts.push(Delivery::Answered(Answer {
            status: 402,
            decision: None,
            amount: "70.02".into(),
            decline_reason: Some("DUPLICATE_TRANSACTION".into()),
            digest: 99,
        }));
    }

    fn find(&mut self, token: &str) -> &mut Swipe {
        let mut swipes = self.history.swipes.iter_mut();
        swipes.find(|swipe| &*swipe.token == token).expect("it was sent")
    }
}

impl Telling<'_> {
    pub(super) fn follows(self, token: &str) -> Self {
        self.swipe.follows = Some(token.into());
        self
    }

    pub(super) fn asking(self, ask: Ask) -> Self {
        self.swipe.ask = ask;
        self
    }

    /// At a terminal that takes less, and is granted so much.
    fn taking_less(mut self, granted_minor: i64) -> Self {
        self.swipe.takes_less = true;
        self.granted_minor = Some(granted_minor);
        self
    }

    fn in_euro(self) -> Self {
        self.swipe.currency = Currency::parse("EUR").expect("a currency");
        self
    }

    fn unanswered(mut self) -> Self {
        self.is_answered = false;
        self
    }

    pub(super) fn approved(self, number: i64, available: &str) {
        self.decided(Some(number), None, Some(available));
    }

    pub(super) fn declined(self, number: i64, reason: &str, available: &str) {
        self.decided(Some(number), Some(reason), Some(available));
    }

    fn declined_for_nobody(self) {
        self.decided(None, Some("card_unknown"), None);
    }

    fn decided(self, number: Option<i64>, reason: Option<&str>, available: Option<&str>) {
        let swipe = self.swipe;
        let number_or_0 = Tick::try_from(number.unwrap_or_default()).expect("small");
        (swipe.sent, swipe.answered) = (10 * number_or_0, self.is_answered.then_some(10 * number_or_0 + 5));
        let granted_minor = self.granted_minor.or(swipe.amount_minor);
        let decimal = |minor| usd(minor).to_string();
        let (status, code) = match reason {
            None => ("approved", 200),
            Some(_) => ("declined", 402),
        };
        let owner = match (number, &*swipe.card_token) {
            (None, _) => None,
            (Some(_), "own") => Some((PERSON, WALLET)),
            (Some(_), _) => Some((COMPANY, FUNDS)),
        };
        // The only increments that were added to another purchase.
        let group = match &*swipe.token {
            "s03" => "s01",
            "s20" => "s19",
            "added" => "large",
            other => other,
        };
        self.listing.authorizations.push(Authorization {
            id: id_of(&swipe.token),
            kind: if swipe.follows.is_some() { "increment" } else { "authorization" }.to_owned(),
            group: Some(id_of(group)),
            token: swipe.token.to_string(),
            owner: owner.map(|(owner, _)| owner),
            owner_sequence: number,
            decided_at: at(number.unwrap_or_default()),
            status: status.to_owned(),
            decline_reason: reason.map(str::to_owned),
            card_token: swipe.card_token.to_string(),
            account: owner.map(|(_, account)| account),
            amount: swipe.amount_minor.map(decimal),
            approved_amount: granted_minor.filter(|_| reason.is_none()).map(decimal),
            transaction: swipe.ask.transaction().to_owned(),
            currency: Some(swipe.currency.to_string()),
            available_after: available.map(str::to_owned),
            checks: Vec::new(),
        });
        let answer = Answer {
            status: code,
            decision: Some(id_of(&swipe.token)),
            amount: decimal(if reason.is_none() { granted_minor } else { swipe.amount_minor }.unwrap_or(0))
                .into(),
            decline_reason: reason.map(|reason| word(reason).into()),
            digest: id_of(&swipe.token).uuid().as_u128() as u64,
        };
        swipe.deliveries.push(match self.is_answered {
            true => Delivery::Answered(answer),
            false => Delivery::Unknown,
        });
    }
}

fn word(reason: &str) -> &'static str {
    match reason {
        "card_unknown" | "card_of_another_cardholder" => "INVALID_CARD",
        "card_not_active" => "CARD_NOT_ACTIVE",
        "cardholder_not_active" => "CARDHOLDER_NOT_ACTIVE",
        "invalid_amount" => "INVALID_AMOUNT",
        "insufficient_funds" => "INSUFFICIENT_FUNDS",
        "amount_limit_exceeded" => "AMOUNT_LIMIT_EXCEEDED",
        "count_limit_exceeded" => "TRANSACTION_COUNT_LIMIT_EXCEEDED",
        "merchant_not_allowed" => "INVALID_MERCHANT",
        _ => "TRANSACTION_NOT_PERMITTED",
    }
}

pub(super) fn usd(minor: i64) -> Money {
    let currency = Currency::parse("USD").expect("a currency");
    Money { minor, currency }
}

/// The server's id of the decision about the token.
pub(super) fn id_of(token: &str) -> MessageId {
    let bytes = token.bytes().fold(0, |id, byte| id << 8 | u128::from(byte));
    MessageId::new(Uuid::from_u128(bytes))
}

/// A second for each number.
pub(super) fn at(number: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + number.seconds()
}

pub(super) fn shown_owner(id: OwnerId, sequence: i64) -> listing::Owner {
    listing::Owner { id, sequence }
}

/// Entries of these amounts, in cents.
pub(super) fn shown_entries(id: AccountId, moved: &[i64]) -> Vec<listing::Entry> {
    let mut balance = 0;
    let entry = |(number, minor): (i64, &i64)| {
        balance += minor;
        listing::Entry {
            account: Some(id),
            number,
            amount: signed(*minor),
            balance_after: signed(balance),
            message: id_of("entry"),
        }
    };
    (1..).zip(moved).map(entry).collect()
}

/// Cents as a decimal, below zero or not.
pub(super) fn signed(minor: i64) -> String {
    let sign = if minor < 0 { "-" } else { "" };
    format!("{sign}{}", usd(minor.abs()))
}

pub(super) fn shown_account(
    id: AccountId,
    [posted, held, available]: [&str; 3],
    open_holds: i64,
    entries: i64,
) -> listing::Account {
    listing::Account {
        id,
        posted: posted.to_owned(),
        held: held.to_owned(),
        pending_credit: "0.00".to_owned(),
        available: available.to_owned(),
        open_holds,
        entries,
    }
}
