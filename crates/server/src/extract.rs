//! When a request came, ids in paths and parameters in queries, refused with a problem.

use std::str::FromStr;

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use bursar_authorizer::Timeline;
use bursar_core::{AccountId, CardId, CardholderId, ControlId, DeclineReason, MessageId, OwnerId, ProgramId};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::app::App;
use crate::body::field_of;
use crate::problem::{Code, Problem};

/// When a request's head had come: the first extractor, so that its body's way counts, too.
pub(crate) struct Arrived(pub(crate) Timeline);

impl FromRequestParts<App> for Arrived {
    type Rejection = Problem;

    async fn from_request_parts(_: &mut Parts, _: &App) -> Result<Self, Problem> {
        Ok(Self(Timeline::begin()))
    }
}

/// The `{id}` of a path. A text that is no id of its kind names nothing: 404.
pub(crate) struct Id<T>(pub(crate) T);

/// What is said of an id that names nothing.
pub(crate) trait Named: FromStr + Send {
    const UNKNOWN: DeclineReason;
}

impl Named for ProgramId {
    const UNKNOWN: DeclineReason = DeclineReason::ProgramUnknown;
}

impl Named for OwnerId {
    const UNKNOWN: DeclineReason = DeclineReason::OwnerUnknown;
}

impl Named for CardholderId {
    const UNKNOWN: DeclineReason = DeclineReason::CardholderUnknown;
}

impl Named for CardId {
    const UNKNOWN: DeclineReason = DeclineReason::CardUnknown;
}

impl Named for ControlId {
    const UNKNOWN: DeclineReason = DeclineReason::ControlUnknown;
}

impl Named for AccountId {
    const UNKNOWN: DeclineReason = DeclineReason::AccountUnknown;
}

impl Named for MessageId {
    const UNKNOWN: DeclineReason = DeclineReason::AuthorizationUnknown;
}

impl<T: Named> FromRequestParts<App> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let unknown = || Problem::declined(T::UNKNOWN);
        let Path(text) = Path::<String>::from_request_parts(parts, app).await.map_err(|_| unknown())?;
        text.parse().map(Self).map_err(|_| unknown())
    }
}

/// The `{id}` of a path that is a UUID without a prefix. A text that is none names nothing: 404.
pub(crate) struct Uid(pub(crate) Uuid);

impl FromRequestParts<App> for Uid {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let unknown = || Problem::new(Code::NotFound, "there is nothing with this id");
        let Path(text) = Path::<String>::from_request_parts(parts, app).await.map_err(|_| unknown())?;
        text.parse().map(Self).map_err(|_| unknown())
    }
}

/// The two ids of a path that are UUIDs without a prefix. A text that is none names nothing: 404.
pub(crate) struct Uids(pub(crate) Uuid, pub(crate) Uuid);

impl FromRequestParts<App> for Uids {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let unknown = |_| Problem::new(Code::NotFound, "there is nothing with these ids");
        let found = Path::<(Uuid, Uuid)>::from_request_parts(parts, app).await;
        found.map(|Path((first, second))| Self(first, second)).map_err(unknown)
    }
}

/// The `{id}` and `{card}` of a path: a person and a card. Texts that are no ids name nothing: 404.
pub(crate) struct CardOfPerson {
    pub(crate) person: OwnerId,
    pub(crate) card: CardId,
}

impl FromRequestParts<App> for CardOfPerson {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let unknown = Problem::declined(OwnerId::UNKNOWN);
        let found = Path::<(String, String)>::from_request_parts(parts, app).await;
        let Path((person, card)) = found.map_err(|_| unknown.clone())?;
        let person = person.parse().map_err(|_| unknown)?;
        let card = card.parse().map_err(|_| Problem::declined(CardId::UNKNOWN))?;
        Ok(Self { person, card })
    }
}

/// The query, of a known shape.
pub(crate) struct Params<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<App> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _app: &App) -> Result<Self, Problem> {
        match Query::<T>::try_from_uri(&parts.uri) {
            Ok(Query(query)) => Ok(Self(query)),
            Err(rejection) => Err(invalid_query(&rejection.body_text())),
        }
    }
}

/// axum's text ends in `parameter: what is wrong`, or only in what is wrong.
fn invalid_query(text: &str) -> Problem {
    let text = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(text);
    let (path, message) = match text.split_once(": ") {
        Some((path, message)) if !path.contains(' ') => (path, message),
        _ => ("", text),
    };
    let field = match field_of(path, message) {
        field if field == "body" => "query".to_owned(),
        field => field,
    };
    Problem::of_field(Code::InvalidQuery, field, message)
}
