//! What would have approved a declined authorization, proven by deciding it again.
//!
//! The state that it was decided on is gone, but what its checks found is kept. From that an
//! equivalent state is rebuilt: one account with what was available, a control for each limit with
//! what was left of it, and so on. If that state does not decline for the same reason, nothing is
//! said. Every answer was approved on it.

mod rebuilt;

use crate::check::{Check, CheckName, DeclineReason};
use crate::id::ControlId;
use crate::message::Message;
use rebuilt::Rebuilt;

/// Changes that together would have approved it.
pub type Approval = Vec<Change>;

/// The smallest change of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Asking for less: the most that would have been approved, in minor units.
    Amount {
        /// What was asked.
        from_minor: i64,
        /// What would have been approved.
        to_minor: i64,
    },
    /// More money on the account: so many minor units more.
    Balance {
        /// The least that was missing.
        raise_minor: i64,
    },
    /// A higher limit of an amount: so many minor units more.
    AmountLimit {
        /// Whose.
        control: ControlId,
        /// The least that was missing.
        raise_minor: i64,
    },
    /// A higher limit of a count: so many uses more.
    CountLimit {
        /// Whose.
        control: ControlId,
        /// The least that was missing.
        raise: i64,
    },
    /// Another status.
    Status {
        /// Of what.
        of: StatusOf,
        /// What it was.
        from: &'static str,
        /// What it had to be.
        to: &'static str,
    },
}

/// What has a status that decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusOf {
    /// The card.
    Card,
    /// Who used the card.
    Cardholder,
    /// Who pays, where that is somebody else.
    Payer,
    /// The company or person.
    Owner,
    /// A spending control that refused.
    Control(ControlId),
}

/// Why an authorization was decided as it was, and what would have approved it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Explanation {
    /// It was approved.
    Approved,
    /// One of these would have approved it.
    Nearest(Vec<Approval>),
    /// No change of amount, limit, balance or status would have.
    Beyond(DeclineReason),
}

/// Explains a decided authorization or increment; `None` if the message is neither.
#[must_use]
pub fn explain(message: &Message) -> Option<Explanation> {
    let authorization = message.authorization.as_ref()?;
    let Some(reason) = message.declined else { return Some(Explanation::Approved) };
    let beyond = Some(Explanation::Beyond(reason));
    let Some(rebuilt) = Rebuilt::new(authorization) else { return beyond };
    let failed = || authorization.checks.iter().filter(|check| check.failure().is_some());
    if !rebuilt.declines(&[], reason) || !failed().all(|check| is_changeable(check.check)) {
        return beyond;
    }
    let Some(statuses) = failed().filter_map(|check| rebuilt.status(check)).collect::<Option<Approval>>()
    else {
        return beyond;
    };
    let sums: Approval = failed().filter_map(missing).collect();
    let raised = [statuses.clone(), rebuilt.least(&statuses, &sums)].concat();
    let lowered = match sums.is_empty() {
        true => None,
        false => rebuilt.lowered(&statuses).map(|amount| [statuses, vec![amount]].concat()),
    };
    let approvals = [lowered, Some(raised)].into_iter().flatten();
    let approvals: Vec<Approval> = approvals.filter(|changes| rebuilt.approves(changes)).collect();
    match approvals.is_empty() {
        true => beyond,
        false => Some(Explanation::Nearest(approvals)),
    }
}

/// Whether another amount, limit, balance or status can make the check pass.
const fn is_changeable(check: CheckName) -> bool {
    use CheckName as C;
    check.is_of_control()
        || matches!(
            check,
            C::CardStatus | C::CardholderStatus | C::PayerStatus | C::OwnerStatus | C::AvailableBalance
        )
}

/// What was missing, where a check compared sums.
fn missing(check: &Check) -> Option<Change> {
    let short = check.wanted_minor?.checked_sub(check.available_minor?)?;
    match (check.check, check.control) {
        (CheckName::AvailableBalance, _) => Some(Change::Balance { raise_minor: short }),
        (CheckName::AmountLimit, Some(control)) => Some(Change::AmountLimit { control, raise_minor: short }),
        (CheckName::CountLimit, Some(control)) => Some(Change::CountLimit { control, raise: short }),
        _ => None,
    }
}
