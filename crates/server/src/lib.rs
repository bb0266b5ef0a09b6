//! The HTTP interface: `/v1`, processor calls, health, the API page.
//!
//! A handler reads the request, finds whom it is about and sends one command through the
//! authorizer; the answer's bytes are written inside the money transaction, by the encoder that
//! travels with the command. [`Server`] is the listener with its limits, [`router`] the routes.

mod app;
mod serve;
mod shown;
mod webhooks;
pub mod workers;

mod answers;
mod api;
mod health;
mod jit;
mod openapi;

mod auth;
mod body;
mod cached;
mod extract;
mod funding;
mod idempotency;
mod latency;
mod limits;
mod page;
mod pools;
mod problem;
mod queues;
mod roles;
mod seal;
mod search;

use axum::Router;
use axum::http::{Method, Uri};
use bursar_core::text::mask_card_numbers;

pub use answers::approved_minor;
pub use app::{App, Credentials, Engines, Parts, Settings};
pub use latency::{Latency, LatencyView};
pub use openapi::openapi_json;
pub use roles::{Role, Roles, RolesError};
pub use seal::QuarantineKey;
pub use serve::{BindError, Server};

use problem::{Code, Problem};

/// Every route, ready to serve. What is not there is answered with a problem too. An instance that is no `api` answers
/// only what tells how it is.
pub fn router(app: App) -> Router {
    let (documented, openapi) = match app.settings().roles.has(Role::Api) {
        true => openapi::documented_routes(),
        false => openapi::routes_about_itself(),
    };
    Router::new()
        .merge(documented)
        .merge(openapi::pages(openapi))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(app)
}

async fn not_found(uri: Uri) -> Problem {
    Problem::new(Code::NotFound, format!("there is nothing at {}", mask_card_numbers(uri.path())))
}

async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    Problem::new(
        Code::MethodNotAllowed,
        format!("{method} is not possible at {}", mask_card_numbers(uri.path())),
    )
}
