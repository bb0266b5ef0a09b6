//! How ids, words and amounts are described: made from core, so that they cannot differ from it.

use bursar_core::message::{ActionKind, Source, TransactionKind as CoreTransactionKind};
use bursar_core::{GroupStatus as CoreGroupStatus, check};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::{PartialSchema, ToSchema};

macro_rules! text_schemas {
    ($($name:ident = $text:expr;)*) => {$(
        pub(crate) struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                $text.into()
            }
        }

        impl ToSchema for $name {}
    )*};
}

text_schemas! {
    ProgramId = id(bursar_core::ProgramId::PREFIX);
    OwnerId = id(bursar_core::OwnerId::PREFIX);
    AccountId = id(bursar_core::AccountId::PREFIX);
    CardholderId = id(bursar_core::CardholderId::PREFIX);
    CardId = id(bursar_core::CardId::PREFIX);
    ControlId = id(bursar_core::ControlId::PREFIX);
    MessageId = id(bursar_core::MessageId::PREFIX);
    JournalId = id(bursar_core::JournalId::PREFIX);

    OwnerKind = words(bursar_core::OwnerKind::ALL.iter().map(|word| word.as_str()));
    OwnerStatus = words(bursar_core::OwnerStatus::ALL.iter().map(|word| word.as_str()));
    CardholderStatus = words(bursar_core::CardholderStatus::ALL.iter().map(|word| word.as_str()));
    CardStatus = words(bursar_core::CardStatus::ALL.iter().map(|word| word.as_str()));
    KycStatus = words(bursar_documents::KycStatus::ALL.iter().map(|word| word.as_str()));
    GroupStatus = words(CoreGroupStatus::ALL.iter().map(|word| word.as_str()));
    MessageSource = words(Source::ALL.iter().map(|word| word.as_str()));
    DeclineReason = words(bursar_core::DeclineReason::ALL.iter().map(|word| word.as_str()));
    DiscrepancyKind = words(bursar_core::DiscrepancyKind::ALL.iter().map(|word| word.as_str()));
    CheckName = words(check::CheckName::ALL.iter().map(|word| word.as_str()));
    CheckResult = words(check::CheckResult::ALL.iter().map(|word| word.as_str()));
    AuthorizationKind = words([ActionKind::Authorize, ActionKind::Increment, ActionKind::Report, ActionKind::Claim].iter().map(|word| word.as_str()));
    TransactionKind = words(CoreTransactionKind::ALL.iter().map(|word| word.as_str()));
    RecordKind = words([ActionKind::Record, ActionKind::Review].iter().map(|word| word.as_str()));
    TransferKind = words([ActionKind::Load, ActionKind::Unload].iter().map(|word| word.as_str()));

    Channel = words(bursar_core::Channel::ALL.iter().map(|word| word.as_str()));
    ControlStatus = words(bursar_core::ControlStatus::ALL.iter().map(|word| word.as_str()));
    Counted = words(bursar_core::control::Counted::ALL.iter().map(|word| word.as_str()));
    Day = words(bursar_core::control::Day::ALL.iter().map(|word| word.as_str()));
    List = words(bursar_core::control::List::ALL.iter().map(|word| word.as_str()));

    Token = text("1 to 255 visible ASCII characters, kept as they are").max_length(Some(255));
    Decimal = text("A decimal with the places of its currency").pattern(Some(r"^-?\d+(\.\d+)?$")).examples(["12.34"]);
    AmountIn = ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::String, Type::Number]))
        .description(Some("A decimal with at most the places of its currency, as a text or a JSON number; read exactly"))
        .examples(["12.34"]);
    Mcc = text("Merchant category code, ISO 18245").pattern(Some(r"^\d{4}$")).examples(["5411"]);
    MccSet = text("A merchant category, a range of them, a group (GET /v1/mcc-groups), or processor: and a group's name at the processor").examples(["5411", "5960-5969", "gambling", "processor:GAMBLING"]);
    Window = text("transaction, day, week (from Sunday), month, lifetime, rolling_N_hours (1 to 168) or rolling_N_days (1 to 366); calendar periods are those of the program's time zone").examples(["day", "rolling_24_hours"]);
    ClockTime = text("Hours and minutes, 24 hours a day").pattern(Some(r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$")).examples(["08:30"]);
    Country = text("ISO 3166-1 code").pattern(Some(r"^([A-Za-z]{2,3}|\d{3})$")).examples(["USA"]);
    Currency = text("ISO 4217, alphabetic").pattern(Some("^[A-Z]{3}$")).examples(["USD"]);
    Time = text("RFC 3339, UTC").examples(["2026-11-23T11:42:07.123456Z"]);
}

fn text(description: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).description(Some(description))
}

fn id(prefix: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).pattern(Some(format!("^{prefix}_[0-9a-z]{{26}}$")))
}

fn words(words: impl Iterator<Item = &'static str>) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words))
}
