//! Commands as tests write them.

use std::sync::Arc;
use std::time::Instant;

use bursar_core::command::{
    Amount, Authorize, ChangeControl, ChangeProgram, ControlSpec, CreateCard, CreateCardholder, CreateOwner,
    CreateProgram, Direction, GroupRef, MoveCard, MoveCardholder, MoveOwner, Purpose, PutControls, Transfer,
};
use bursar_core::control::{Counted, Rule, Scope, Velocity};
use bursar_core::hold_days::{Days, DaysByMerchant, HoldDays};
use bursar_core::message::{Source, TransactionKind};
use bursar_core::program::Policies;
use bursar_core::text::{FreeText, Token};
use bursar_core::{
    AccountId, Action, CardStatus, CardholderId, CardholderStatus, Command, Control, ControlStatus, Currency,
    Mcc, Merchant, MessageId, MessageKey, Money, OwnerId, OwnerKind, OwnerStatus, ProgramId, Window, Work,
    Zone,
};
use jiff::Timestamp;

use super::{Funded, JsonAnswer, currency, id, new_token, token};
use crate::ledger::Member;

/// A command and until when it may be started.
#[derive(Debug, Clone)]
pub struct Call {
    /// The command.
    pub command: Command,
    /// `None`: whenever.
    pub deadline: Option<Instant>,
}

impl Call {
    /// Asks for something, under a key of its own.
    #[must_use]
    pub fn new(source: Source, action: Action) -> Self {
        let command =
            Command { id: MessageId::new(id()), key: MessageKey::new(source, new_token("message")), action };
        Self { command, deadline: None }
    }

    /// Names the message.
    #[must_use]
    pub fn message(mut self, text: &str) -> Self {
        self.command.key.token = token(text);
        self
    }

    /// Delivers the same message once more: another id, the same key and content.
    #[must_use]
    pub fn again(&self) -> Self {
        let mut again = self.clone();
        again.command.id = MessageId::new(id());
        again
    }

    /// Gives it a deadline that has passed.
    #[must_use]
    pub fn late(mut self) -> Self {
        self.deadline = Some(Instant::now());
        self
    }

    /// Changes what is asked of an authorization.
    ///
    /// # Panics
    /// It is none.
    #[must_use]
    pub fn asking(mut self, change: impl FnOnce(&mut Authorize)) -> Self {
        match &mut self.command.action {
            Action::Authorize(authorize) => change(authorize),
            other => panic!("not an authorization: {other:?}"),
        }
        self
    }

    /// Names who acts.
    #[must_use]
    pub fn acting(self, holder: &Funded) -> Self {
        self.asking(|authorize| authorize.acting = Some(holder.actor()))
    }

    /// Gives a new owner, cardholder or card this token.
    ///
    /// # Panics
    /// It makes no such object.
    #[must_use]
    pub fn tokened(mut self, token: &Token) -> Self {
        let token = Some(token.clone());
        match &mut self.command.action {
            Action::CreateOwner(create) => create.token = token,
            Action::CreateCardholder(create) => create.token = token,
            Action::CreateCard(create) => create.token = token,
            other => panic!("nothing that takes a token: {other:?}"),
        }
        self
    }

    /// Opens a new owner's accounts in one currency more.
    ///
    /// # Panics
    /// It makes no owner.
    #[must_use]
    pub fn keeping(mut self, currency: Currency) -> Self {
        match &mut self.command.action {
            Action::CreateOwner(create) => create.currencies.push(currency),
            other => panic!("not a new owner: {other:?}"),
        }
        self
    }

    /// Sets a new program's clocks.
    ///
    /// # Panics
    /// It makes no program, or there is no such zone.
    #[must_use]
    pub fn in_zone(mut self, zone: &str) -> Self {
        match &mut self.command.action {
            Action::CreateProgram(create) => create.time_zone = Zone::parse(zone).expect("a zone"),
            other => panic!("not a new program: {other:?}"),
        }
        self
    }

    /// The key of the message.
    #[must_use]
    pub const fn key(&self) -> &MessageKey {
        &self.command.key
    }

    /// The command with an encoder.
    #[must_use]
    pub fn work(&self) -> Work {
        Work::new(self.command.clone(), Box::new(JsonAnswer))
    }

    /// A member of a batch.
    #[must_use]
    pub fn member(&self) -> Arc<Member> {
        Arc::new(Member { work: self.work(), deadline: self.deadline })
    }
}

/// A program that keeps dollars, yen and dinars.
#[must_use]
pub fn new_program() -> Call {
    new_program_with(Policies::default())
}

/// The same with these policies.
#[must_use]
pub fn new_program_with(policies: Policies) -> Call {
    let create = CreateProgram {
        name: FreeText::new("Test program"),
        time_zone: Zone::parse("Etc/UTC").expect("a zone"),
        currencies: ["USD", "JPY", "KWD"].map(currency).to_vec(),
        policies,
        hold_days: HoldDays::default(),
    };
    Call::new(Source::Api, Action::CreateProgram(create))
}

/// Other days for which the program's holds are kept.
#[must_use]
pub fn program_change(program: ProgramId, usual: Option<Days>, by_merchant: Option<DaysByMerchant>) -> Call {
    let change = ChangeProgram { program, usual, by_merchant };
    Call::new(Source::Api, Action::ChangeProgram(change))
}

/// A company.
#[must_use]
pub fn new_company(program: ProgramId) -> Call {
    new_owner(program, OwnerKind::Company)
}

/// A person.
#[must_use]
pub fn new_person(program: ProgramId) -> Call {
    new_owner(program, OwnerKind::Person)
}

fn new_owner(program: ProgramId, kind: OwnerKind) -> Call {
    let create =
        CreateOwner { program, kind, name: FreeText::new("Test owner"), token: None, currencies: Vec::new() };
    Call::new(Source::Api, Action::CreateOwner(create))
}

/// An active cardholder of a company.
#[must_use]
pub fn new_cardholder(owner: OwnerId) -> Call {
    let create = CreateCardholder {
        owner,
        token: None,
        reference: FreeText::new("employee 7"),
        status: CardholderStatus::Active,
    };
    Call::new(Source::Api, Action::CreateCardholder(create))
}

/// An active card.
#[must_use]
pub fn new_card(owner: OwnerId, cardholder: CardholderId, account: AccountId) -> Call {
    let create = CreateCard {
        owner: Some(owner),
        cardholder,
        account,
        token: None,
        last_four: None,
        status: CardStatus::Active,
    };
    Call::new(Source::Api, Action::CreateCard(create))
}

/// Another status of the owner.
#[must_use]
pub fn owner_move(funded: &Funded, to: OwnerStatus) -> Call {
    let owner = funded.owner;
    Call::new(Source::Api, Action::MoveOwner(MoveOwner { owner, to, reported_at: None }))
}

/// Another status of the cardholder.
#[must_use]
pub fn cardholder_move(funded: &Funded, to: CardholderStatus) -> Call {
    let change =
        MoveCardholder { owner: Some(funded.owner), cardholder: funded.cardholder, to, reported_at: None };
    Call::new(Source::Api, Action::MoveCardholder(change))
}

/// Another status of the card.
#[must_use]
pub fn card_move(funded: &Funded, to: CardStatus) -> Call {
    let change = MoveCard { owner: Some(funded.owner), card: funded.card, to, reported_at: None };
    Call::new(Source::Api, Action::MoveCard(change))
}

impl Call {
    /// A change of status as the processor reports it, of this time.
    #[must_use]
    pub fn reported(mut self, at: Timestamp) -> Self {
        let reported_at = match &mut self.command.action {
            Action::MoveOwner(change) => &mut change.reported_at,
            Action::MoveCardholder(change) => &mut change.reported_at,
            Action::MoveCard(change) => &mut change.reported_at,
            other => panic!("{other:?} is no change of status"),
        };
        *reported_at = Some(at);
        self
    }
}

/// A limit of the amount that counts everything that is spent.
#[must_use]
pub fn limit(window: Window, most: Money) -> Rule {
    Rule::Velocity(Velocity { window, amount: Some(most), count: None, counts: all_spending() })
}

/// A limit of the count that counts everything that is spent.
#[must_use]
pub fn uses(window: Window, most: u32) -> Rule {
    Rule::Velocity(Velocity { window, amount: None, count: Some(most), counts: all_spending() })
}

fn all_spending() -> Vec<Counted> {
    vec![Counted::Purchases, Counted::Withdrawals, Counted::CashBack]
}

/// A new control in force.
#[must_use]
pub fn new_control(owner: OwnerId, scope: Scope, rule: Rule) -> Call {
    let name = FreeText::new(new_token("control").as_str());
    let spec = ControlSpec { name, rule: Some(rule), status: ControlStatus::Active };
    let put = PutControls { owner: Some(owner), scope, replace: false, controls: vec![spec] };
    Call::new(Source::Api, Action::PutControls(put))
}

/// Another rule or status of a control.
#[must_use]
pub fn control_change(control: &Control, rule: Option<Rule>, status: Option<ControlStatus>) -> Call {
    let (owner, scope) = (Some(control.owner), control.scope);
    let change = ChangeControl { owner, scope, control: control.id, rule, status };
    Call::new(Source::Api, Action::ChangeControl(change))
}

/// Money into the account.
#[must_use]
pub fn load(funded: &Funded, money: Money) -> Call {
    transfer(funded, Direction::Load, money)
}

/// Money out of the account.
#[must_use]
pub fn unload(funded: &Funded, money: Money) -> Call {
    transfer(funded, Direction::Unload, money)
}

fn transfer(funded: &Funded, direction: Direction, money: Money) -> Call {
    let transfer =
        Transfer { direction, owner: Some(funded.owner), account: funded.account, amount: amount(money) };
    Call::new(Source::Api, Action::Transfer(transfer))
}

/// A swipe of the card.
#[must_use]
pub fn authorization(funded: &Funded, money: Money) -> Call {
    swipe(funded.card_token.clone(), money, "pgfs.authorization", Purpose::Hold)
        .asking(|authorize| authorize.route = Some(funded.route()))
}

/// A swipe of a card that is not known here.
#[must_use]
pub fn unknown_card(card_token: &Token, money: Money) -> Call {
    swipe(card_token.clone(), money, "pgfs.authorization", Purpose::Hold)
}

/// More for the purchase that the group's message is about.
#[must_use]
pub fn increment(funded: &Funded, group: GroupRef, money: Money) -> Call {
    let (method, purpose) = ("pgfs.authorization.incremental", Purpose::Increment(group));
    swipe(funded.card_token.clone(), money, method, purpose)
        .asking(|authorize| authorize.route = Some(funded.route()))
}

fn swipe(card_token: Token, money: Money, method: &str, purpose: Purpose) -> Call {
    let authorize = Authorize {
        method: token(method),
        funding_token: None,
        purpose,
        kind: TransactionKind::Purchase,
        card_token,
        route: None,
        acting: None,
        paying: None,
        amount: amount(money),
        cash_minor: 0,
        partial: None,
        merchant: Merchant {
            mcc: Mcc::parse("5812").ok(),
            name: Some(FreeText::new("Corner Café")),
            ..Merchant::default()
        },
        details: None,
        processor_time: None,
    };
    Call::new(Source::MarqetaJit, Action::Authorize(Box::new(authorize)))
}

pub(super) fn amount(money: Money) -> Amount {
    Amount { currency: Some(money.currency), minor: Ok(money.minor) }
}
