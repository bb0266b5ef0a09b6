//! The checks of an authorization, and why a request is declined.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::control::{Control, ControlStatus};
use crate::id::ControlId;
use crate::word::words;

words! {
    /// What is checked of an authorization, in this order. All are made; the first that fails
    /// names the reason, and the order is part of the contract: the processor sees it.
    pub enum CheckName {
        /// The processor's method is one that we fund, and that the program allows.
        MethodPermitted = "method_permitted",
        /// The card exists here.
        CardKnown = "card_known",
        /// The card is active.
        CardStatus = "card_status",
        /// The card is the acting cardholder's.
        CardOfCardholder = "card_of_cardholder",
        /// Who acts may spend.
        CardholderStatus = "cardholder_status",
        /// Who pays, where that is somebody else, may spend.
        PayerStatus = "payer_status",
        /// The company or person is active.
        OwnerStatus = "owner_status",
        /// The currency is the account's.
        Currency = "currency",
        /// The amount is one that can be held.
        AmountValid = "amount_valid",
        /// An increment's hold group has not ended.
        HoldGroupOpen = "hold_group_open",
        /// A control's list of categories, or of merchants, allows the merchant.
        MerchantAllowed = "merchant_allowed",
        /// A control's list of countries allows the merchant's.
        CountryAllowed = "country_allowed",
        /// A control's list of channels allows how the card is used.
        ChannelAllowed = "channel_allowed",
        /// It is within a control's hours.
        ScheduleAllowed = "schedule_allowed",
        /// A control's window has the amount left.
        AmountLimit = "amount_limit",
        /// A control's window has a use left.
        CountLimit = "count_limit",
        /// The account has the amount available.
        AvailableBalance = "available_balance",
    }
}

words! {
    /// How a check came out.
    pub enum CheckResult {
        /// In order.
        Passed = "passed",
        /// A reason to decline.
        Failed = "failed",
        /// Of no matter for a request of this kind.
        NotNeeded = "not_needed",
        /// Could not be made, since what it looks at is not there. An earlier check failed.
        NotMade = "not_made",
    }
}

/// One check, its result and what it looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Which check.
    pub check: CheckName,
    /// How it came out.
    pub result: CheckResult,
    /// The state that it found, e.g. the card's status or a control's window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<Cow<'static, str>>,
    /// What was asked for: minor units, or uses of a count limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wanted_minor: Option<i64>,
    /// What was there: minor units, or uses of a count limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available_minor: Option<i64>,
    /// The spending control that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<ControlId>,
    /// Whether that is only tried out: its failure declines nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_shadow: bool,
}

impl Check {
    /// A check that passed or failed.
    #[must_use]
    pub const fn of(check: CheckName, passed: bool) -> Self {
        Self::with(check, if passed { CheckResult::Passed } else { CheckResult::Failed })
    }

    /// A check that is of no matter for a request of this kind.
    #[must_use]
    pub const fn not_needed(check: CheckName) -> Self {
        Self::with(check, CheckResult::NotNeeded)
    }

    /// A check whose subject is not there.
    #[must_use]
    pub const fn not_made(check: CheckName) -> Self {
        Self::with(check, CheckResult::NotMade)
    }

    const fn with(check: CheckName, result: CheckResult) -> Self {
        Self {
            check,
            result,
            found: None,
            wanted_minor: None,
            available_minor: None,
            control: None,
            is_shadow: false,
        }
    }

    /// Says of which control it is.
    #[must_use]
    pub fn of_control(mut self, control: &Control) -> Self {
        self.control = Some(control.id);
        self.is_shadow = control.status == ControlStatus::Shadow;
        self
    }

    /// Adds the state that was found.
    #[must_use]
    pub fn found(mut self, found: impl Into<Cow<'static, str>>) -> Self {
        self.found = Some(found.into());
        self
    }

    /// Adds the amounts that were compared.
    #[must_use]
    pub const fn comparing(mut self, wanted_minor: i64, available_minor: i64) -> Self {
        self.wanted_minor = Some(wanted_minor);
        self.available_minor = Some(available_minor);
        self
    }

    /// The reason to decline that a failed check gives.
    #[must_use]
    pub fn failure(&self) -> Option<DeclineReason> {
        (self.result == CheckResult::Failed && !self.is_shadow).then(|| self.check.reason())
    }
}

impl CheckName {
    /// Whether it is made for a spending control: as often as there are controls, or not at all.
    #[must_use]
    pub const fn is_of_control(self) -> bool {
        matches!(
            self,
            Self::MerchantAllowed
                | Self::CountryAllowed
                | Self::ChannelAllowed
                | Self::ScheduleAllowed
                | Self::AmountLimit
                | Self::CountLimit
        )
    }

    /// Why a request is declined when this check fails first.
    #[must_use]
    pub const fn reason(self) -> DeclineReason {
        match self {
            Self::MethodPermitted => DeclineReason::NotPermitted,
            Self::CardKnown => DeclineReason::CardUnknown,
            Self::CardStatus => DeclineReason::CardNotActive,
            Self::CardOfCardholder => DeclineReason::CardOfAnotherCardholder,
            Self::CardholderStatus | Self::PayerStatus => DeclineReason::CardholderNotActive,
            Self::OwnerStatus => DeclineReason::OwnerNotActive,
            Self::Currency => DeclineReason::CurrencyMismatch,
            Self::AmountValid => DeclineReason::InvalidAmount,
            Self::HoldGroupOpen => DeclineReason::HoldGroupEnded,
            Self::MerchantAllowed => DeclineReason::MerchantNotAllowed,
            Self::CountryAllowed => DeclineReason::CountryNotAllowed,
            Self::ChannelAllowed => DeclineReason::ChannelNotAllowed,
            Self::ScheduleAllowed => DeclineReason::OutsideSchedule,
            Self::AmountLimit => DeclineReason::AmountLimitExceeded,
            Self::CountLimit => DeclineReason::CountLimitExceeded,
            Self::AvailableBalance => DeclineReason::InsufficientFunds,
        }
    }
}

words! {
    /// Why a request was declined: an answer, not an error.
    pub enum DeclineReason {
        /// The processor's method is not funded.
        NotPermitted = "not_permitted",
        /// No such card.
        CardUnknown = "card_unknown",
        /// The card is not active.
        CardNotActive = "card_not_active",
        /// The card is not the acting cardholder's.
        CardOfAnotherCardholder = "card_of_another_cardholder",
        /// Who acts or pays is unknown or may not spend.
        CardholderNotActive = "cardholder_not_active",
        /// The company or person is suspended or closed.
        OwnerNotActive = "owner_not_active",
        /// The account keeps another currency.
        CurrencyMismatch = "currency_mismatch",
        /// No amount, or one that cannot be held or moved.
        InvalidAmount = "invalid_amount",
        /// The hold group was reversed, has expired, or never held anything.
        HoldGroupEnded = "hold_group_ended",
        /// Something moved in the hold group since it was looked at.
        HoldGroupMoved = "hold_group_moved",
        /// A control refuses the merchant or its category.
        MerchantNotAllowed = "merchant_not_allowed",
        /// A control refuses the merchant's country.
        CountryNotAllowed = "country_not_allowed",
        /// A control refuses how the card is used.
        ChannelNotAllowed = "channel_not_allowed",
        /// It is outside a control's hours.
        OutsideSchedule = "outside_schedule",
        /// A control's window has less left.
        AmountLimitExceeded = "amount_limit_exceeded",
        /// A control's window has no use left.
        CountLimitExceeded = "count_limit_exceeded",
        /// The account has less available.
        InsufficientFunds = "insufficient_funds",
        /// No such program.
        ProgramUnknown = "program_unknown",
        /// No such company or person.
        OwnerUnknown = "owner_unknown",
        /// No such cardholder of this owner.
        CardholderUnknown = "cardholder_unknown",
        /// No such account of this owner.
        AccountUnknown = "account_unknown",
        /// No such authorization.
        AuthorizationUnknown = "authorization_unknown",
        /// More is to be released than is held.
        MoreThanHeld = "more_than_held",
        /// The processor had decided already.
        DecidedElsewhere = "decided_elsewhere",
        /// The purchase was never held.
        NothingHeld = "nothing_held",
        /// More is to be given back than was captured.
        MoreThanCaptured = "more_than_captured",
        /// The program does not keep this currency.
        CurrencyNotKept = "currency_not_kept",
        /// The token already names another object of this kind.
        TokenTaken = "token_taken",
        /// No such spending control.
        ControlUnknown = "control_unknown",
        /// Another control of the same scope has the name.
        ControlNameTaken = "control_name_taken",
        /// The scope has as many controls as it may have.
        TooManyControls = "too_many_controls",
        /// The object cannot go from its status to that one.
        TransitionNotAllowed = "transition_not_allowed",
    }
}
