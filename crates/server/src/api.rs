//! `/v1`: one file a noun, its requests, views and handlers.
//!
//! Every POST follows one way: read the request, find what it names (not there: 404, and nothing
//! is stored, so that the key stays free), settle one command, send the stored bytes.

mod accounts;
mod authorizations;
mod captures;
mod cardholders;
mod cards;
mod companies;
mod controls;
mod dead_letters;
mod discrepancies;
mod endpoints;
mod explanations;
mod hold_group;
mod inbox;
mod inquiries;
mod kyc;
mod messages;
mod owners;
mod people;
mod persons;
mod profile;
mod profiles;
mod programs;
mod read_models;
mod records;
mod releases;
mod spending;
mod transaction_records;
mod transactions;

mod amount;
pub(crate) mod schema;
mod settle;
mod transition;
mod view;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;

pub(crate) use transactions::TransactionView;

/// The routes, each with its description.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(programs::create_program, programs::list_programs))
        .routes(routes!(programs::find_program))
        .routes(routes!(programs::change_program))
        .routes(routes!(companies::create_company, companies::list_companies))
        .routes(routes!(companies::find_company))
        .routes(routes!(companies::move_company))
        .routes(routes!(persons::create_person, persons::list_persons))
        .routes(routes!(persons::find_person))
        .routes(routes!(persons::move_person))
        .routes(routes!(profiles::put_profile, profiles::find_profile, profiles::erase_profile))
        .routes(routes!(profiles::list_profiles))
        .routes(routes!(kyc::find_kyc, kyc::move_kyc))
        .routes(routes!(read_models::list_wallets))
        .routes(routes!(read_models::list_personal_cards))
        .routes(routes!(read_models::label_card))
        .routes(routes!(read_models::list_history))
        .routes(routes!(cardholders::create_cardholder, cardholders::list_cardholders))
        .routes(routes!(cardholders::find_cardholder))
        .routes(routes!(cardholders::move_cardholder))
        .routes(routes!(cards::create_card, cards::list_cards))
        .routes(routes!(cards::find_card))
        .routes(routes!(cards::move_card))
        .routes(routes!(controls::create_control, controls::list_controls))
        .routes(routes!(controls::find_control))
        .routes(routes!(controls::change_control))
        .routes(routes!(controls::set_limits))
        .routes(routes!(controls::apply_preset))
        .routes(routes!(controls::list_mcc_groups))
        .routes(routes!(spending::find_card_available))
        .routes(routes!(spending::find_cardholder_available))
        .routes(routes!(spending::find_company_available))
        .routes(routes!(spending::find_person_available))
        .routes(routes!(accounts::list_accounts))
        .routes(routes!(accounts::find_account))
        .routes(routes!(accounts::load_account))
        .routes(routes!(accounts::unload_account))
        .routes(routes!(accounts::list_entries))
        .routes(routes!(authorizations::create_authorization, authorizations::list_authorizations))
        .routes(routes!(authorizations::find_authorization))
        .routes(routes!(explanations::explain_authorization))
        .routes(routes!(authorizations::increment_authorization))
        .routes(routes!(releases::reverse_authorization))
        .routes(routes!(releases::expire_authorization))
        .routes(routes!(inquiries::inquire))
        .routes(routes!(captures::capture_authorization))
        .routes(routes!(captures::refund_authorization))
        .routes(routes!(transactions::list_transactions))
        .routes(routes!(transactions::export_transactions))
        .routes(routes!(transactions::find_transaction))
        .routes(routes!(records::list_records))
        .routes(routes!(discrepancies::list_discrepancies))
        .routes(routes!(discrepancies::close_discrepancy))
        .routes(routes!(inbox::count_inbox))
        .routes(routes!(inbox::list_inbox_items))
        .routes(routes!(inbox::find_inbox_item))
        .routes(routes!(inbox::replay_inbox_item))
        .routes(routes!(inbox::dismiss_inbox_item))
        .routes(routes!(transaction_records::list_transaction_records))
        .routes(routes!(transaction_records::find_transaction_record))
        .routes(routes!(messages::publish_message))
        .routes(routes!(messages::receive_answers))
        .routes(routes!(dead_letters::list_dead_letters))
        .routes(routes!(dead_letters::replay_dead_letters))
        .routes(routes!(dead_letters::find_dead_letter))
        .routes(routes!(dead_letters::replay_dead_letter))
        .routes(routes!(dead_letters::discard_dead_letter))
        .routes(routes!(endpoints::create_endpoint, endpoints::list_endpoints))
        .routes(routes!(endpoints::find_endpoint, endpoints::delete_endpoint))
        .routes(routes!(endpoints::change_endpoint))
        .routes(routes!(endpoints::rotate_secret))
        .routes(routes!(endpoints::list_notifications))
        .routes(routes!(endpoints::find_notification))
        .routes(routes!(endpoints::resend_notification))
        .merge(routes_about_itself())
}

/// What every instance answers, whatever its roles.
pub(crate) fn routes_about_itself() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(profile::read_profile))
}
