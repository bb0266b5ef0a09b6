//! Spending controls, as answers show them.

use bursar_core::control::Scope;
use bursar_core::{CardId, CardholderId, Control, ControlId, ControlStatus, Decided, OwnerId};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::rule::RuleView;
use crate::api::{schema, settle};

/// A spending control.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct ControlView {
    #[schema(value_type = schema::ControlId)]
    id: ControlId,
    #[schema(value_type = schema::OwnerId)]
    owner: OwnerId,
    /// The card that it is about, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::CardId>)]
    card: Option<CardId>,
    /// The cardholder whose cards it is about, if it is about one's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::CardholderId>)]
    cardholder: Option<CardholderId>,
    name: String,
    #[schema(value_type = schema::ControlStatus)]
    status: ControlStatus,
    #[serde(flatten)]
    rule: RuleView,
}

impl From<&Control> for ControlView {
    fn from(control: &Control) -> Self {
        let (card, cardholder) = match control.scope {
            Scope::Card(id) => (Some(id), None),
            Scope::Cardholder(id) => (None, Some(id)),
            Scope::Owner(_) => (None, None),
        };
        Self {
            id: control.id,
            owner: control.owner,
            card,
            cardholder,
            name: control.name.as_str().to_owned(),
            status: control.status,
            rule: RuleView::from(&control.rule),
        }
    }
}

/// A spending control that a call created or changed.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct ChangedControlView {
    #[serde(flatten)]
    control: ControlView,
    /// The owner's number of the change.
    owner_sequence: i64,
    /// When it was decided.
    #[schema(value_type = schema::Time)]
    at: Timestamp,
}

impl ChangedControlView {
    pub(super) fn of(decided: &Decided, is_it: impl Fn(&Control) -> bool) -> Option<Self> {
        let control = settle::controls(decided)?.iter().find(|control| is_it(control))?;
        Some(Self {
            control: ControlView::from(control),
            owner_sequence: decided.message.owner_sequence?,
            at: decided.message.at,
        })
    }
}

/// The controls of a card, after a call that set some of them.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct ControlsView {
    /// In the order of their creation.
    items: Vec<ControlView>,
    /// The owner's number of the change.
    owner_sequence: i64,
    /// When it was decided.
    #[schema(value_type = schema::Time)]
    at: Timestamp,
}

impl ControlsView {
    pub(super) fn of(decided: &Decided) -> Option<Self> {
        Some(Self {
            items: settle::controls(decided)?.iter().map(ControlView::from).collect(),
            owner_sequence: decided.message.owner_sequence?,
            at: decided.message.at,
        })
    }
}
