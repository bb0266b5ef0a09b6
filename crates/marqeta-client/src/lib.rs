//! Asks Marqeta's Core API what it has of a transaction: `GET /transactions/{token}`, and what is related to it.
//!
//! A call has a time-out, a failure that may pass is tried again after a growing pause, and a [`Breaker`] keeps
//! everybody from waiting for an API that is away.

mod breaker;
mod call;

use std::time::{Duration, Instant};

use async_trait::async_trait;
use backon::{ExponentialBuilder, Retryable};
use bursar_core::text::Token;
use bursar_processors::inquiry::{Inquire, InquiryError};
use bursar_processors::marqeta::{Delivered, Notice, decode_transaction, decode_transactions};
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;

pub use breaker::Breaker;
pub use call::url_problem;
use call::{Caller, Failure};

/// How the API is reached.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where it is: `https://sandbox-api.marqeta.com/v3`. `http` is for this machine.
    pub base_url: String,
    /// The program's application token: the user name.
    pub application_token: SecretString,
    /// Its admin access token: the password.
    pub access_token: SecretString,
    /// How long one call takes, at most, connecting and reading included.
    pub timeout: Duration,
}

/// How often a call is made, at most, while it fails in a way that may pass.
const CALLS_MAX: usize = 3;

/// The pause before the second; the next is twice as long. Chance adds up to as much again.
const PAUSE: Duration = Duration::from_millis(200);

/// Transactions in a page; the API gives no more.
const PER_PAGE: usize = 100;

/// More than so many related transactions are no purchase.
const PAGES_MAX: usize = 20;

/// The API finds what is related within days that it is told: so much before the transaction was made, and after
/// the present, or after the transaction where its clock is ahead.
const MARGIN: SignedDuration = SignedDuration::from_hours(24);

/// The API, as somebody to ask.
#[derive(Debug)]
pub struct MarqetaClient {
    caller: Caller,
    breaker: Breaker,
}

impl MarqetaClient {
    /// A client; nothing is sent yet.
    ///
    /// # Errors
    /// The URL or a token cannot be used, and why; without the token.
    pub fn new(settings: &Settings) -> Result<Self, String> {
        Ok(Self { caller: Caller::new(settings)?, breaker: Breaker::default() })
    }

    /// The answer to a path; `None` if there is nothing.
    async fn get(&self, path: &str) -> Result<Option<Vec<u8>>, InquiryError> {
        let Some(pass) = self.breaker.pass(Instant::now()) else {
            let why = "Marqeta's API has not answered for a while; it is asked again soon";
            return Err(InquiryError::Away(why.to_owned()));
        };
        let pauses =
            ExponentialBuilder::default().with_min_delay(PAUSE).with_jitter().with_max_times(CALLS_MAX - 1);
        let called = (|| self.caller.get(path)).retry(pauses).when(Failure::may_pass).await;
        pass.note(Instant::now(), called.as_ref().err().is_none_or(|failure| !failure.is_away()));
        called.map_err(InquiryError::from)
    }

    async fn related(&self, transaction: &Token, made: Timestamp) -> Result<Vec<Delivered>, InquiryError> {
        let day = |time: Timestamp| time.strftime("%Y-%m-%d").to_string();
        let from = day(made.saturating_sub(MARGIN).unwrap_or(made));
        let to = day(Timestamp::now().max(made).saturating_add(MARGIN).unwrap_or(made));
        let mut related = Vec::new();
        for page in 0..PAGES_MAX {
            let start = page * PER_PAGE;
            let path = format!(
                "/transactions/{}/related?count={PER_PAGE}&start_index={start}&start_date={from}&end_date={to}",
                in_path(transaction)
            );
            let no_list = || no_answer(transaction, &"it has no list of what is related");
            let body = self.get(&path).await?.ok_or_else(no_list)?;
            let page = decode_transactions(&body).map_err(|reject| no_answer(transaction, &reject))?;
            related.extend(page.items);
            if !page.is_more {
                return Ok(related);
            }
        }
        let why =
            format!("Marqeta names more than {} transactions related to {transaction}", PAGES_MAX * PER_PAGE);
        Err(InquiryError::Unusable(why))
    }
}

#[async_trait]
impl Inquire for MarqetaClient {
    async fn inquire(&self, transaction: &Token, made: Timestamp) -> Result<Vec<Delivered>, InquiryError> {
        let path = format!("/transactions/{}", in_path(transaction));
        let Some(body) = self.get(&path).await? else { return Ok(Vec::new()) };
        let first = decode_transaction(&body).map_err(|reject| no_answer(transaction, &reject))?;
        if let Delivered::Notice(Notice::Transaction(report)) = &first
            && report.token() != transaction
        {
            return Err(no_answer(transaction, &"it is of another transaction"));
        }
        let mut all = vec![first];
        all.extend(self.related(transaction, made).await?);
        Ok(all)
    }

    fn is_asked(&self) -> bool {
        self.breaker.lets_through(Instant::now())
    }
}

/// Something else than Marqeta's API answers, or in another form: what it says of others would be no better.
fn no_answer(transaction: &Token, why: &dyn std::fmt::Display) -> InquiryError {
    InquiryError::Away(format!(
        "what Marqeta's API answers about transaction {transaction} is no answer: {why}"
    ))
}

/// A token has visible ASCII characters, and some of them mean something in a path.
fn in_path(token: &Token) -> String {
    let escaped = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    token.as_str().bytes().map(escaped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_one_part_of_a_path() {
        let token = Token::new("a/b?c=..%#").expect("a token");
        assert_eq!(in_path(&token), "a%2Fb%3Fc%3D..%25%23");
    }
}
