//! Commands: every change to money or to a status, whoever asks for it.

mod authorize;
mod hold_group;
mod keys;
mod link;
mod report;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::card::{CardStatus, LastFour};
use crate::cardholder::CardholderStatus;
use crate::control::{ControlStatus, Rule, Scope};
use crate::hold_days::{Days, DaysByMerchant, HoldDays};
use crate::id::{AccountId, CardId, CardholderId, ControlId, MessageId, OwnerId, ProgramId};
use crate::message::{ActionKind, Fingerprint, MessageKey};
use crate::money::{AmountError, Currency};
use crate::owner::{OwnerKind, OwnerStatus};
use crate::program::Policies;
use crate::text::{FreeText, Token};
use crate::time::Zone;

pub use authorize::{Authorize, Partial, Purpose};
pub use hold_group::{Capture, Doubt, Expire, GroupRef, Refund, Reverse};
pub use keys::{Keys, TokenKind};
pub use link::{Link, LinkKind};
pub use report::{Heard, Report, Says};

/// A request for one atomic change. Everything random or measured was put in before: a command
/// can be run again after a crash and gives the same outcome.
#[derive(Debug, Clone)]
pub struct Command {
    /// Made before; objects that the command creates take their ids from it.
    pub id: MessageId,
    /// What makes two deliveries the same message.
    pub key: MessageKey,
    /// What it asks for.
    pub action: Action,
}

/// What a command asks for.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Action {
    /// A new program.
    CreateProgram(CreateProgram),
    /// Another number of days for which a program's holds are kept.
    ChangeProgram(ChangeProgram),
    /// A new company or person.
    CreateOwner(CreateOwner),
    /// A new business user of a company.
    CreateCardholder(CreateCardholder),
    /// A new card.
    CreateCard(CreateCard),
    /// Another status of an owner.
    MoveOwner(MoveOwner),
    /// Another status of a cardholder.
    MoveCardholder(MoveCardholder),
    /// Another status of a card.
    MoveCard(MoveCard),
    /// New spending controls, or others in their place.
    PutControls(PutControls),
    /// Another rule or status of a spending control.
    ChangeControl(ChangeControl),
    /// An authorization, an increment, or a method that is not funded.
    Authorize(Box<Authorize>),
    /// Release of what a hold group holds, or of a part of it.
    Reverse(Reverse),
    /// The end of a hold group that nothing more was heard of.
    Expire(Expire),
    /// That nobody ever confirmed a hold.
    Doubt(Doubt),
    /// What was captured of a purchase.
    Capture(Capture),
    /// What is given back of what was captured.
    Refund(Refund),
    /// What the processor says that became of a transaction.
    Report(Box<Report>),
    /// Money in or out.
    Transfer(Transfer),
    /// A message kept without effect.
    Record(Record),
    /// The end of a discrepancy.
    Close(Close),
}

/// Creates a program.
#[derive(Debug, Clone, Serialize)]
pub struct CreateProgram {
    /// What operators call it.
    pub name: FreeText,
    /// What its calendar windows and schedules follow.
    pub time_zone: Zone,
    /// At least one.
    pub currencies: Vec<Currency>,
    /// What it allows.
    #[serde(flatten)]
    pub policies: Policies,
    /// How long its holds are kept.
    #[serde(skip_serializing_if = "HoldDays::is_usual")]
    pub hold_days: HoldDays,
}

/// Changes for how many days a program's holds are kept.
#[derive(Debug, Clone, Serialize)]
pub struct ChangeProgram {
    /// Which program.
    pub program: ProgramId,
    /// The usual number from now on; `None` as before.
    pub usual: Option<Days>,
    /// All that is said of merchants from now on; `None` as before.
    pub by_merchant: Option<DaysByMerchant>,
}

/// Creates a company, or a person with the cardholder that the person is. An account is opened
/// for each currency.
#[derive(Debug, Clone, Serialize)]
pub struct CreateOwner {
    /// Where it belongs.
    pub program: ProgramId,
    /// Company or person.
    pub kind: OwnerKind,
    /// A company's name, or the operator's reference of a person.
    pub name: FreeText,
    /// The processor's token of it.
    pub token: Option<Token>,
    /// The currencies to open accounts in; none means the program's first.
    pub currencies: Vec<Currency>,
}

/// Creates a business user of a company.
#[derive(Debug, Clone, Serialize)]
pub struct CreateCardholder {
    /// The company.
    pub owner: OwnerId,
    /// The processor's user token.
    pub token: Option<Token>,
    /// The operator's own reference.
    pub reference: FreeText,
    /// First status.
    pub status: CardholderStatus,
}

/// Creates a card of a cardholder.
#[derive(Debug, Clone, Serialize)]
pub struct CreateCard {
    /// Whose owner; found by the cardholder.
    #[serde(skip)]
    pub owner: Option<OwnerId>,
    /// Who may use it.
    pub cardholder: CardholderId,
    /// The account it draws on, of the same owner.
    pub account: AccountId,
    /// The processor's card token.
    pub token: Option<Token>,
    /// Last four digits of its number.
    pub last_four: Option<LastFour>,
    /// First status: unactivated or active.
    pub status: CardStatus,
}

/// Changes an owner's status.
#[derive(Debug, Clone, Serialize)]
pub struct MoveOwner {
    /// Which owner.
    pub owner: OwnerId,
    /// The new status.
    pub to: OwnerStatus,
    /// When, by the processor's clock, where the processor says so: then it is so, unless what is there is newer
    /// or final. `None` asks for it, now.
    #[serde(skip)]
    pub reported_at: Option<Timestamp>,
}

/// Changes a cardholder's status.
#[derive(Debug, Clone, Serialize)]
pub struct MoveCardholder {
    /// Whose cardholder; found by the id.
    #[serde(skip)]
    pub owner: Option<OwnerId>,
    /// Which cardholder.
    pub cardholder: CardholderId,
    /// The new status.
    pub to: CardholderStatus,
    /// When, by the processor's clock, where the processor says so: then it is so, unless what is there is newer
    /// or final. `None` asks for it, now.
    #[serde(skip)]
    pub reported_at: Option<Timestamp>,
}

/// Changes a card's status.
#[derive(Debug, Clone, Serialize)]
pub struct MoveCard {
    /// Whose card; found by the id.
    #[serde(skip)]
    pub owner: Option<OwnerId>,
    /// Which card.
    pub card: CardId,
    /// The new status.
    pub to: CardStatus,
    /// When, by the processor's clock, where the processor says so: then it is so, unless what is there is newer
    /// or final. `None` asks for it, now.
    #[serde(skip)]
    pub reported_at: Option<Timestamp>,
}

/// Creates spending controls of one scope, all or none of them.
#[derive(Debug, Clone, Serialize)]
pub struct PutControls {
    /// Whose scope it is; found by the scope.
    #[serde(skip)]
    pub owner: Option<OwnerId>,
    /// What they restrict.
    pub scope: Scope,
    /// Whether a control of the same name is changed instead; otherwise it refuses the name.
    pub replace: bool,
    /// The controls.
    pub controls: Vec<ControlSpec>,
}

/// A spending control, as it is asked for.
#[derive(Debug, Clone, Serialize)]
pub struct ControlSpec {
    /// What operators call it.
    pub name: FreeText,
    /// What it says; `None` keeps what the control of this name says, if there is one.
    pub rule: Option<Rule>,
    /// Whether it is in force.
    pub status: ControlStatus,
}

/// Changes a spending control. From its commit on nothing is decided by what it was.
#[derive(Debug, Clone, Serialize)]
pub struct ChangeControl {
    /// Whose control and of which scope; found by the id. Neither ever changes.
    #[serde(skip)]
    pub owner: Option<OwnerId>,
    /// Its scope.
    #[serde(skip)]
    pub scope: Scope,
    /// Which control.
    pub control: ControlId,
    /// What it says from now on; `None` as before.
    pub rule: Option<Rule>,
    /// Whether it is in force from now on; `None` as before.
    pub status: Option<ControlStatus>,
}

/// Where a card belongs. None of it ever changes, so a cache may hold it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The card.
    pub card: CardId,
    /// Whose money.
    pub owner: OwnerId,
    /// Whose card.
    pub cardholder: CardholderId,
    /// The account it draws on.
    pub account: AccountId,
}

/// What the tokens of a swipe mean here; `None` for one that names nothing we know.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Found {
    /// The card, and what it belongs to.
    pub route: Option<Route>,
    /// Who used the card.
    pub acting: Option<CardholderId>,
    /// Who pays, where that is somebody else.
    pub paying: Option<CardholderId>,
}

/// A user that a message names.
#[derive(Debug, Clone, Serialize)]
pub struct Actor {
    /// The processor's user token.
    pub token: Token,
    /// The cardholder with this token; `None` if there is none.
    #[serde(skip)]
    pub cardholder: Option<CardholderId>,
}

/// An amount as a message gives it. What cannot be read is decided like the rest: it fails its
/// check, in its place in the order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Amount {
    /// The currency; `None` if the code names none.
    pub currency: Option<Currency>,
    /// Minor units of it, or why there are none.
    pub minor: Result<i64, AmountError>,
}

/// Moves money between an account and the program's funding account.
#[derive(Debug, Clone, Serialize)]
pub struct Transfer {
    /// Into the account, or out of it.
    pub direction: Direction,
    /// Whose account; found by the id.
    #[serde(skip)]
    pub owner: Option<OwnerId>,
    /// The account.
    pub account: AccountId,
    /// How much, above zero.
    pub amount: Amount,
}

/// Which way a transfer goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Into the account.
    Load,
    /// Out of the account.
    Unload,
}

/// Keeps a message without effect.
#[derive(Debug, Clone, Serialize)]
pub struct Record {
    /// The processor's name of what it asks.
    pub method: Token,
    /// The processor's id of this request, where it has one beside the message's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub funding_token: Option<Token>,
    /// Whether somebody has to look at it: we do not know what it asks.
    #[serde(skip)]
    pub needs_review: bool,
    /// The card's token, where there is one.
    pub card_token: Option<Token>,
    /// The amount it names.
    pub amount: Amount,
}

/// Says that nothing is left to do about a discrepancy.
#[derive(Debug, Clone, Serialize)]
pub struct Close {
    /// Whom it is about, if anybody.
    #[serde(skip)]
    pub owner: Option<OwnerId>,
    /// The message that brought it.
    pub discrepancy: MessageId,
    /// What was done.
    pub note: FreeText,
}

impl Command {
    /// A hash of the normalised content. What is found out on the way (owners, routes) and the
    /// times are no part of it: a repeat has the same content, whenever it comes.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let content = serde_json::to_vec(&self.action).unwrap_or_default();
        let hash = Sha256::digest(content);
        let mut fingerprint = [0; 16];
        fingerprint.copy_from_slice(&hash[..16]);
        fingerprint
    }

    /// The owner whose lane, lock and sequence the command takes; `None` for a program and
    /// for a swipe with an unknown card.
    #[must_use]
    pub fn owner(&self) -> Option<OwnerId> {
        match &self.action {
            Action::CreateProgram(_) | Action::ChangeProgram(_) | Action::Record(_) => None,
            Action::CreateOwner(_) => Some(OwnerId::new(self.id.uuid())),
            Action::CreateCardholder(create) => Some(create.owner),
            Action::CreateCard(create) => create.owner,
            Action::MoveOwner(change) => Some(change.owner),
            Action::MoveCardholder(change) => change.owner,
            Action::MoveCard(change) => change.owner,
            Action::PutControls(put) => put.owner,
            Action::ChangeControl(change) => change.owner,
            Action::Authorize(authorize) => authorize.route.map(|route| route.owner),
            Action::Reverse(reverse) => reverse.owner,
            Action::Expire(expire) => expire.owner,
            Action::Doubt(doubt) => doubt.owner,
            Action::Capture(capture) => capture.owner,
            Action::Refund(refund) => refund.owner,
            Action::Report(report) => report.owner,
            Action::Transfer(transfer) => transfer.owner,
            Action::Close(close) => close.owner,
        }
    }

    /// The word for what is asked.
    #[must_use]
    pub fn kind(&self) -> ActionKind {
        match &self.action {
            Action::CreateProgram(_) => ActionKind::CreateProgram,
            Action::ChangeProgram(_) => ActionKind::ChangeProgram,
            Action::CreateOwner(_) => ActionKind::CreateOwner,
            Action::CreateCardholder(_) => ActionKind::CreateCardholder,
            Action::CreateCard(_) => ActionKind::CreateCard,
            Action::MoveOwner(_) => ActionKind::MoveOwner,
            Action::MoveCardholder(_) => ActionKind::MoveCardholder,
            Action::MoveCard(_) => ActionKind::MoveCard,
            Action::PutControls(_) => ActionKind::PutControls,
            Action::ChangeControl(_) => ActionKind::ChangeControl,
            Action::Authorize(authorize) => match authorize.purpose {
                Purpose::Increment(_) => ActionKind::Increment,
                _ => ActionKind::Authorize,
            },
            Action::Reverse(_) => ActionKind::Reverse,
            Action::Expire(_) => ActionKind::Expire,
            Action::Doubt(_) => ActionKind::Doubt,
            Action::Capture(_) => ActionKind::Capture,
            Action::Refund(_) => ActionKind::Refund,
            Action::Report(report) if report.says == Says::Claim => ActionKind::Claim,
            Action::Report(_) => ActionKind::Report,
            Action::Transfer(Transfer { direction: Direction::Load, .. }) => ActionKind::Load,
            Action::Transfer(Transfer { direction: Direction::Unload, .. }) => ActionKind::Unload,
            Action::Record(record) if record.needs_review => ActionKind::Review,
            Action::Record(_) => ActionKind::Record,
            Action::Close(_) => ActionKind::Close,
        }
    }
}

impl Route {
    /// Whose controls count: the card's, its cardholder's, the owner's.
    #[must_use]
    pub const fn scopes(&self) -> [Scope; 3] {
        [Scope::Card(self.card), Scope::Cardholder(self.cardholder), Scope::Owner(self.owner)]
    }
}
