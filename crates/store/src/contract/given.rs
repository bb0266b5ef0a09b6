//! What tests begin with: one obvious call for each thing.
//!
//! A noun makes and sends (`given::account(ledger, usd("100.00")).await`), a verb only makes a
//! [`Call`] (`given::authorization(&account, usd("30.00"))`), and [`sent`] sends it.

mod amount;
mod call;
mod details;
mod queues;
mod release;
mod report;
mod send;

pub use amount::{currency, jpy, kwd, money, usd};
pub use call::{
    Call, authorization, card_move, cardholder_move, control_change, increment, limit, load, new_card,
    new_cardholder, new_company, new_control, new_person, new_program, new_program_with, owner_move,
    program_change, unknown_card, unload, uses,
};
pub use details::details;
pub use queues::{attempt, dead_letter, endpoint, notification, transaction_record};
pub use release::{capture, expiry, expiry_after, final_capture, partial_reversal, refund, reversal};
pub use report::report;
pub use send::{
    JsonAnswer, Sent, answered_id, approved_in, approved_minor, batch, conflicting, sent, settled,
};

use std::sync::atomic::{AtomicU64, Ordering};

use bursar_core::command::{Actor, LinkKind, Route, Says};
use bursar_core::control::{Rule, Scope};
use bursar_core::decide::Change;
use bursar_core::program::Policies;
use bursar_core::text::Token;
use bursar_core::{
    Account, AccountId, CardId, CardholderId, Control, ControlId, Currency, Money, OwnerId, ProgramId,
};
use uuid::Uuid;

use crate::ledger::Ledger;

/// A new id: they count up, so that a later one sorts later. Far enough apart for an owner's
/// accounts, whose ids follow the owner's.
#[must_use]
pub fn id() -> Uuid {
    static LAST: AtomicU64 = AtomicU64::new(0);
    numbered_id(1 + LAST.fetch_add(1, Ordering::Relaxed))
}

/// The id with this number, the same in every run.
#[must_use]
pub const fn numbered_id(number: u64) -> Uuid {
    Uuid::from_u128((number as u128) << 16)
}

/// A token that no other has.
#[must_use]
pub fn new_token(what: &str) -> Token {
    token(&format!("{what}-{}", id().as_u128() >> 16))
}

/// A token with this text.
///
/// # Panics
/// The text cannot be a token.
#[must_use]
pub fn token(text: &str) -> Token {
    Token::new(text).expect("visible ASCII")
}

/// An account with the active card and cardholder that may spend it.
#[derive(Debug, Clone)]
pub struct Funded {
    /// The program.
    pub program: ProgramId,
    /// The company or person.
    pub owner: OwnerId,
    /// The account.
    pub account: AccountId,
    /// Its currency.
    pub currency: Currency,
    /// The cardholder.
    pub cardholder: CardholderId,
    /// The cardholder's token.
    pub user_token: Token,
    /// The card.
    pub card: CardId,
    /// The card's token.
    pub card_token: Token,
}

impl Funded {
    /// Where the card belongs.
    #[must_use]
    pub const fn route(&self) -> Route {
        Route { card: self.card, owner: self.owner, cardholder: self.cardholder, account: self.account }
    }

    /// The cardholder, as a message names it.
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor { token: self.user_token.clone(), cardholder: Some(self.cardholder) }
    }
}

/// A program that keeps dollars, yen and dinars.
pub async fn program(ledger: &dyn Ledger) -> ProgramId {
    ProgramId::new(sent(ledger, &new_program()).await.id().uuid())
}

/// A company without money or cards.
pub async fn company(ledger: &dyn Ledger, program: ProgramId) -> OwnerId {
    OwnerId::new(sent(ledger, &new_company(program)).await.id().uuid())
}

/// A person with a wallet in the program's first currency.
pub async fn person(ledger: &dyn Ledger, program: ProgramId) -> OwnerId {
    OwnerId::new(sent(ledger, &new_person(program)).await.id().uuid())
}

/// A company's account with this money, and an active card on it.
pub async fn account(ledger: &dyn Ledger, money: Money) -> Funded {
    account_in(ledger, Policies::default(), money).await
}

/// The same in a program with these policies.
pub async fn account_in(ledger: &dyn Ledger, policies: Policies, money: Money) -> Funded {
    account_in_zone(ledger, "Etc/UTC", policies, money).await
}

/// The same in a program of this time zone.
pub async fn account_in_zone(ledger: &dyn Ledger, zone: &str, policies: Policies, money: Money) -> Funded {
    let program = new_program_with(policies).in_zone(zone);
    let program = ProgramId::new(sent(ledger, &program).await.id().uuid());
    let owner = sent(ledger, &new_company(program).keeping(money.currency)).await;
    let account = account_of(&owner);
    let funded = holder_of(ledger, program, account).await;
    if money.minor > 0 {
        assert_eq!(sent(ledger, &load(&funded, money)).await.declined(), None);
    }
    funded
}

/// Two accounts of one company with this money, and an active card on each.
pub async fn two_accounts(ledger: &dyn Ledger, money: [Money; 2]) -> [Funded; 2] {
    let program = program(ledger).await;
    let company = new_company(program).keeping(money[0].currency).keeping(money[1].currency);
    let made = sent(ledger, &company).await;
    let accounts = accounts_of(&made);
    let mut both = Vec::new();
    for money in money {
        let account = accounts.iter().find(|(.., currency)| *currency == money.currency);
        let funded = holder_of(ledger, program, *account.expect("an account a currency")).await;
        assert_eq!(sent(ledger, &load(&funded, money)).await.declined(), None);
        both.push(funded);
    }
    both.try_into().expect("two")
}

/// Another active cardholder with an active card on the same account.
pub async fn another_holder(ledger: &dyn Ledger, of: &Funded) -> Funded {
    holder_of(ledger, of.program, (of.owner, of.account, of.currency)).await
}

async fn holder_of(
    ledger: &dyn Ledger,
    program: ProgramId,
    (owner, account, currency): (OwnerId, AccountId, Currency),
) -> Funded {
    let user_token = new_token("user");
    let named = new_cardholder(owner).tokened(&user_token);
    let cardholder = CardholderId::new(sent(ledger, &named).await.id().uuid());
    card_of(ledger, program, (owner, account, currency), (cardholder, user_token)).await
}

/// A person's wallet with this money, and an active card on it.
pub async fn wallet(ledger: &dyn Ledger, money: Money) -> Funded {
    let program = program(ledger).await;
    let user_token = new_token("user");
    let named = new_person(program).keeping(money.currency).tokened(&user_token);
    let account = account_of(&sent(ledger, &named).await);
    let cardholder = CardholderId::new(account.0.uuid());
    let funded = card_of(ledger, program, account, (cardholder, user_token)).await;
    assert_eq!(sent(ledger, &load(&funded, money)).await.declined(), None);
    funded
}

async fn card_of(
    ledger: &dyn Ledger,
    program: ProgramId,
    (owner, account, currency): (OwnerId, AccountId, Currency),
    (cardholder, user_token): (CardholderId, Token),
) -> Funded {
    let card_token = new_token("card");
    let issued = new_card(owner, cardholder, account).tokened(&card_token);
    let card = CardId::new(sent(ledger, &issued).await.id().uuid());
    Funded { program, owner, account, currency, cardholder, user_token, card, card_token }
}

/// The one account of an owner that was just made.
fn account_of(made: &Sent) -> (OwnerId, AccountId, Currency) {
    accounts_of(made)[0]
}

fn accounts_of(made: &Sent) -> Vec<(OwnerId, AccountId, Currency)> {
    let is_account = |change: &Change| match change {
        Change::Account(account) => Some((account.owner, account.id, account.currency)),
        _ => None,
    };
    let decided = made.decided.as_ref().expect("decided now");
    decided.changes.iter().filter_map(is_account).collect()
}

/// A control in force.
pub async fn control(ledger: &dyn Ledger, of: &Funded, scope: Scope, rule: Rule) -> Control {
    let made = sent(ledger, &new_control(of.owner, scope, rule)).await;
    assert_eq!(made.declined(), None);
    let id = ControlId::new(made.id().uuid());
    ledger.find_control(id).await.expect("readable").expect("a control")
}

/// A clearing that named an advice which came later, and so made two hold groups of one purchase: 50.00 of
/// 100.00 dollars were held, and 41.00 captured.
pub async fn merged_groups(ledger: &dyn Ledger) -> Funded {
    let funded = account(ledger, usd("100.00")).await;
    let [purchase, advice, clearing] = [(); 3].map(|()| new_token("transaction"));
    let report = |token: &Token, says| report(&funded, token.as_str(), says, usd("41.00"));
    let swipe = authorization(&funded, usd("50.00")).message(purchase.as_str());
    let last = report(&clearing, Says::FinalCapture).following(advice.as_str());
    let last = last.sharing(LinkKind::Order, clearing.as_str());
    let advised = report(&advice, Says::Replace).following(purchase.as_str());
    for call in [swipe, report(&advice, Says::Claim), last, advised] {
        sent(ledger, &call).await;
    }
    funded
}

/// The account's row.
///
/// # Panics
/// It cannot be read.
pub async fn books_of(ledger: &dyn Ledger, funded: &Funded) -> Account {
    let found = ledger.find_account(funded.account).await.expect("a readable account");
    found.expect("an account that exists")
}

/// What the account has available.
///
/// # Panics
/// The account cannot be read.
pub async fn available(ledger: &dyn Ledger, funded: &Funded) -> Money {
    Money {
        minor: books_of(ledger, funded).await.available_minor().expect("64 bits"),
        currency: funded.currency,
    }
}
