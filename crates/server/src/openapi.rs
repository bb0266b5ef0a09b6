//! The description of the API, made from the same declarations as the routes, and its page.

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::HeaderName;
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::trace::TraceLayer;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, Required};
use utoipa::{OpenApi as _, ToSchema};
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::app::App;
use crate::auth::{API_KEY_SCHEME, MARQETA_SCHEME};
use crate::problem::{PROBLEM_JSON, Problem, ProblemView};
use crate::{api, health, idempotency, jit, webhooks};

/// What every operation of `/v1` may answer instead.
const EVERY_OPERATION: &[(&str, &str)] = &[
    ("400", "Something about the request is wrong; `errors` names it"),
    ("401", "No API key, or a wrong one"),
    ("429", "More requests in this second than one key may make"),
    ("503", "Not now: nothing is known to have happened; send the same request again"),
];

/// What an operation on one object may answer instead.
const EVERY_OBJECT: &[(&str, &str)] = &[("404", "There is no such object")];

/// What every PUT may answer instead.
const EVERY_PUT: &[(&str, &str)] = &[
    ("408", "The body came too slowly"),
    ("409", "Another version is kept than the one that was seen"),
    ("413", "The body is too large"),
    ("415", "The body is not declared as JSON"),
];

/// What every POST may answer instead.
const EVERY_POST: &[(&str, &str)] = &[
    ("404", "Something that the request names does not exist"),
    ("408", "The body came too slowly"),
    ("409", "The idempotency key was used for other content, or the state of things does not allow it"),
    ("413", "The body is too large"),
    ("415", "The body is not declared as JSON"),
    ("422", "Refused by a rule; `code` says which"),
];

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Bursar",
        description = "Card programs: accounts, cards, authorizations. Amounts are decimal texts beside a currency code. \
            Every POST needs an `Idempotency-Key`: the same key with the same content gets the same bytes again, with \
            the header `Idempotency-Replayed: true`. A request that could not be read (400, 415) or names what is not \
            there (404) leaves its key free; every other answer, a refusal too, is kept under it, and the key with \
            other content is 409. Errors are problems (RFC 9457) with a stable `code`."
    ),
    components(schemas(ProblemView))
)]
struct Description;

/// Every documented route, and the description of all of them.
pub(crate) fn documented_routes() -> (Router<App>, OpenApi) {
    let (v1, described) = api::routes().split_for_parts();
    let request_id = HeaderName::from_static("x-request-id");
    let v1 = v1
        .route_layer(PropagateRequestIdLayer::new(request_id.clone()))
        .route_layer(TraceLayer::new_for_http().make_span_with(span).on_failure(()))
        .route_layer(SetRequestIdLayer::new(request_id, MakeRequestUuid));
    let (health, described_health) = health::routes().split_for_parts();
    let (jit, described_jit) = jit::routes().split_for_parts();
    let (webhooks, described_webhooks) = webhooks::routes().split_for_parts();
    // Nothing stands before a processor's call: it is the hot path.
    let routes = v1.merge(health).merge(webhooks).route_layer(CatchPanicLayer::custom(panicked)).merge(jit);
    let mut openapi = Description::openapi();
    for description in [described, described_health, described_jit, described_webhooks] {
        openapi.merge(description);
    }
    complete(&mut openapi);
    (routes, openapi)
}

/// What an instance answers that has no `api`, and the description of that.
pub(crate) fn routes_about_itself() -> (Router<App>, OpenApi) {
    let (about, described) = api::routes_about_itself().merge(health::routes()).split_for_parts();
    let mut openapi = Description::openapi();
    openapi.merge(described);
    complete(&mut openapi);
    (about.route_layer(CatchPanicLayer::custom(panicked)), openapi)
}

/// `/openapi.json`, and `/docs` with everything it needs from the binary.
pub(crate) fn pages(openapi: OpenApi) -> Router<App> {
    let config = Config::default().validator_url("none");
    SwaggerUi::new("/docs").url("/openapi.json", openapi).config(config).into()
}

/// The description of the API, as `/openapi.json` has it.
#[must_use]
pub fn openapi_json() -> String {
    documented_routes().1.to_pretty_json().unwrap_or_default()
}

/// By route: a path may hold anything, and is not logged.
fn span(request: &Request) -> tracing::Span {
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    tracing::debug_span!("request", method = %request.method(), route)
}

/// The panic's text may hold anything, so it goes to the panic hook only.
fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    tracing::error!("a handler panicked");
    Problem::internal().into_response()
}

/// Adds what is the same for every operation, so that none can forget it.
fn complete(openapi: &mut OpenApi) {
    let components = openapi.components.get_or_insert_default();
    for (name, scheme) in [(API_KEY_SCHEME, HttpAuthScheme::Bearer), (MARQETA_SCHEME, HttpAuthScheme::Basic)]
    {
        let scheme = HttpBuilder::new().scheme(scheme).build();
        components.add_security_scheme(name, SecurityScheme::Http(scheme));
    }
    for (path, item) in &mut openapi.paths.paths {
        if path.starts_with("/v1/") {
            complete_item(path, item);
        }
    }
}

fn complete_item(path: &str, item: &mut PathItem) {
    let on_object = if path.contains('{') { EVERY_OBJECT } else { &[] };
    if let Some(read) = &mut item.get {
        complete_operation(read, EVERY_OPERATION.iter().chain(on_object));
    }
    if let Some(delete) = &mut item.delete {
        complete_operation(delete, EVERY_OPERATION.iter().chain(on_object));
    }
    if let Some(write) = &mut item.put {
        complete_operation(write, EVERY_OPERATION.iter().chain(on_object).chain(EVERY_PUT));
    }
    if let Some(write) = &mut item.post {
        complete_operation(write, EVERY_OPERATION.iter().chain(EVERY_POST));
        let key = ParameterBuilder::new()
            .name(idempotency::HEADER)
            .parameter_in(ParameterIn::Header)
            .required(Required::True)
            .description(Some("New for each new request: 1 to 255 visible ASCII characters"))
            .schema(Some(ObjectBuilder::new().schema_type(Type::String).max_length(Some(255))))
            .build();
        write.parameters.get_or_insert_default().push(key.into());
    }
}

fn complete_operation<'a>(operation: &mut Operation, problems: impl Iterator<Item = &'a (&'a str, &'a str)>) {
    operation.security = Some(vec![SecurityRequirement::new::<_, [&str; 0], &str>(API_KEY_SCHEME, [])]);
    let media_type = PROBLEM_JSON.to_str().unwrap_or_default().to_owned();
    for (status, description) in problems {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(ProblemView::name()))).build();
        let response = ResponseBuilder::new().description(*description).content(media_type.clone(), content);
        let declared = &mut operation.responses.responses;
        declared.entry((*status).to_owned()).or_insert_with(|| response.build().into());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use tower::ServiceExt;

    use super::*;

    /// The description as it was last agreed on.
    const AGREED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");

    fn operations() -> Vec<(String, String, Value)> {
        let openapi: Value = serde_json::from_str(&openapi_json()).expect("the description is JSON");
        let paths = openapi["paths"].as_object().expect("there are paths").clone();
        let mut operations = Vec::new();
        for (path, item) in paths {
            for (method, operation) in item.as_object().expect("a path has operations") {
                operations.push((method.clone(), path.clone(), operation.clone()));
            }
        }
        operations
    }

    #[test]
    fn the_description_is_the_agreed_one() -> std::io::Result<()> {
        let described = openapi_json() + "\n";
        if std::env::var_os("UPDATE_OPENAPI").is_some() {
            std::fs::write(AGREED, &described)?;
        }
        let agreed = std::fs::read_to_string(AGREED).unwrap_or_default();
        assert!(
            described == agreed,
            "the API changed; if it should, run UPDATE_OPENAPI=1 cargo test -p bursar-server and look at the \
             difference of {AGREED}"
        );
        Ok(())
    }

    #[test]
    fn every_operation_of_v1_needs_the_key_and_declares_its_problems() {
        let mut seen = 0;
        for (method, path, operation) in operations() {
            if !path.starts_with("/v1/") {
                continue;
            }
            seen += 1;
            assert!(operation["security"][0].get(API_KEY_SCHEME).is_some(), "{method} {path}");
            for status in ["400", "401", "503"] {
                let content = &operation["responses"][status]["content"]["application/problem+json"];
                assert_eq!(
                    content["schema"]["$ref"], "#/components/schemas/Problem",
                    "{method} {path} {status}"
                );
            }
        }
        assert!(seen > 20, "{seen}");
    }

    #[test]
    fn every_post_of_v1_lists_its_idempotency_key() {
        for (method, path, operation) in operations() {
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let has_key = parameters
                .iter()
                .any(|parameter| parameter["name"] == idempotency::HEADER && parameter["required"] == true);
            assert_eq!(has_key, method == "post" && path.starts_with("/v1/"), "{method} {path}");
        }
    }

    #[test]
    fn a_processor_s_call_needs_its_own_credentials_and_no_key() {
        let of_processors = |(_, path, _): &(String, String, Value)| path.starts_with("/jit/");
        let (_, _, operation) = operations().into_iter().find(of_processors).expect("it is described");
        assert!(operation["security"][0].get(MARQETA_SCHEME).is_some(), "{operation}");
        assert!(operation["responses"].get("402").is_some(), "{operation}");
    }

    #[tokio::test]
    async fn a_panic_is_answered_with_a_problem() -> Result<(), Box<dyn std::error::Error>> {
        let handler = || async {
            if AGREED.is_empty() {
                return "unreachable";
            }
            panic!("of this handler")
        };
        let routes = Router::<()>::new()
            .route("/", axum::routing::get(handler))
            .route_layer(CatchPanicLayer::custom(panicked));
        let response = routes.oneshot(axum::extract::Request::new(axum::body::Body::empty())).await?;
        assert_eq!(response.status(), 500);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        Ok(())
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let text = openapi_json();
        let openapi: Value = serde_json::from_str(&text).expect("the description is JSON");
        for reference in text.split("\"#/components/schemas/").skip(1) {
            let name = reference.split('"').next().unwrap_or_default();
            assert!(openapi["components"]["schemas"].get(name).is_some(), "{name}");
        }
    }
}
