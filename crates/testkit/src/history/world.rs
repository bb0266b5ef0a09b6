//! The small world of random histories: a company with dollars and yen, a person with dollars,
//! three cardholders, four cards. Everything has a number, and ids that are the same in every run.

use bursar_core::command::Actor;
use bursar_core::program::Policies;
use bursar_core::{AccountId, CardId, CardholderId, Command, MessageId, OwnerId, ProgramId};
use uuid::Uuid;

use crate::given::{self, Call, Funded};

/// A card of the world.
#[derive(Debug, Clone, Copy)]
pub struct WorldCard {
    /// The number of its cardholder.
    pub holder: usize,
    /// The number of its account.
    pub account: usize,
}

/// Two cards on the company's dollars, one on its yen, and the person's.
pub const CARDS: [WorldCard; 4] = [
    WorldCard { holder: 0, account: 0 },
    WorldCard { holder: 1, account: 0 },
    WorldCard { holder: 0, account: 1 },
    WorldCard { holder: 2, account: 2 },
];

/// The owner of each cardholder. The last is the person.
pub const HOLDERS: [usize; 3] = [0, 0, 1];

/// How many accounts there are: the company's dollars and yen, the person's dollars.
pub const ACCOUNT_COUNT: usize = 3;

/// How many owners there are: the company and the person.
pub const OWNER_COUNT: usize = 2;

/// The owner of an account.
#[must_use]
pub const fn owner_of_account(account: usize) -> usize {
    match account {
        0 | 1 => 0,
        _ => 1,
    }
}

/// The currency of an account.
#[must_use]
pub const fn currency_of_account(account: usize) -> &'static str {
    match account {
        1 => "JPY",
        _ => "USD",
    }
}

/// The commands that make the world.
#[must_use]
pub fn setup() -> Vec<Command> {
    let mut commands = vec![
        numbered(
            given::new_program_with(Policies { partial_approvals: true, ..Policies::default() }),
            PROGRAM,
        ),
        numbered(
            given::new_company(program_id()).keeping(given::currency("USD")).keeping(given::currency("JPY")),
            OWNER,
        ),
        numbered(given::new_person(program_id()).tokened(&user_token(2)), OWNER + 1),
    ];
    for holder in 0..2 {
        let new = given::new_cardholder(owner_id(0)).tokened(&user_token(holder));
        commands.push(numbered(new, HOLDER + holder as u64));
    }
    for (number, card) in CARDS.iter().enumerate() {
        let owner = owner_id(owner_of_account(card.account));
        let new = given::new_card(owner, holder_id(card.holder), account_id(card.account));
        let new = new.tokened(&funded(number).card_token);
        commands.push(numbered(new, CARD + number as u64));
    }
    commands
}

fn numbered(mut call: Call, number: u64) -> Command {
    call.command.id = MessageId::new(given::numbered_id(number));
    call.command.key.token = given::token(&format!("setup-{number}"));
    call.command
}

const PROGRAM: u64 = 1;
const OWNER: u64 = 10;
const HOLDER: u64 = 20;
const CARD: u64 = 30;

/// The program.
#[must_use]
pub const fn program_id() -> ProgramId {
    ProgramId::new(given::numbered_id(PROGRAM))
}

/// The id of an owner.
#[must_use]
pub const fn owner_id(owner: usize) -> OwnerId {
    OwnerId::new(given::numbered_id(OWNER + owner as u64))
}

/// The id of an account; beyond the last there is none with it.
#[must_use]
pub fn account_id(account: usize) -> AccountId {
    let owner = owner_id(owner_of_account(account)).uuid().as_u128();
    let place = match account {
        0 | 2 => 0,
        other => other as u128,
    };
    AccountId::new(Uuid::from_u128(owner + place))
}

/// The id of a cardholder; the person's is the owner's.
#[must_use]
pub const fn holder_id(holder: usize) -> CardholderId {
    match holder {
        2 => CardholderId::new(owner_id(1).uuid()),
        _ => CardholderId::new(given::numbered_id(HOLDER + holder as u64)),
    }
}

/// The id of a card.
#[must_use]
pub const fn card_id(card: usize) -> CardId {
    CardId::new(given::numbered_id(CARD + card as u64))
}

/// A card with all that it belongs to.
#[must_use]
pub fn funded(card: usize) -> Funded {
    let WorldCard { holder, account } = CARDS[card];
    Funded {
        program: program_id(),
        owner: owner_id(owner_of_account(account)),
        account: account_id(account),
        currency: given::currency(currency_of_account(account)),
        cardholder: holder_id(holder),
        user_token: user_token(holder),
        card: card_id(card),
        card_token: given::token(&format!("card-{card}")),
    }
}

/// Some card of the cardholder.
///
/// # Panics
/// There is no such cardholder.
#[must_use]
pub fn holder(holder: usize) -> Funded {
    let card = CARDS.iter().position(|card| card.holder == holder);
    funded(card.expect("every cardholder has a card"))
}

/// Some card of the owner.
///
/// # Panics
/// There is no such owner.
#[must_use]
pub fn owner(owner: usize) -> Funded {
    let card = CARDS.iter().position(|card| owner_of_account(card.account) == owner);
    funded(card.expect("every owner has a card"))
}

/// The cardholder as a message names it; beyond the last, one that nobody knows.
#[must_use]
pub fn actor(holder: usize) -> Actor {
    Actor { token: user_token(holder), cardholder: (holder < HOLDERS.len()).then(|| holder_id(holder)) }
}

fn user_token(holder: usize) -> bursar_core::text::Token {
    given::token(&format!("user-{holder}"))
}
