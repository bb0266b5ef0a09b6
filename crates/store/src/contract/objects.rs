//! Programs, companies, persons, cardholders, cards and accounts.

use bursar_core::card::LastFour;
use bursar_core::decide::Change;
use bursar_core::text::Token;
use bursar_core::{
    AccountId, Action, CardId, CardStatus, CardholderId, CardholderStatus, DeclineReason, OwnerId, OwnerKind,
    OwnerStatus, ProgramId,
};
use jiff::SignedDuration;

use super::NOON;
use super::given::{self, Call, Funded, Sent, usd};
use crate::ledger::{Ledger, Settled};
use crate::reader::Page;

pub(super) async fn every_object_is_read_back_as_it_was_made(ledger: &dyn Ledger) {
    let program = given::program(ledger).await;
    let company =
        given::sent(ledger, &given::new_company(program).tokened(&given::new_token("company"))).await;
    let owner = OwnerId::new(company.id().uuid());
    let cardholder = given::new_cardholder(owner).tokened(&given::new_token("user"));
    let cardholder = given::sent(ledger, &cardholder).await;
    let holder = CardholderId::new(cardholder.id().uuid());
    let account = AccountId::new(owner.uuid());
    let mut card = given::new_card(owner, holder, account).tokened(&given::new_token("card"));
    if let Action::CreateCard(create) = &mut card.command.action {
        create.last_four = LastFour::new("4242").ok();
        create.status = CardStatus::Unactivated;
    }
    let card = given::sent(ledger, &card).await;
    let person = given::sent(ledger, &given::new_person(program).tokened(&given::new_token("person"))).await;
    for made in [&company, &cardholder, &card, &person] {
        let decided = made.decided.as_ref().expect("decided now");
        for change in &decided.changes {
            assert_is_stored(ledger, change).await;
        }
    }
}

/// Whether the row is there. Owners go on counting, so theirs is compared without the count.
async fn assert_is_stored(ledger: &dyn Ledger, change: &Change) {
    match change {
        Change::Program(row) => assert_eq!(ledger.find_program(row.id).await, Ok(Some(row.clone()))),
        Change::Account(row) => assert_eq!(ledger.find_account(row.id).await, Ok(Some(row.clone()))),
        Change::Owner(row) => {
            let found = ledger.find_owner(row.id).await.expect("readable").expect("there");
            assert!(found.sequence >= row.sequence);
            let (sequence, last_at) = (row.sequence, row.last_at);
            let found = bursar_core::Owner { sequence, last_at, ..found };
            assert_eq!(&found, row);
        }
        Change::Cardholder(row) => {
            assert_eq!(ledger.find_cardholder(row.id).await, Ok(Some(row.clone())));
            let by_token = ledger.find_cardholder_by_token(&row.token).await;
            assert_eq!(by_token, Ok(Some(row.clone())));
        }
        Change::Card(row) => {
            assert_eq!(ledger.find_card(row.id).await, Ok(Some(row.clone())));
            let route = ledger.find_route(&row.token).await.expect("readable").expect("a route");
            let parts = (route.card, route.owner, route.cardholder, route.account);
            assert_eq!(parts, (row.id, row.owner, row.cardholder, row.account));
        }
        Change::Controls(row) => {
            for control in row.controls.iter() {
                assert_eq!(ledger.find_control(control.id).await, Ok(Some(control.clone())));
            }
        }
        Change::Counters(row) => {
            let spending = ledger.find_spending(row.scope).await.expect("readable").expect("there");
            for (control, counter) in spending.controls {
                assert_eq!(
                    row.find(control.id),
                    Some(&counter).filter(|counter| !counter.buckets.is_empty())
                );
            }
        }
    }
}

pub(super) async fn a_ledger_is_itself_and_no_copy(ledger: &dyn Ledger) {
    let identity = ledger.identity().await.expect("readable");
    assert_eq!((identity.copy_of, identity.copied_at), (None, None));
    assert!(!identity.id.is_nil());
    assert_eq!(ledger.identity().await, Ok(identity));
}

pub(super) async fn what_does_not_exist_is_not_found(ledger: &dyn Ledger) {
    let id = given::id();
    let token = given::new_token("nobody");
    assert_eq!(ledger.find_program(ProgramId::new(id)).await, Ok(None));
    assert_eq!(ledger.find_owner(OwnerId::new(id)).await, Ok(None));
    assert_eq!(ledger.find_cardholder(CardholderId::new(id)).await, Ok(None));
    assert_eq!(ledger.find_cardholder_by_token(&token).await, Ok(None));
    assert_eq!(ledger.find_card(CardId::new(id)).await, Ok(None));
    assert_eq!(ledger.find_route(&token).await, Ok(None));
    assert_eq!(ledger.find_account(AccountId::new(id)).await, Ok(None));
    let all = Page { after: None, limit: 10 };
    assert_eq!(ledger.list_entries(AccountId::new(id), all).await, Ok(Vec::new()));
    let all = Page { after: None, limit: 10 };
    assert_eq!(ledger.list_programs(all).await, Ok(Vec::new()));
}

pub(super) async fn lists_come_in_pages_in_the_order_of_creation(ledger: &dyn Ledger) {
    let mut programs = Vec::new();
    for _ in 0..5 {
        programs.push(given::program(ledger).await);
    }
    let (mut companies, mut persons, mut holders, mut cards) = (vec![], vec![], vec![], vec![]);
    for _ in 0..5 {
        companies.push(given::company(ledger, programs[0]).await);
    }
    for _ in 0..5 {
        let cardholder = given::sent(ledger, &given::new_cardholder(companies[0])).await.id().uuid();
        holders.push(CardholderId::new(cardholder));
    }
    for _ in 0..5 {
        let account = AccountId::new(companies[0].uuid());
        let card = given::sent(ledger, &given::new_card(companies[0], holders[0], account)).await;
        cards.push(CardId::new(card.id().uuid()));
    }
    for _ in 0..5 {
        persons.push(given::person(ledger, programs[0]).await);
    }
    let of_companies = async |page| ledger.list_owners(OwnerKind::Company, page).await;
    let of_persons = async |page| ledger.list_owners(OwnerKind::Person, page).await;
    assert_pages(async |page| ledger.list_programs(page).await, |row| row.id, &programs).await;
    assert_pages(of_companies, |row| row.id, &companies).await;
    assert_pages(of_persons, |row| row.id, &persons).await;
    assert_pages(async |page| ledger.list_cards(None, page).await, |row| row.id, &cards).await;
    let people = persons.iter().map(|owner| CardholderId::new(owner.uuid()));
    let everybody: Vec<_> = holders.iter().copied().chain(people).collect();
    let of_all = async |page| ledger.list_cardholders(None, page).await;
    assert_pages(of_all, |row| row.id, &everybody).await;
    let owners = companies.iter().chain(&persons);
    let accounts: Vec<_> = owners.map(|owner| AccountId::new(owner.uuid())).collect();
    assert_pages(async |page| ledger.list_accounts(None, page).await, |row| row.id, &accounts).await;
}

/// Reads a list two at a time and compares it with what it should be.
async fn assert_pages<K, T, E>(
    list: impl AsyncFn(Page<K>) -> Result<Vec<T>, E>,
    key: impl Fn(&T) -> K,
    expected: &[K],
) where
    K: Copy + PartialEq + std::fmt::Debug,
    E: std::fmt::Debug,
{
    let mut found = Vec::new();
    loop {
        let after = found.last().copied();
        let page = list(Page { after, limit: 2 }).await.expect("a readable list");
        assert!(page.len() <= 2);
        if page.is_empty() {
            break;
        }
        found.extend(page.iter().map(&key));
    }
    assert_eq!(found, expected);
}

pub(super) async fn lists_are_of_one_owner_where_that_is_asked(ledger: &dyn Ledger) {
    let first = given::account(ledger, usd("1.00")).await;
    let second = given::account(ledger, usd("1.00")).await;
    for funded in [&first, &second] {
        let owner = Some(funded.owner);
        let cards = ledger.list_cards(owner, all()).await.expect("readable");
        assert_eq!(cards.iter().map(|row| row.id).collect::<Vec<_>>(), [funded.card]);
        let holders = ledger.list_cardholders(owner, all()).await.expect("readable");
        assert_eq!(holders.iter().map(|row| row.id).collect::<Vec<_>>(), [funded.cardholder]);
        let accounts = ledger.list_accounts(owner, all()).await.expect("readable");
        assert_eq!(accounts.iter().map(|row| row.id).collect::<Vec<_>>(), [funded.account]);
    }
}

fn all<K>() -> Page<K> {
    Page { after: None, limit: 100 }
}

pub(super) async fn a_token_names_one_object_of_its_kind(ledger: &dyn Ledger) {
    let funded = given::account(ledger, usd("1.00")).await;
    let owner_token = given::new_token("owner");
    let company = given::new_company(funded.program).tokened(&owner_token);
    assert_eq!(given::sent(ledger, &company).await.declined(), None);
    let taken = [
        given::new_company(funded.program).tokened(&owner_token),
        given::new_person(funded.program).tokened(&owner_token),
        given::new_cardholder(funded.owner).tokened(&funded.user_token),
        // A person is its own cardholder, under the same token.
        given::new_person(funded.program).tokened(&funded.user_token),
        new_card(&funded).tokened(&funded.card_token),
    ];
    for call in taken {
        let declined = given::sent(ledger, &call).await.declined();
        assert_eq!(declined, Some(DeclineReason::TokenTaken), "{call:?}");
    }
    let of_another_kind = given::new_company(funded.program).tokened(&funded.card_token);
    assert_eq!(given::sent(ledger, &of_another_kind).await.declined(), None);
}

fn new_card(funded: &given::Funded) -> Call {
    given::new_card(funded.owner, funded.cardholder, funded.account)
}

pub(super) async fn a_token_is_taken_within_one_batch(ledger: &dyn Ledger) {
    let funded = given::account(ledger, usd("1.00")).await;
    let token: &Token = &given::new_token("wanted");
    let pairs = [
        [(); 2].map(|()| given::new_company(funded.program).tokened(token)),
        [(); 2].map(|()| given::new_cardholder(funded.owner).tokened(token)),
        [(); 2].map(|()| new_card(&funded).tokened(token)),
    ];
    for pair in pairs {
        let answers = given::batch(ledger, &pair).await.into_iter().map(Sent::of);
        let declined: Vec<_> = answers.map(|sent| sent.declined()).collect();
        assert_eq!(declined, [None, Some(DeclineReason::TokenTaken)]);
    }
}

pub(super) async fn what_a_new_object_needs_has_to_exist(ledger: &dyn Ledger) {
    let funded = given::account(ledger, usd("1.00")).await;
    let person = given::person(ledger, funded.program).await;
    let nothing = given::id();
    let euros = given::new_company(funded.program).keeping(given::currency("EUR"));
    let (holder, account) = (CardholderId::new(nothing), AccountId::new(nothing));
    for (call, reason) in [
        (given::new_company(ProgramId::new(nothing)), DeclineReason::ProgramUnknown),
        (euros, DeclineReason::CurrencyNotKept),
        (given::new_cardholder(OwnerId::new(nothing)), DeclineReason::OwnerUnknown),
        (given::new_cardholder(person), DeclineReason::OwnerUnknown),
        (given::new_card(funded.owner, holder, funded.account), DeclineReason::CardholderUnknown),
        (given::new_card(funded.owner, funded.cardholder, account), DeclineReason::AccountUnknown),
    ] {
        assert_eq!(given::sent(ledger, &call).await.declined(), Some(reason), "{call:?}");
    }
    assert_eq!(ledger.list_cards(None, all()).await.expect("readable").len(), 1);
}

pub(super) async fn objects_of_another_owner_cannot_be_joined(ledger: &dyn Ledger) {
    let mine = given::account(ledger, usd("1.00")).await;
    let theirs = given::account(ledger, usd("1.00")).await;
    let their_account = given::Funded { account: theirs.account, ..mine.clone() };
    for (call, reason) in [
        (given::new_card(mine.owner, theirs.cardholder, mine.account), DeclineReason::CardholderUnknown),
        (given::new_card(mine.owner, mine.cardholder, theirs.account), DeclineReason::AccountUnknown),
        (given::load(&their_account, usd("5.00")), DeclineReason::AccountUnknown),
        (given::unload(&their_account, usd("1.00")), DeclineReason::AccountUnknown),
    ] {
        assert_eq!(given::sent(ledger, &call).await.declined(), Some(reason), "{call:?}");
    }
    assert_eq!(given::available(ledger, &theirs).await, usd("1.00"));
}

pub(super) async fn what_is_closed_gets_no_new_cardholders_and_cards(ledger: &dyn Ledger) {
    let funded = given::account(ledger, usd("1.00")).await;
    let another = given::another_holder(ledger, &funded).await;
    let card = |holder: &Funded| given::new_card(holder.owner, holder.cardholder, holder.account);
    let steps = [
        (given::cardholder_move(&funded, CardholderStatus::Suspended), None),
        (card(&funded), None),
        (given::cardholder_move(&funded, CardholderStatus::Closed), None),
        (card(&funded), Some(DeclineReason::CardholderNotActive)),
        (given::owner_move(&funded, OwnerStatus::Suspended), None),
        (card(&another), None),
        (given::new_cardholder(funded.owner), None),
        (given::owner_move(&funded, OwnerStatus::Closed), None),
        (card(&another), Some(DeclineReason::OwnerNotActive)),
        (given::new_cardholder(funded.owner), Some(DeclineReason::OwnerNotActive)),
    ];
    for (number, (call, reason)) in steps.into_iter().enumerate() {
        assert_eq!(given::sent(ledger, &call).await.declined(), reason, "step {number}");
    }
}

pub(super) async fn transitions_follow_the_status_tables(ledger: &dyn Ledger) {
    let funded = given::account(ledger, usd("1.00")).await;
    let card = |to| given::card_move(&funded, to);
    let cardholder = |to| given::cardholder_move(&funded, to);
    let owner = |to| given::owner_move(&funded, to);
    let steps = [
        (card(CardStatus::Suspended), true),
        (card(CardStatus::Suspended), true),
        (card(CardStatus::Unactivated), false),
        (card(CardStatus::Active), true),
        (card(CardStatus::Terminated), true),
        (card(CardStatus::Active), false),
        (cardholder(CardholderStatus::Limited), false),
        (cardholder(CardholderStatus::Suspended), true),
        (cardholder(CardholderStatus::Closed), true),
        (cardholder(CardholderStatus::Active), false),
        (owner(OwnerStatus::Suspended), true),
        (owner(OwnerStatus::Active), true),
        (owner(OwnerStatus::Closed), true),
        (owner(OwnerStatus::Active), false),
    ];
    for (step, (call, is_allowed)) in steps.into_iter().enumerate() {
        let reason = (!is_allowed).then_some(DeclineReason::TransitionNotAllowed);
        let settled = given::settled(ledger, &call).await;
        assert!(matches!(settled, Settled::Done(_)), "{settled:?}");
        assert_eq!(Sent::of(settled).declined(), reason, "step {step}: {call:?}");
    }
    let card = ledger.find_card(funded.card).await.expect("readable").expect("there");
    let owner = ledger.find_owner(funded.owner).await.expect("readable").expect("there");
    assert_eq!((card.status, owner.status), (CardStatus::Terminated, OwnerStatus::Closed));
}

/// Whatever was left out on the way may still come. The last word is that of the latest time, the operator's included.
pub(super) async fn what_the_processor_says_of_a_status_counts_unless_what_is_there_is_newer_or_final(
    ledger: &dyn Ledger,
) {
    let funded = given::account(ledger, usd("1.00")).await;
    let after = |minutes| NOON + SignedDuration::from_mins(minutes);
    let card = |to, minutes| given::card_move(&funded, to).reported(after(minutes));
    let cardholder = |to, minutes| given::cardholder_move(&funded, to).reported(after(minutes));
    let owner = |to, minutes| given::owner_move(&funded, to).reported(after(minutes));
    let refused = Some(DeclineReason::TransitionNotAllowed);
    let steps = [
        // A day before, and nobody has said anything since.
        (card(CardStatus::Suspended, -1_440), None, "suspended"),
        (card(CardStatus::Unactivated, -1_500), None, "suspended"),
        (card(CardStatus::Active, -1_440), None, "active"),
        (given::card_move(&funded, CardStatus::Suspended), None, "suspended"),
        (card(CardStatus::Active, -1), None, "suspended"),
        (card(CardStatus::Active, 1), None, "active"),
        (card(CardStatus::Terminated, 3), None, "terminated"),
        (card(CardStatus::Suspended, 2), None, "terminated"),
        (card(CardStatus::Active, 4), refused, "terminated"),
        (cardholder(CardholderStatus::Limited, 2), None, "limited"),
        (cardholder(CardholderStatus::Unverified, 1), None, "limited"),
        (cardholder(CardholderStatus::Closed, 3), None, "closed"),
        (owner(OwnerStatus::Suspended, 2), None, "suspended"),
        (owner(OwnerStatus::Active, 1), None, "suspended"),
        (owner(OwnerStatus::Active, 3), None, "active"),
        // A year ahead is a few minutes ahead, and what is final counts whatever its time.
        (owner(OwnerStatus::Suspended, 525_600), None, "suspended"),
        (owner(OwnerStatus::Active, 11), None, "active"),
        (owner(OwnerStatus::Closed, -5), None, "closed"),
    ];
    for (step, (call, reason, status)) in steps.into_iter().enumerate() {
        let sent = given::sent(ledger, &call).await;
        assert_eq!(sent.declined(), reason, "step {step}: {call:?}");
        let found = match call.command.action {
            Action::MoveOwner(_) => {
                ledger.find_owner(funded.owner).await.map(|of| of.map(|of| of.status.as_str()))
            }
            Action::MoveCard(_) => {
                ledger.find_card(funded.card).await.map(|of| of.map(|of| of.status.as_str()))
            }
            _ => ledger.find_cardholder(funded.cardholder).await.map(|of| of.map(|of| of.status.as_str())),
        };
        assert_eq!(found, Ok(Some(status)), "step {step}");
    }
}
