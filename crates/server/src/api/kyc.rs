//! What is known of a person's identity: `/v1/persons/{id}/kyc`. No decision reads it.

use axum::Json;
use axum::extract::State;
use bursar_core::text::{FreeText, Token};
use bursar_core::{Country, OwnerId};
use bursar_documents::{
    DocumentsError, IdentityDocument, IdentityKind, Kyc, KycRefusal, KycStatus, KycStep, PeopleError,
};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{people, schema};
use crate::app::App;
use crate::auth::Operator;
use crate::body::Body;
use crate::extract::Id;
use crate::idempotency::IdempotencyKey;
use crate::problem::{Code, Problem, ProblemView};

/// A step to take. What is left out stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewStep {
    /// The version that was seen: 0 before the first step.
    version: i64,
    #[schema(value_type = schema::KycStatus)]
    to: KycStatus,
    /// Why; the history of steps has it.
    #[schema(value_type = Option<String>)]
    reason: Option<FreeText>,
    /// How thoroughly, in the program's words.
    #[schema(value_type = Option<String>)]
    level: Option<FreeText>,
    /// What whoever verifies calls the case.
    #[schema(value_type = Option<schema::Token>)]
    provider_reference: Option<Token>,
    document: Option<NewDocument>,
    /// The law has it kept until that day, `YYYY-MM-DD`: who is to be erased before is locked until then.
    #[schema(value_type = Option<String>)]
    retain_until: Option<Date>,
}

/// A document that shows who somebody is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewDocument {
    /// `passport`, `identity_card`, `driving_licence` or `residence_permit`.
    #[schema(value_type = String)]
    kind: IdentityKind,
    #[schema(value_type = schema::Token)]
    number: Token,
    /// Two letters, ISO 3166-1.
    issuing_country: String,
    #[schema(value_type = Option<String>)]
    expires_on: Option<Date>,
}

/// What is known of a person's identity.
#[derive(Serialize, ToSchema)]
pub(super) struct KycView {
    #[schema(value_type = schema::OwnerId)]
    person: OwnerId,
    #[schema(value_type = schema::KycStatus)]
    status: KycStatus,
    #[schema(value_type = Option<String>)]
    level: Option<FreeText>,
    #[schema(value_type = Option<schema::Token>)]
    provider_reference: Option<Token>,
    #[schema(value_type = Option<DocumentView>)]
    document: Option<IdentityDocument>,
    /// Every step, the first one first.
    transitions: Vec<StepView>,
    #[schema(value_type = Option<String>)]
    retain_until: Option<Date>,
    /// Raised by each step.
    version: i64,
}

/// A document that shows who somebody is.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes `IdentityDocument`, whose crate knows nothing of the API")]
struct DocumentView {
    kind: String,
    number: String,
    issuing_country: String,
    expires_on: Option<String>,
}

/// A step that was taken.
#[derive(Serialize, ToSchema)]
struct StepView {
    #[schema(value_type = schema::Time)]
    at: Timestamp,
    #[schema(value_type = schema::KycStatus)]
    from: KycStatus,
    #[schema(value_type = schema::KycStatus)]
    to: KycStatus,
    #[schema(value_type = Option<String>)]
    reason: Option<FreeText>,
}

impl NewStep {
    fn read(self) -> Result<KycStep, Problem> {
        let Self { to, reason, level, provider_reference, document, retain_until, .. } = self;
        let document = document.map(NewDocument::read).transpose()?;
        Ok(KycStep { to, reason, level, provider_reference, document, retain_until })
    }
}

impl NewDocument {
    fn read(self) -> Result<IdentityDocument, Problem> {
        let Self { kind, number, issuing_country, expires_on } = self;
        let country = Some(issuing_country).filter(|country| country.len() == 2);
        let country = country.and_then(|country| Country::parse(&country.to_ascii_uppercase()).ok());
        let issuing_country = country.ok_or_else(|| {
            let why = "it has two letters (ISO 3166-1)";
            Problem::of_field(Code::InvalidField, "document.issuing_country", why)
        })?;
        Ok(IdentityDocument { kind, number, issuing_country, expires_on })
    }
}

impl From<Kyc> for KycView {
    fn from(kyc: Kyc) -> Self {
        let Kyc { person, status, level, provider_reference, document, transitions, retain_until, version } =
            kyc;
        let steps = transitions.into_iter();
        let transitions =
            steps.map(|step| StepView { at: step.at, from: step.from, to: step.to, reason: step.reason });
        Self {
            person,
            status,
            level,
            provider_reference,
            document,
            transitions: transitions.collect(),
            retain_until,
            version,
        }
    }
}

impl From<KycRefusal> for Problem {
    fn from(refusal: KycRefusal) -> Self {
        let code = match refusal {
            KycRefusal::NoSuchStep { .. } => Code::KycStepNotAllowed,
            KycRefusal::TooManySteps => Code::KycStepsExhausted,
        };
        Self::new(code, refusal.to_string())
    }
}

/// What is known of a person's identity.
#[utoipa::path(get, path = "/v1/persons/{id}/kyc", tag = "persons", params(("id" = schema::OwnerId, Path)),
    responses(
        (status = 200, body = KycView, description = "What is known"),
        (status = 410, body = ProblemView, content_type = "application/problem+json", description = "It was erased"),
    ))]
pub(super) async fn find_kyc(
    State(app): State<App>,
    _: Operator,
    Id(id): Id<OwnerId>,
) -> Result<Json<KycView>, Problem> {
    people::find(&app, id).await?;
    Ok(Json(app.people().find_kyc(id).await?.into()))
}

/// Takes a step of the verification. It is no command of the ledger: nothing is kept under its key, and `version` is what
/// keeps it from being taken twice. The same step at the same version gets what is known now; another one is 409.
#[utoipa::path(post, path = "/v1/persons/{id}/kyc", tag = "persons", params(("id" = schema::OwnerId, Path)),
    request_body = NewStep, responses(
        (status = 200, body = KycView, description = "What is known now"),
        (status = 410, body = ProblemView, content_type = "application/problem+json", description = "It was erased"),
    ))]
pub(super) async fn move_kyc(
    State(app): State<App>,
    _: Operator,
    _: IdempotencyKey,
    Id(id): Id<OwnerId>,
    Body(new): Body<NewStep>,
) -> Result<Json<KycView>, Problem> {
    people::find(&app, id).await?;
    let (seen, step) = (new.version, new.read()?);
    match app.people().move_kyc(id, seen, step.clone(), people::now()).await {
        Ok(moved) => Ok(Json(moved?.into())),
        Err(PeopleError::Documents(DocumentsError::Conflict(_))) => {
            let kept = app.people().find_kyc(id).await?;
            match was_taken(&kept, seen, &step) {
                true => Ok(Json(kept.into())),
                false => Err(DocumentsError::Conflict(id).into()),
            }
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether the last step is this one, with all that it brought: who saw no answer asks again. Somebody else's step to the
/// same status is none, or a document that nobody kept would be answered as if it were.
fn was_taken(kept: &Kyc, seen: i64, step: &KycStep) -> bool {
    let KycStep { to, reason, level, provider_reference, document, retain_until } = step;
    let is_last = |last: &bursar_documents::KycTransition| last.to == *to && last.reason == *reason;
    kept.version - 1 == seen
        && kept.transitions.last().is_some_and(is_last)
        && is_kept(level, &kept.level)
        && is_kept(provider_reference, &kept.provider_reference)
        && is_kept(document, &kept.document)
        && is_kept(retain_until, &kept.retain_until)
}

/// What a step leaves out stays as it is.
fn is_kept<T: PartialEq>(sent: &Option<T>, kept: &Option<T>) -> bool {
    sent.is_none() || sent == kept
}
