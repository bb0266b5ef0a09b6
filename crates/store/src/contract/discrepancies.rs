//! Where the processor and we say different things: noticed with the booking that repairs it.

use bursar_core::command::{Close, Heard, Says};
use bursar_core::message::Source;
use bursar_core::text::FreeText;
use bursar_core::{Action, Discrepancy, DiscrepancyKind, MessageId};

use super::given::{self, Call, Funded, jpy, usd};
use super::methods::debit;
use crate::ledger::Ledger;
use crate::reader::{DiscrepancyFilter, ListedDiscrepancy, Page};

async fn list(ledger: &dyn Ledger, filter: DiscrepancyFilter) -> Vec<ListedDiscrepancy> {
    ledger.list_discrepancies(filter, Page { after: None, limit: 100 }).await.expect("a list")
}

/// All of them, the newest first.
async fn all(ledger: &dyn Ledger) -> Vec<(MessageId, Discrepancy)> {
    let found = list(ledger, DiscrepancyFilter::default()).await;
    found.into_iter().map(|listed| (listed.message.id, listed.discrepancy)).collect()
}

fn report(account: &Funded, token: &str, says: Says, dollars: &str) -> Call {
    given::report(account, token, says, usd(dollars))
}

fn swipe(account: &Funded, token: &str, dollars: &str) -> Call {
    given::authorization(account, usd(dollars)).message(token)
}

/// What the last message sent was noticed as, and what it held and posted.
async fn noticed(ledger: &dyn Ledger, call: &Call) -> Option<(DiscrepancyKind, i64, i64)> {
    given::sent(ledger, call).await;
    let (message, of) = all(ledger).await.into_iter().next()?;
    (message == call.command.id).then_some((of.kind, of.held_minor, of.posted_minor))
}

pub(super) async fn what_is_as_we_decided_is_none(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    given::sent(ledger, &swipe(&account, "t-1", "30.00")).await;
    given::sent(ledger, &swipe(&account, "t-2", "300.00")).await;
    let heard = Heard { is_approved: Some(true), amount_minor: Some(3_000), ..Heard::default() };
    for call in [
        report(&account, "t-1", Says::Hold, "30.00").hearing(heard),
        report(&account, "t-3", Says::Capture, "36.00").following("t-1").unasked(),
        report(&account, "t-2", Says::Refused, "300.00"),
        report(&account, "t-4", Says::Refused, "1.00"),
        report(&account, "t-5", Says::Credit, "1.00").unasked(),
    ] {
        assert_eq!(noticed(ledger, &call).await, None, "{:?}", call.command.key);
    }
}

pub(super) async fn what_the_processor_approved_without_us_is_adopted(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    given::sent(ledger, &swipe(&account, "t-1", "100.01")).await;
    let adopted = |held, posted| Some((DiscrepancyKind::Adopted, held, posted));
    let declined = report(&account, "t-1", Says::Hold, "100.01");
    assert_eq!(noticed(ledger, &declined).await, adopted(10_001, 0));
    given::sent(ledger, &report(&account, "t-2", Says::Claim, "5.00")).await;
    assert_eq!(noticed(ledger, &report(&account, "t-2", Says::Hold, "5.00")).await, adopted(500, 0));
    assert_eq!(noticed(ledger, &report(&account, "t-3", Says::Debit, "7.00")).await, adopted(0, -700));
}

pub(super) async fn what_the_processor_refused_is_told_by_its_reason(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    let late = Heard { is_too_late: true, ..Heard::default() };
    let unreadable = Heard { is_unreadable: true, ..Heard::default() };
    for (token, heard, kind) in [
        ("t-1", late, DiscrepancyKind::TooLate),
        ("t-2", unreadable, DiscrepancyKind::Unparsable),
        ("t-3", Heard::default(), DiscrepancyKind::Overruled),
    ] {
        given::sent(ledger, &swipe(&account, token, "30.00")).await;
        let refused = report(&account, token, Says::Refused, "30.00").hearing(heard);
        assert_eq!(noticed(ledger, &refused).await, Some((kind, -3_000, 0)));
    }
    given::sent(ledger, &debit(&account, "40.00").message("t-4")).await;
    let refused = report(&account, "t-4", Says::Refused, "40.00");
    assert_eq!(noticed(ledger, &refused).await, Some((DiscrepancyKind::Overruled, 0, 4_000)));
    // Nothing comes of it any more, whatever is said.
    given::sent(ledger, &report(&account, "t-5", Says::Refused, "5.00")).await;
    assert_eq!(noticed(ledger, &report(&account, "t-5", Says::Hold, "5.00")).await, None);
}

pub(super) async fn another_amount_and_another_answer_are_told(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    for token in ["t-1", "t-2", "t-3"] {
        given::sent(ledger, &swipe(&account, token, "20.00")).await;
    }
    let other = report(&account, "t-1", Says::Hold, "15.00");
    assert_eq!(noticed(ledger, &other).await, Some((DiscrepancyKind::OtherAmount, -500, 0)));
    let declined = Heard { is_approved: Some(false), ..Heard::default() };
    let heard = report(&account, "t-2", Says::Hold, "20.00").hearing(declined);
    assert_eq!(noticed(ledger, &heard).await, Some((DiscrepancyKind::OtherAnswer, 0, 0)));
    let less = Heard { is_approved: Some(true), amount_minor: Some(1_999), ..Heard::default() };
    let heard = report(&account, "t-3", Says::Hold, "20.00").hearing(less);
    assert_eq!(noticed(ledger, &heard).await, Some((DiscrepancyKind::OtherAnswer, 0, 0)));
    // It heard an approval, and nobody here gave one.
    let approved = Heard { is_approved: Some(true), ..Heard::default() };
    let unheard = report(&account, "t-4", Says::Refused, "20.00").hearing(approved);
    assert_eq!(noticed(ledger, &unheard).await, Some((DiscrepancyKind::OtherAnswer, 0, 0)));
}

pub(super) async fn what_could_not_be_booked_is_open_until_it_is_closed(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    let yen = given::report(&account, "t-1", Says::Capture, jpy("10"));
    assert_eq!(noticed(ledger, &yen).await, Some((DiscrepancyKind::NotBooked, 0, 0)));
    let unknown = report(&account, "t-2", Says::Capture, "10.00").of_nobody();
    assert_eq!(noticed(ledger, &unknown).await, Some((DiscrepancyKind::NotBooked, 0, 0)));
    // One that needs nobody is not among the open ones.
    given::sent(ledger, &report(&account, "t-3", Says::Debit, "7.00")).await;
    let open = DiscrepancyFilter { only_open: true, ..DiscrepancyFilter::default() };
    let ids = |found: Vec<ListedDiscrepancy>| found.iter().map(|of| of.message.id).collect::<Vec<_>>();
    assert_eq!(ids(list(ledger, open).await), [unknown.command.id, yen.command.id]);
    let note = FreeText::new("booked by hand");
    let close = Close { owner: Some(account.owner), discrepancy: yen.command.id, note: note.clone() };
    let close = Call::new(Source::Api, Action::Close(close));
    assert_eq!(given::sent(ledger, &close).await.declined(), None);
    assert_eq!(ids(list(ledger, open).await), [unknown.command.id]);
    let one = DiscrepancyFilter { message: Some(yen.command.id), only_open: false };
    let closed = list(ledger, one).await;
    assert_eq!(closed.iter().map(|of| of.closing.clone()).collect::<Vec<_>>(), [Some(note)]);
    let page = Page { after: Some(closed[0].position + 1), limit: 1 };
    let next = ledger.list_discrepancies(DiscrepancyFilter::default(), page).await.expect("a list");
    assert_eq!(ids(next), [yen.command.id]);
}
