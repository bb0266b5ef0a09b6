//! Problems (RFC 9457): every answer of `/v1` that is not what was asked for.

use std::borrow::Cow;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bursar_authorizer::Unavailable;
use bursar_core::text::mask_card_numbers;
use bursar_core::{Answer, DeclineReason};
use bursar_store::StoreError;
use serde::Serialize;
use utoipa::ToSchema;

use crate::seal::SealError;

/// The media type of a problem.
pub(crate) const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// Why a request was not answered as asked. The code is stable; the text may change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    code: Code,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $status:literal $word:literal,)+) => {
        /// The stable codes. A command that was refused has its decline reason as code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Code {
            $($(#[$doc])* $name,)+
            /// Refused by the rules of the ledger.
            Declined(DeclineReason),
        }

        impl Code {
            pub(crate) const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)+ Self::Declined(reason) => reason.as_str() }
            }

            const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)+ Self::Declined(reason) => status_of(reason) }
            }
        }
    };
}

codes! {
    /// The body is no JSON.
    MalformedJson = 400 "malformed_json",
    /// A field is missing, unknown or of the wrong type or form.
    InvalidField = 400 "invalid_field",
    /// An amount that no money can be.
    InvalidAmount = 400 "invalid_amount",
    /// A parameter of the query is unknown or of the wrong form.
    InvalidQuery = 400 "invalid_query",
    /// Objects within objects beyond the limit.
    NestingTooDeep = 400 "nesting_too_deep",
    /// A POST without the header.
    IdempotencyKeyMissing = 400 "idempotency_key_missing",
    /// The header is no key.
    IdempotencyKeyInvalid = 400 "idempotency_key_invalid",
    /// The body did not arrive whole.
    BodyIncomplete = 400 "body_incomplete",
    /// No credentials, or wrong ones.
    Unauthorized = 401 "unauthorized",
    /// More requests than one key may make.
    TooManyRequests = 429 "too_many_requests",
    /// No such route.
    NotFound = 404 "not_found",
    /// The person has no profile.
    ProfileUnknown = 404 "profile_unknown",
    /// The route knows other methods.
    MethodNotAllowed = 405 "method_not_allowed",
    /// The body did not arrive in time.
    BodyTooSlow = 408 "body_too_slow",
    /// The key was used for other content.
    IdempotencyKeyReused = 409 "idempotency_key_reused",
    /// No processor's API is set, or what it is about is of none.
    NobodyToAsk = 409 "nobody_to_ask",
    /// The dead letter was replayed.
    DeadLetterReplayed = 409 "dead_letter_replayed",
    /// Another key sealed what is quarantined.
    SealedElsewhere = 409 "sealed_elsewhere",
    /// Another version is kept than the one that was seen.
    VersionChanged = 409 "version_changed",
    /// The person's documents were erased.
    Erased = 410 "erased",
    /// The body is over the limit.
    BodyTooLarge = 413 "body_too_large",
    /// The body is not declared as JSON.
    UnsupportedMediaType = 415 "unsupported_media_type",
    /// What is quarantined cannot be read by this version either.
    StillUnreadable = 422 "still_unreadable",
    /// There is no such step of a verification.
    KycStepNotAllowed = 422 "kyc_step_not_allowed",
    /// The verification has taken as many steps as there may be.
    KycStepsExhausted = 422 "kyc_steps_exhausted",
    /// The law has the person's documents kept, and nobody sees them.
    Locked = 423 "locked",
    /// A defect of the server.
    Internal = 500 "internal",
    /// What the processor answers cannot be used.
    ProcessorUnusable = 502 "processor_unusable",
    /// The processor cannot be asked now.
    ProcessorAway = 503 "processor_away",
    /// Not now; the same request may be sent again.
    Unavailable = 503 "unavailable",
}

/// One field that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct FieldError {
    /// Path of the field in the body, or name of the parameter.
    #[schema(example = "merchant.mcc")]
    field: String,
    /// What is wrong with it.
    message: String,
}

/// A problem, as it is sent.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemView<'a> {
    /// `about:blank`: the title is the status's phrase, the code tells more.
    r#type: &'a str,
    /// The status's phrase.
    title: &'a str,
    /// The HTTP status.
    status: u16,
    /// What happened, for people.
    detail: &'a str,
    /// What happened, for programs: stable.
    #[schema(example = "token_taken")]
    code: &'a str,
    /// The fields that are wrong.
    #[serde(skip_serializing_if = "<[FieldError]>::is_empty")]
    errors: &'a [FieldError],
}

impl Problem {
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    pub(crate) fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into(), errors: Vec::new() }
    }

    /// One field is wrong. What the caller sent may be in the message, so it is masked.
    pub(crate) fn of_field(code: Code, field: impl Into<String>, message: impl ToString) -> Self {
        let masked = |text: &str| mask_card_numbers(text).into_owned();
        let error = FieldError { field: masked(&field.into()), message: masked(&message.to_string()) };
        let detail = format!("{}: {}", error.field, error.message);
        Self { code, detail: detail.into(), errors: vec![error] }
    }

    /// The rules of the ledger refused it, or would: the subject is not there.
    pub(crate) const fn declined(reason: DeclineReason) -> Self {
        Self { code: Code::Declined(reason), detail: Cow::Borrowed(sentence_of(reason)), errors: Vec::new() }
    }

    /// What the reason means, in words that follow a colon.
    pub(crate) const fn sentence(reason: DeclineReason) -> &'static str {
        sentence_of(reason)
    }

    pub(crate) fn internal() -> Self {
        Self::new(Code::Internal, "the server could not answer; the request may have taken effect")
    }

    pub(crate) const fn status(&self) -> StatusCode {
        match StatusCode::from_u16(self.code.status()) {
            Ok(status) => status,
            Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn body(&self) -> Vec<u8> {
        let view = ProblemView {
            r#type: "about:blank",
            title: self.status().canonical_reason().unwrap_or("Error"),
            status: self.code.status(),
            detail: &self.detail,
            code: self.code.as_str(),
            errors: &self.errors,
        };
        serde_json::to_vec(&view).unwrap_or_default()
    }

    /// The problem as the stored answer of a message.
    pub(crate) fn answer(&self) -> Answer {
        Answer { code: self.code.status(), body: self.body() }
    }

    /// A header that the status asks for.
    const fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        match self.code {
            Code::Unauthorized => {
                Some((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"bursar\"")))
            }
            Code::Unavailable | Code::TooManyRequests => {
                Some((header::RETRY_AFTER, HeaderValue::from_static("1")))
            }
            Code::BodyTooSlow | Code::BodyTooLarge => {
                Some((header::CONNECTION, HeaderValue::from_static("close")))
            }
            _ => None,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status(), self.body()).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, PROBLEM_JSON);
        if let Some((name, value)) = self.header() {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

/// A read failed. Logged here, once; the caller learns no more than that.
impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!("a request could not be answered: {error}");
        Self::new(Code::Unavailable, "the store cannot be read now")
    }
}

/// What is sealed cannot be shown here.
impl From<SealError> for Problem {
    fn from(error: SealError) -> Self {
        match error {
            SealError::OtherKey { .. } => Self::new(
                Code::SealedElsewhere,
                format!("{error}; start an instance with the credentials file of the one that took it"),
            ),
            SealError::Changed => {
                tracing::error!("something sealed cannot be shown: {error}");
                Self::internal()
            }
        }
    }
}

/// There is no decision. The lane has logged the store's reason.
impl From<Unavailable> for Problem {
    fn from(why: Unavailable) -> Self {
        match why {
            Unavailable::Store(_) | Unavailable::Undecidable(_) => {
                Self::new(Code::Unavailable, "the store cannot decide now")
            }
            why => Self::new(Code::Unavailable, why.to_string()),
        }
    }
}

const fn status_of(reason: DeclineReason) -> u16 {
    use DeclineReason as R;
    match reason {
        R::CardUnknown
        | R::ProgramUnknown
        | R::OwnerUnknown
        | R::CardholderUnknown
        | R::AccountUnknown
        | R::ControlUnknown
        | R::AuthorizationUnknown => 404,
        R::TokenTaken
        | R::ControlNameTaken
        | R::TransitionNotAllowed
        | R::HoldGroupEnded
        | R::HoldGroupMoved
        | R::NothingHeld
        | R::DecidedElsewhere
        | R::MoreThanCaptured
        | R::MoreThanHeld => 409,
        R::NotPermitted
        | R::CardNotActive
        | R::CardOfAnotherCardholder
        | R::CardholderNotActive
        | R::OwnerNotActive
        | R::CurrencyMismatch
        | R::InvalidAmount
        | R::MerchantNotAllowed
        | R::CountryNotAllowed
        | R::ChannelNotAllowed
        | R::OutsideSchedule
        | R::AmountLimitExceeded
        | R::CountLimitExceeded
        | R::TooManyControls
        | R::InsufficientFunds
        | R::CurrencyNotKept => 422,
    }
}

const fn sentence_of(reason: DeclineReason) -> &'static str {
    use DeclineReason as R;
    match reason {
        R::NotPermitted => "this is not funded",
        R::CardUnknown => "there is no such card",
        R::CardNotActive => "the card is not active",
        R::CardOfAnotherCardholder => "the card is another cardholder's",
        R::CardholderNotActive => "the cardholder may not spend",
        R::OwnerNotActive => "the company or person is suspended or closed",
        R::CurrencyMismatch => "the account keeps another currency",
        R::InvalidAmount => "this is no amount that can be held or moved, or the account cannot keep so much",
        R::HoldGroupEnded => {
            "the authorization holds nothing: it was reversed, has expired, was declined, or held nothing ever"
        }
        R::HoldGroupMoved => "something moved in the authorization since it was looked at",
        R::MoreThanHeld => "the authorization holds less than that",
        R::DecidedElsewhere => "the processor had decided it already",
        R::NothingHeld => "the authorization never held anything that could be captured",
        R::MoreThanCaptured => "less than that was captured of the authorization and not given back yet",
        R::MerchantNotAllowed => "a spending control refuses the merchant",
        R::CountryNotAllowed => "a spending control refuses the merchant's country",
        R::ChannelNotAllowed => "a spending control refuses how the card is used",
        R::OutsideSchedule => "it is outside the hours of a spending control",
        R::AmountLimitExceeded => "a spending control has less left",
        R::CountLimitExceeded => "a spending control has no use left",
        R::ControlUnknown => "there is no such spending control",
        R::ControlNameTaken => "another spending control of the same card, cardholder or owner has the name",
        R::TooManyControls => "a card, cardholder or owner may have 50 spending controls; change one of them",
        R::InsufficientFunds => "the account has less available",
        R::ProgramUnknown => "there is no such program",
        R::OwnerUnknown => "there is no such company or person",
        R::CardholderUnknown => "there is no such cardholder",
        R::AccountUnknown => "there is no such account, or it is another owner's",
        R::AuthorizationUnknown => "there is no such authorization",
        R::CurrencyNotKept => "the program does not keep this currency",
        R::TokenTaken => "the token names another object of this kind",
        R::TransitionNotAllowed => "the object cannot go from its status to this one",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_names_its_status_code_and_fields() {
        let problem = Problem::of_field(Code::InvalidAmount, "amount", "the amount is negative");
        let body: serde_json::Value = serde_json::from_slice(&problem.body()).expect("problems are JSON");
        assert_eq!(
            body,
            serde_json::json!({
                "type": "about:blank",
                "title": "Bad Request",
                "status": 400,
                "detail": "amount: the amount is negative",
                "code": "invalid_amount",
                "errors": [{"field": "amount", "message": "the amount is negative"}],
            })
        );
    }

    #[test]
    fn a_card_number_in_a_wrong_field_is_not_sent_back() {
        let problem = Problem::of_field(Code::InvalidField, "status", "unknown variant `4111111111111111`");
        let body = String::from_utf8(problem.body()).expect("problems are text");
        assert!(body.contains("************1111") && !body.contains("4111111111111111"), "{body}");
        let problem = Problem::of_field(Code::InvalidField, "4111111111111111", "unknown field");
        let body = String::from_utf8(problem.body()).expect("problems are text");
        assert!(body.contains("************1111") && !body.contains("4111111111111111"), "{body}");
    }

    #[test]
    fn every_decline_reason_is_a_client_error_with_its_word_as_code() {
        for &reason in DeclineReason::ALL {
            let problem = Problem::declined(reason);
            assert!(problem.status().is_client_error(), "{reason}");
            assert_eq!(problem.code.as_str(), reason.as_str());
        }
    }

    #[test]
    fn who_may_come_again_is_told_when_and_who_may_not_is_told_how() {
        let unavailable = Problem::from(Unavailable::Busy).into_response();
        assert_eq!(unavailable.status(), 503);
        assert_eq!(unavailable.headers()["retry-after"], "1");
        let unauthorized = Problem::new(Code::Unauthorized, "").into_response();
        assert!(unauthorized.headers().contains_key("www-authenticate"));
    }
}
