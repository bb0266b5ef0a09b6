//! What a reported transaction does to the ledger: one row of a table each type (processor reference,
//! section 4.6).

use bursar_core::command::Says;
use bursar_core::message::TransactionKind as Kind;

use Amount::{Change, Total};
use Rule::{Booked, Capture, Case, FundingLeg, Noted, Review};

/// What becomes of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// It says this of the money.
    Booked(Says, Amount, Kind),
    /// A capture: the last one or not, as its fields tell.
    Capture(Kind),
    /// The processor's own movement of program money beside a transaction. Never a cardholder's: booked with
    /// it, every purchase would come to nothing.
    FundingLeg,
    /// The program's side of a dispute: kept with the transaction, moves no cardholder's money.
    Case,
    /// Moves nothing.
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
    ("fee.charge.pending", hold(Kind::Purchase)),
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
    ("directdeposit.debit", change(Says::Debit, Kind::Purchase)),
    ("pushtocard.debit", change(Says::Debit, Kind::Purchase)),
    ("funds.expire", change(Says::Debit, Kind::Purchase)),
    ("fee.charge", change(Says::Debit, Kind::Purchase)),
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
    ("authorization.clearing.chargeback", Case),
    ("authorization.clearing.chargeback.reversal", Case),
    ("authorization.clearing.chargeback.completed", Case),
    ("authorization.clearing.chargeback.writeoff", Case),
    ("pindebit.chargeback", Case),
    ("pindebit.chargeback.completed", Case),
    ("pindebit.chargeback.reversal", Case),
    ("pindebit.chargeback.writeoff", Case),
    ("gpa.credit.chargeback", Case),
    ("gpa.credit.chargeback.reversal", Case),
    ("msa.credit.chargeback", Case),
    ("msa.credit.chargeback.reversal", Case),
    ("gpa.credit", FundingLeg),
    ("gpa.credit.pending", FundingLeg),
    ("gpa.credit.pending.reversal", FundingLeg),
    ("gpa.credit.reversal", FundingLeg),
    ("gpa.debit", FundingLeg),
    ("gpa.debit.pending", FundingLeg),
    ("gpa.debit.pending.reversal", FundingLeg),
    ("gpa.debit.reversal", FundingLeg),
    ("gpa.credit.authorization", FundingLeg),
    ("gpa.credit.authorization.reversal", FundingLeg),
    ("gpa.debit.authorization", FundingLeg),
    ("msa.credit", FundingLeg),
    ("msa.credit.pending", FundingLeg),
    ("msa.credit.pending.reversal", FundingLeg),
    ("msa.credit.reversal", FundingLeg),
    ("msa.debit", FundingLeg),
    ("msa.debit.pending", FundingLeg),
    ("msa.debit.pending.reversal", FundingLeg),
    ("programreserve.credit", FundingLeg),
    ("programreserve.debit", FundingLeg),
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

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_type_has_one_row() {
        let names: HashSet<&str> = TYPES.iter().map(|(name, _)| *name).collect();
        assert_eq!(names.len(), TYPES.len());
    }
}
