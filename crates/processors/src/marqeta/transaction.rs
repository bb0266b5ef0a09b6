//! What a reported transaction does to the ledger: one row of a table each type (processor reference,
//! section 4.6).

use bursar_core::command::Says;
use bursar_core::message::TransactionKind as Kind;

use Amount::{Change, Total};
use Rule::{Booked, Capture, Noted, Review};

/// What becomes of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// It says this of the money.
    Booked(Says, Amount, Kind),
    /// A capture: the last one or not, as its fields tell.
    Capture(Kind),
    /// Moves no cardholder's money: an inquiry, the program's side of a dispute, and above all the processor's own
    /// movement of program money beside a transaction (the funding leg): booked with it, every purchase
    /// would come to nothing.
    Noted,
    /// Moves money, and nobody has said how: for somebody to look at.
    Review,
}

/// Which of its amounts says how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Amount {
    /// The change: `jit_funding.amount`, or `amount` where nothing was funded.
    Change,
    /// `amount`: what results.
    Total,
}

const fn hold(kind: Kind) -> Rule {
    change(Says::Hold, kind)
}

const fn change(says: Says, kind: Kind) -> Rule {
    Booked(says, Change, kind)
}

/// Every type whose effect is known. Any other is kept for somebody to look at: never a guess.
const TYPES: &[(&str, Rule)] = &[
    ("authorization", hold(Kind::Purchase)),
    ("authorization.incremental", hold(Kind::Purchase)),
    ("authorization.cashback", hold(Kind::CashBack)),
    ("authorization.quasi.cash", hold(Kind::QuasiCash)),
    ("authorization.atm.withdrawal", hold(Kind::Withdrawal)),
    ("authorization.standin", hold(Kind::Purchase)),
    ("pindebit.authorization", hold(Kind::Purchase)),
    ("account.funding.authorization", hold(Kind::Purchase)),
    ("directdeposit.debit.pending", hold(Kind::Purchase)),
    ("authorization.advice", Booked(Says::Replace, Total, Kind::Purchase)),
    ("authorization.reversal", change(Says::Release, Kind::Purchase)),
    ("pindebit.authorization.reversal", change(Says::Release, Kind::Purchase)),
    ("account.funding.authorization.reversal", change(Says::Release, Kind::Purchase)),
    ("directdeposit.debit.reject", change(Says::Release, Kind::Purchase)),
    ("directdeposit.debit.pending.reversal", change(Says::Release, Kind::Purchase)),
    ("authorization.reversal.issuerexpiration", change(Says::Expire, Kind::Purchase)),
    ("pindebit.authorization.reversal.issuerexpiration", change(Says::Expire, Kind::Purchase)),
    ("authorization.clearing", Capture(Kind::Purchase)),
    ("authorization.clearing.cashback", Capture(Kind::CashBack)),
    ("authorization.clearing.quasi.cash", Capture(Kind::QuasiCash)),
    ("authorization.clearing.atm.withdrawal", Capture(Kind::Withdrawal)),
    ("pindebit.authorization.clearing", Capture(Kind::Purchase)),
    ("account.funding.authorization.clearing", Capture(Kind::Purchase)),
    ("pindebit", change(Says::Debit, Kind::Purchase)),
    ("pindebit.cashback", change(Says::Debit, Kind::CashBack)),
    ("pindebit.atm.withdrawal", change(Says::Debit, Kind::Withdrawal)),
    ("pindebit.quasicash", change(Says::Debit, Kind::QuasiCash)),
    ("pindebit.quasi.cash", change(Says::Debit, Kind::QuasiCash)),
    ("pindebit.transfer", change(Says::Debit, Kind::Purchase)),
    ("account.funding.auth_plus_capture", change(Says::Debit, Kind::Purchase)),
    ("debit.adjustment", change(Says::Debit, Kind::Purchase)),
    ("gpa.debit.networkload", change(Says::Debit, Kind::Purchase)),
    // It may have been held before.
    ("directdeposit.debit", change(Says::Capture, Kind::Purchase)),
    ("pushtocard.debit", change(Says::Debit, Kind::Purchase)),
    ("funds.expire", change(Says::Debit, Kind::Purchase)),
    ("fee.charge", change(Says::Debit, Kind::Purchase)),
    // Posted when it is charged: a charge names what it is for, not always the fee that was announced.
    ("fee.charge.pending", Noted),
    ("dispute.debit", change(Says::Debit, Kind::Purchase)),
    ("authorization.clearing.chargeback.provisional.debit", change(Says::Debit, Kind::Purchase)),
    ("pindebit.chargeback.provisional.debit", change(Says::Debit, Kind::Purchase)),
    ("pindebit.reversal", change(Says::UndoDebit, Kind::Purchase)),
    ("account.funding.auth_plus_capture.reversal", change(Says::UndoDebit, Kind::Purchase)),
    ("directdeposit.debit.reversal", change(Says::UndoDebit, Kind::Purchase)),
    ("pushtocard.reversal", change(Says::UndoDebit, Kind::Purchase)),
    ("refund.authorization", change(Says::PendingCredit, Kind::Refund)),
    ("original.credit.authorization", change(Says::PendingCredit, Kind::OriginalCredit)),
    ("directdeposit.credit.pending", change(Says::PendingCredit, Kind::Refund)),
    ("refund.authorization.advice", Booked(Says::ReplaceCredit, Total, Kind::Refund)),
    ("refund.authorization.reversal", change(Says::ReleaseCredit, Kind::Refund)),
    ("original.credit.authorization.reversal", change(Says::ReleaseCredit, Kind::OriginalCredit)),
    ("directdeposit.credit.reject", change(Says::ReleaseCredit, Kind::Refund)),
    ("directdeposit.credit.pending.reversal", change(Says::ReleaseCredit, Kind::Refund)),
    ("refund", change(Says::Credit, Kind::Refund)),
    ("refund.authorization.clearing", change(Says::Credit, Kind::Refund)),
    ("original.credit.authorization.clearing", change(Says::Credit, Kind::OriginalCredit)),
    ("original.credit.auth_plus_capture", change(Says::Credit, Kind::OriginalCredit)),
    ("pindebit.refund", change(Says::Credit, Kind::Refund)),
    ("pindebit.credit.adjustment", change(Says::Credit, Kind::Refund)),
    ("credit.adjustment", change(Says::Credit, Kind::Refund)),
    ("gpa.credit.networkload", change(Says::Credit, Kind::NetworkLoad)),
    ("directdeposit.credit", change(Says::Credit, Kind::Refund)),
    ("fee.charge.refund", change(Says::Credit, Kind::Refund)),
    ("fee.charge.reversal", change(Says::Credit, Kind::Refund)),
    ("reward.earn", change(Says::Credit, Kind::Refund)),
    ("dispute.credit", change(Says::Credit, Kind::Refund)),
    ("authorization.clearing.chargeback.provisional.credit", change(Says::Credit, Kind::Refund)),
    ("pindebit.chargeback.provisional.credit", change(Says::Credit, Kind::Refund)),
    ("pindebit.refund.reversal", change(Says::UndoCredit, Kind::Refund)),
    ("original.credit.auth_plus_capture.reversal", change(Says::UndoCredit, Kind::OriginalCredit)),
    ("gpa.credit.networkload.reversal", change(Says::UndoCredit, Kind::NetworkLoad)),
    ("directdeposit.credit.reversal", change(Says::UndoCredit, Kind::Refund)),
    ("authorization.clearing.chargeback", Noted),
    ("authorization.clearing.chargeback.reversal", Noted),
    ("authorization.clearing.chargeback.completed", Noted),
    ("authorization.clearing.chargeback.writeoff", Noted),
    ("pindebit.chargeback", Noted),
    ("pindebit.chargeback.completed", Noted),
    ("pindebit.chargeback.reversal", Noted),
    ("pindebit.chargeback.writeoff", Noted),
    ("gpa.credit.chargeback", Noted),
    ("gpa.credit.chargeback.reversal", Noted),
    ("msa.credit.chargeback", Noted),
    ("msa.credit.chargeback.reversal", Noted),
    ("gpa.credit", Noted),
    ("gpa.credit.pending", Noted),
    ("gpa.credit.pending.reversal", Noted),
    ("gpa.credit.reversal", Noted),
    ("gpa.debit", Noted),
    ("gpa.debit.pending", Noted),
    ("gpa.debit.pending.reversal", Noted),
    ("gpa.debit.reversal", Noted),
    ("gpa.credit.authorization", Noted),
    ("gpa.credit.authorization.reversal", Noted),
    ("gpa.debit.authorization", Noted),
    ("msa.credit", Noted),
    ("msa.credit.pending", Noted),
    ("msa.credit.pending.reversal", Noted),
    ("msa.credit.reversal", Noted),
    ("msa.debit", Noted),
    ("msa.debit.pending", Noted),
    ("msa.debit.pending.reversal", Noted),
    ("programreserve.credit", Noted),
    ("programreserve.debit", Noted),
    ("transfer.peer", Review),
    ("transfer.program", Review),
    ("transfer.fee", Review),
    ("gpa.grant", Review),
    ("gpa.credit.issueroperator", Review),
    ("gpa.debit.issueroperator", Review),
    ("account.credit", Review),
    ("account.debit", Review),
    ("gpa.credit.billpayment", Review),
    ("gpa.credit.authorization.billpayment", Review),
    ("gpa.credit.authorization.billpayment.reversal", Review),
    ("balanceinquiry", Noted),
    ("pindebit.balanceinquiry", Noted),
    ("pindebit.checkavs", Noted),
    ("authorization.pin.change", Noted),
    ("authorization.pin.unblock", Noted),
    ("pindebit.pin.change", Noted),
    ("pindebit.pin.unblock", Noted),
    ("pin.change.reversal", Noted),
    ("pin.change.reversal.advice", Noted),
    ("pin.change.via.api", Noted),
    ("token.activation-request", Noted),
    ("token.advice", Noted),
];

/// What becomes of the type; `None` for one that is not in the table.
pub(super) fn find_rule(transaction_type: &str) -> Option<Rule> {
    TYPES.iter().find(|(name, _)| *name == transaction_type).map(|&(_, rule)| rule)
}

/// Whether it is one that the gateway is asked about before: what a card is used for.
pub(super) fn is_asked(transaction_type: &str) -> bool {
    const OF_CARDS: [&str; 5] =
        ["authorization", "pindebit", "account.funding", "refund.authorization", "original.credit"];
    const REPORTED_ONLY: [&str; 5] =
        ["chargeback", "adjustment", "clearing", "pindebit.refund", "pindebit.transfer"];
    OF_CARDS.iter().any(|prefix| transaction_type.starts_with(prefix))
        && !REPORTED_ONLY.iter().any(|part| transaction_type.contains(part))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_type_has_one_row() {
        let names: HashSet<&str> = TYPES.iter().map(|(name, _)| *name).collect();
        // As many as the table of the tests has of them: a new row is told there, too.
        assert_eq!((names.len(), TYPES.len()), (126, 126));
    }
}
