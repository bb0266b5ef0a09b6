//! Rows that an operator changes count in the next decision, though an instance remembers them otherwise.

use bursar_core::Window;
use bursar_core::check::DeclineReason;
use bursar_core::command::{Authorize, Purpose};
use bursar_core::control::Scope;
use bursar_core::message::TransactionKind;
use bursar_core::program::Policies;
use bursar_store::Ledger;
use bursar_store::contract::Place;
use bursar_store::contract::given::{self, Call, Funded, usd};
use bursar_testkit::PostgresPlace;

/// What the ledger says to this before and after the statement, which is not Bursar's.
async fn around(
    place: &PostgresPlace,
    ledger: &dyn Ledger,
    statement: &str,
    swipe: impl Fn() -> Call,
) -> [Option<DeclineReason>; 2] {
    let before = given::sent(ledger, &swipe()).await.declined();
    place.execute(statement);
    [before, given::sent(ledger, &swipe()).await.declined()]
}

fn swipe(funded: &Funded) -> impl Fn() -> Call {
    move || given::authorization(funded, usd("6.00"))
}

#[tokio::test]
async fn a_row_that_is_changed_by_hand_counts_in_the_next_decision() {
    let place = PostgresPlace::new();
    let ledger = place.open();
    for (change, reason) in [
        ("update cards set status = 'suspended' where id = '{card}'", DeclineReason::CardNotActive),
        ("delete from cards where id = '{card}'", DeclineReason::CardUnknown),
        (
            "update cardholders set status = 'suspended' where id = '{cardholder}'",
            DeclineReason::CardholderNotActive,
        ),
        ("update owners set status = 'suspended' where id = '{owner}'", DeclineReason::OwnerNotActive),
        (
            "update accounts set posted_minor = held_minor where id = '{account}'",
            DeclineReason::InsufficientFunds,
        ),
    ] {
        let funded = given::account(ledger.as_ref(), usd("100.00")).await;
        let ids = [
            ("{card}", funded.card.uuid()),
            ("{cardholder}", funded.cardholder.uuid()),
            ("{owner}", funded.owner.uuid()),
            ("{account}", funded.account.uuid()),
        ];
        let change = ids.iter().fold(change.to_owned(), |sql, (name, id)| sql.replace(name, &id.to_string()));
        let declined = around(&place, ledger.as_ref(), &change, swipe(&funded)).await;
        assert_eq!(declined, [None, Some(reason)], "{change}");
    }
}

#[tokio::test]
async fn so_does_a_control_or_what_was_taken_from_its_window() {
    let place = PostgresPlace::new();
    let ledger = place.open();
    let limit = given::limit(Window::Day, usd("10.00"));
    let scopes: [fn(&Funded) -> Scope; 3] =
        [|of| Scope::Card(of.card), |of| Scope::Cardholder(of.cardholder), |of| Scope::Owner(of.owner)];
    for scope in scopes {
        let funded = given::account(ledger.as_ref(), usd("100.00")).await;
        let scope = scope(&funded);
        let control = given::control(ledger.as_ref(), &funded, scope, limit.clone()).await;
        assert_eq!(given::sent(ledger.as_ref(), &swipe(&funded)()).await.declined(), None, "{scope}");
        let forget = format!("delete from windows where subject = '{}'", scope.uuid());
        let declined = around(&place, ledger.as_ref(), &forget, swipe(&funded)).await;
        assert_eq!(declined, [Some(DeclineReason::AmountLimitExceeded), None], "{scope}");
        let remove = format!("delete from controls where id = '{}'", control.id.uuid());
        let declined = around(&place, ledger.as_ref(), &remove, swipe(&funded)).await;
        assert_eq!(declined, [Some(DeclineReason::AmountLimitExceeded), None], "{scope}");
    }
}

#[tokio::test]
async fn so_does_a_table_that_is_emptied() {
    let place = PostgresPlace::new();
    let ledger = place.open();
    for (table, reason) in
        [("windows", None), ("controls", None), ("cards", Some(DeclineReason::CardUnknown))]
    {
        let funded = given::account(ledger.as_ref(), usd("100.00")).await;
        let limit = given::limit(Window::Day, usd("10.00"));
        given::control(ledger.as_ref(), &funded, Scope::Card(funded.card), limit).await;
        given::sent(ledger.as_ref(), &swipe(&funded)()).await;
        let declined = around(&place, ledger.as_ref(), &format!("truncate {table}"), swipe(&funded)).await;
        assert_eq!(declined, [Some(DeclineReason::AmountLimitExceeded), reason], "{table}");
    }
}

#[tokio::test]
async fn so_does_what_a_program_allows() {
    let place = PostgresPlace::new();
    let ledger = place.open();
    let policies = Policies { original_credits: true, ..Policies::default() };
    let funded = given::account_in(ledger.as_ref(), policies, usd("100.00")).await;
    let pushed =
        |of: &mut Authorize| (of.purpose, of.kind) = (Purpose::Credit, TransactionKind::OriginalCredit);
    let credit = || swipe(&funded)().asking(pushed);
    let refuse =
        format!("update programs set original_credits = false where id = '{}'", funded.program.uuid());
    let declined = around(&place, ledger.as_ref(), &refuse, credit).await;
    assert_eq!(declined, [None, Some(DeclineReason::NotPermitted)]);
}
