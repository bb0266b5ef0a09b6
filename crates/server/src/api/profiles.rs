//! Profiles of persons: `/v1/persons/{id}/profile` and `/v1/profiles`. No decision reads them.

use axum::Json;
use axum::extract::State;
use bursar_core::text::FreeText;
use bursar_core::{Country, OwnerId, ProgramId};
use bursar_documents::{Address, Contact, DocumentsError, Email, Erasure, Person, Phone, Profile};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::programs::required;
use super::{people, schema};
use crate::app::App;
use crate::auth::Operator;
use crate::body::Body;
use crate::extract::{Id, Params};
use crate::page::{Cursor, Listed};
use crate::problem::{Code, Problem, ProblemView};
use crate::workers::people::Following;

/// What identifies a person.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewProfile {
    /// The version that is replaced; left out where there is none yet.
    version: Option<i64>,
    #[schema(value_type = String)]
    given_name: FreeText,
    #[schema(value_type = String)]
    family_name: FreeText,
    /// Persons may share one.
    #[schema(example = "ada@example.org")]
    email: Option<String>,
    /// With the country's code: E.164.
    #[schema(example = "+49 151 12345678")]
    phone: Option<String>,
    /// `YYYY-MM-DD`.
    birth_date: Option<String>,
    address: Option<NewAddress>,
}

/// A postal address.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewAddress {
    /// Street, house and what else stands above the city: 1 to 5 lines.
    #[schema(value_type = Vec<String>)]
    lines: Vec<FreeText>,
    #[schema(value_type = String)]
    city: FreeText,
    #[schema(value_type = Option<String>)]
    region: Option<FreeText>,
    #[schema(value_type = Option<String>)]
    postal_code: Option<FreeText>,
    /// Two letters, ISO 3166-1.
    #[schema(example = "DE")]
    country: String,
}

/// A profile.
#[derive(Serialize, ToSchema)]
pub(super) struct ProfileView {
    #[schema(value_type = schema::OwnerId)]
    person: OwnerId,
    #[schema(value_type = schema::ProgramId)]
    program: ProgramId,
    /// Raised by each change: who changes it says which one was seen.
    version: i64,
    #[schema(value_type = String)]
    given_name: FreeText,
    #[schema(value_type = String)]
    family_name: FreeText,
    #[schema(value_type = Option<String>)]
    email: Option<Email>,
    /// `+` and digits.
    #[schema(value_type = Option<String>)]
    phone: Option<Phone>,
    #[schema(value_type = Option<String>)]
    birth_date: Option<Date>,
    #[schema(value_type = Option<AddressView>)]
    address: Option<Address>,
    #[schema(value_type = schema::Time)]
    created_at: Timestamp,
    #[schema(value_type = schema::Time)]
    updated_at: Timestamp,
}

/// A postal address.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes `Address`, whose crate knows nothing of the API")]
struct AddressView {
    lines: Vec<String>,
    city: String,
    region: Option<String>,
    postal_code: Option<String>,
    country: String,
}

/// Which profiles.
#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ProfileQuery {
    /// With this address, whatever its case. Not together with `phone`.
    email: Option<String>,
    /// With this number, however it is written.
    phone: Option<String>,
    /// Of this program.
    #[param(value_type = Option<schema::ProgramId>)]
    program: Option<ProgramId>,
    /// At most so many items; 100 if not given.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// What became of a profile that was to be erased.
#[derive(Serialize, ToSchema)]
pub(super) struct ErasureView {
    /// `erased`: nothing personal is left; `locked`: the law has it kept until `erase_on`, when it is erased.
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    erase_on: Option<Date>,
}

/// Lines of an address, at most.
const LINES_MAX: usize = 5;

impl NewProfile {
    /// What is wrong is named, and what was sent is not shown.
    fn read(self) -> Result<Profile, Problem> {
        let invalid = |error: bursar_documents::ContactError, field: &'static str| {
            Problem::of_field(Code::InvalidField, field, error)
        };
        let email = self.email.as_deref().map(Email::parse).transpose();
        let phone = self.phone.as_deref().map(Phone::parse).transpose();
        Ok(Profile {
            given_name: required("given_name", self.given_name)?,
            family_name: required("family_name", self.family_name)?,
            email: email.map_err(|error| invalid(error, "email"))?,
            phone: phone.map_err(|error| invalid(error, "phone"))?,
            birth_date: self.birth_date.as_deref().map(birth_date).transpose()?,
            address: self.address.map(NewAddress::read).transpose()?,
        })
    }
}

fn birth_date(text: &str) -> Result<Date, Problem> {
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let day = text.parse().ok().filter(|day: &Date| *day <= today);
    day.ok_or_else(|| {
        Problem::of_field(Code::InvalidField, "birth_date", "it is no day of the past, as YYYY-MM-DD")
    })
}

impl NewAddress {
    fn read(self) -> Result<Address, Problem> {
        let Self { lines, city, region, postal_code, country } = self;
        if !(1..=LINES_MAX).contains(&lines.len()) {
            let why = format!("there have to be 1 to {LINES_MAX}");
            return Err(Problem::of_field(Code::InvalidField, "address.lines", why));
        }
        let lines = lines.into_iter().map(|line| required("address.lines", line));
        let country = Some(country).filter(|country| country.len() == 2);
        let country = country.and_then(|country| Country::parse(&country.to_ascii_uppercase()).ok());
        Ok(Address {
            lines: lines.collect::<Result<_, _>>()?,
            city: required("address.city", city)?,
            region,
            postal_code,
            country: country.ok_or_else(|| {
                Problem::of_field(Code::InvalidField, "address.country", "it has two letters (ISO 3166-1)")
            })?,
        })
    }
}

impl From<Person> for ProfileView {
    fn from(person: Person) -> Self {
        let Person { id, program, profile, version, created_at, updated_at } = person;
        let Profile { given_name, family_name, email, phone, birth_date, address } = profile;
        Self {
            person: id,
            program,
            version,
            given_name,
            family_name,
            email,
            phone,
            birth_date,
            address,
            created_at,
            updated_at,
        }
    }
}

impl ProfileQuery {
    fn contact(&self) -> Result<Option<Contact>, Problem> {
        let invalid = |field: &'static str| move |error| Problem::of_field(Code::InvalidQuery, field, error);
        match (&self.email, &self.phone) {
            (Some(_), Some(_)) => {
                Err(Problem::of_field(Code::InvalidQuery, "phone", "ask for one of email and phone"))
            }
            (Some(email), None) => {
                Email::parse(email).map(Contact::Email).map(Some).map_err(invalid("email"))
            }
            // In a query `+` stands for a space.
            (None, Some(phone)) if phone.starts_with(' ') => {
                let phone = Phone::parse(&format!("+{}", phone.trim_start()));
                phone.map(Contact::Phone).map(Some).map_err(invalid("phone"))
            }
            (None, Some(phone)) => {
                Phone::parse(phone).map(Contact::Phone).map(Some).map_err(invalid("phone"))
            }
            (None, None) => Ok(None),
        }
    }
}

/// Makes or replaces a person's profile. Who replaces one says which version was seen: 409 if it has another one by now.
/// The same again changes nothing, so it may be sent again where no answer came.
#[utoipa::path(put, path = "/v1/persons/{id}/profile", tag = "persons", params(("id" = schema::OwnerId, Path)),
    request_body = NewProfile, responses(
        (status = 200, body = ProfileView, description = "The profile"),
        (status = 410, body = ProblemView, content_type = "application/problem+json", description = "It was erased"),
    ))]
pub(super) async fn put_profile(
    State(app): State<App>,
    _: Operator,
    Id(id): Id<OwnerId>,
    Body(new): Body<NewProfile>,
) -> Result<Json<ProfileView>, Problem> {
    let owner = people::find(&app, id).await?;
    let (seen, at) = (new.version, people::now());
    let profile = new.read()?;
    let person = match (app.people().find(id).await?, seen) {
        (None, None) => app.people().create(id, owner.program, profile, at).await?,
        (None, Some(_)) => return Err(DocumentsError::Conflict(id).into()),
        (Some(kept), seen) if kept.profile == profile && is_again(&kept, seen) => kept,
        (Some(_), None) => return Err(DocumentsError::Exists(id).into()),
        (Some(_), Some(version)) => app.people().update(id, version, profile, at).await?,
    };
    if person.version == 1 {
        // What happened before is told by no event any more.
        Following::of(&app).repair(id, at).await?;
    }
    Ok(Json(person.into()))
}

/// Whether it may be what this request wrote before.
fn is_again(kept: &Person, seen: Option<i64>) -> bool {
    seen.map_or(kept.version == 1, |seen| kept.version == seen || kept.version - 1 == seen)
}

/// A person's profile.
#[utoipa::path(get, path = "/v1/persons/{id}/profile", tag = "persons", params(("id" = schema::OwnerId, Path)),
    responses(
        (status = 200, body = ProfileView, description = "The profile"),
        (status = 410, body = ProblemView, content_type = "application/problem+json", description = "It was erased"),
    ))]
pub(super) async fn find_profile(
    State(app): State<App>,
    _: Operator,
    Id(id): Id<OwnerId>,
) -> Result<Json<ProfileView>, Problem> {
    people::find(&app, id).await?;
    let person = app.people().find(id).await?.ok_or(DocumentsError::Unknown(id))?;
    Ok(Json(person.into()))
}

/// Erases a person's profile, identity, and what it sees of cards, wallets and purchases: for good, and with the key that
/// sealed them. The ledger has nothing personal, and keeps what it has. Where the law has it kept longer, it is locked.
#[utoipa::path(delete, path = "/v1/persons/{id}/profile", tag = "persons", params(("id" = schema::OwnerId, Path)),
    responses((status = 200, body = ErasureView, description = "What became of it")))]
pub(super) async fn erase_profile(
    State(app): State<App>,
    _: Operator,
    Id(id): Id<OwnerId>,
) -> Result<Json<ErasureView>, Problem> {
    people::find(&app, id).await?;
    let erasure = app.people().erase(id, people::now()).await?;
    Ok(Json(match erasure {
        Erasure::Erased => ErasureView { status: "erased", erase_on: None },
        Erasure::LockedUntil(day) => ErasureView { status: "locked", erase_on: Some(day) },
    }))
}

/// Profiles by the ids of their persons: all, or those with an e-mail address or a telephone number.
#[utoipa::path(get, path = "/v1/profiles", tag = "persons", params(ProfileQuery),
    responses((status = 200, body = Listed<ProfileView>, description = "A page of profiles")))]
pub(super) async fn list_profiles(
    State(app): State<App>,
    _: Operator,
    Params(query): Params<ProfileQuery>,
) -> Result<Json<Listed<ProfileView>>, Problem> {
    let cursor = Cursor::<OwnerId>::parse(query.limit, query.after.as_deref())?;
    let page = cursor.page_and_one();
    let limit = page.limit as usize;
    let found = match query.contact()? {
        Some(contact) => app.people().search(&contact, query.program, page.after, limit).await?,
        None => app.people().list(query.program, page.after, limit).await?,
    };
    Ok(Json(cursor.cut(found, |person| person.id.to_string(), ProfileView::from)))
}
