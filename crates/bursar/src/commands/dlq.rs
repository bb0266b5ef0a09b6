//! `bursar dlq`: dead letters of a running server, by its HTTP interface.

use std::fmt::Write;
use std::process::ExitCode;
use std::time::Duration;

use bursar_http_client::{HttpClient, with_causes};
use bytes::Bytes;
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use http::header::CONTENT_TYPE;
use http::request::Builder;
use http::{Request, StatusCode};
use secrecy::SecretString;
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use crate::cli::{Dlq, DlqCommand, Letters};
use crate::{Failure, credentials, wiring};

/// How long an answer is waited for: a page of replays is a few seconds' work.
const ANSWER_MAX: Duration = Duration::from_secs(120);

/// Asks the server, and prints what it says. Fails where a letter that was to be replayed was not.
pub(crate) fn dlq(arguments: &Dlq) -> Result<ExitCode, Failure> {
    let named =
        |error: credentials::Error| format!("{}; name another file with --credentials", with_causes(&error));
    let credentials = credentials::load(&arguments.credentials).map_err(named)?;
    let server = Server {
        url: arguments.url.clone(),
        api_key: credentials.api_key,
        http: HttpClient::to(arguments.url.as_str())?,
    };
    let answer = wiring::runtime()?.block_on(server.ask(&arguments.what))?;
    let text = match arguments.json {
        true => answer.to_string(),
        false => describe(&arguments.what, &answer),
    };
    super::print(&text)?;
    let has_problem = replays(&answer).iter().any(|item| !item["problem"].is_null());
    Ok(if has_problem { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

struct Server {
    url: Url,
    api_key: SecretString,
    http: HttpClient,
}

impl Server {
    async fn ask(&self, what: &DlqCommand) -> Result<Value, Failure> {
        match what {
            DlqCommand::List { letters, state, limit, after } => {
                let mut query = filter(letters);
                query.push(("limit", limit.to_string()));
                query.extend(state.clone().map(|state| ("state", state)));
                query.extend(after.clone().map(|after| ("after", after)));
                let mut url = self.route("");
                url.query_pairs_mut().extend_pairs(query);
                self.answered(Request::get(url.as_str()), Bytes::new()).await
            }
            DlqCommand::Show { id } => {
                self.answered(Request::get(self.route(&format!("/{id}")).as_str()), Bytes::new()).await
            }
            DlqCommand::Replay { id: Some(id), dry_run, .. } => {
                self.post(&format!("/{id}/replays"), &json!({"dry_run": dry_run})).await
            }
            DlqCommand::Replay { id: None, letters, dry_run, .. } => {
                let mut body = json!({"dry_run": dry_run});
                for (name, value) in filter(letters) {
                    body[name] = value.into();
                }
                self.replay_all(body).await
            }
            DlqCommand::Discard { id, reason } => {
                self.post(&format!("/{id}/discards"), &json!({"reason": reason})).await
            }
        }
    }

    /// Page after page.
    async fn replay_all(&self, mut body: Value) -> Result<Value, Failure> {
        let mut items = Vec::new();
        loop {
            let page = self.post("/replays", &body).await?;
            items.extend(page["items"].as_array().into_iter().flatten().cloned());
            match page["next"].as_str() {
                Some(next) => body["after"] = next.into(),
                None => return Ok(json!({"dry_run": body["dry_run"], "items": items})),
            }
        }
    }

    fn route(&self, path: &str) -> Url {
        let mut url = self.url.clone();
        url.set_path(&format!("/v1/dead-letters{path}"));
        url
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        let request = Request::post(self.route(path).as_str()).header(CONTENT_TYPE, "application/json");
        let request = request.header("Idempotency-Key", Uuid::new_v4().to_string());
        self.answered(request, body.to_string().into()).await
    }

    /// The answer, or the problem in the server's words.
    async fn answered(&self, request: Builder, body: Bytes) -> Result<Value, Failure> {
        let request = super::authorized(request, &self.api_key).body(body)?;
        let sent = self.http.send(request, ANSWER_MAX).await;
        let sent = sent.map_err(|why| format!("{why}; name the running server with --url"))?;
        let status = sent.status;
        let answer: Value = serde_json::from_slice(&sent.body).map_err(|_| {
            format!("{} answers {status}, which is no answer of Bursar: is something else there?", self.url)
        })?;
        match status {
            StatusCode::OK => Ok(answer),
            _ => Err(format!("the server answers {status}: {}", text(&answer, "detail")).into()),
        }
    }
}

fn filter(letters: &Letters) -> Vec<(&'static str, String)> {
    let Letters { queue, kind, because, from, to } = letters;
    let all = [("queue", queue), ("kind", kind), ("reason", because), ("from", from), ("to", to)];
    all.into_iter().filter_map(|(name, value)| value.clone().map(|value| (name, value))).collect()
}

fn describe(what: &DlqCommand, answer: &Value) -> String {
    match what {
        DlqCommand::List { .. } => table(answer),
        DlqCommand::Show { .. } => in_full(answer),
        DlqCommand::Replay { dry_run, .. } => replayed(answer, *dry_run),
        DlqCommand::Discard { id, .. } => format!("dead letter {id} is {}", text(answer, "state")),
    }
}

fn table(answer: &Value) -> String {
    let letters = answer["items"].as_array().map_or(&[][..], Vec::as_slice);
    if letters.is_empty() {
        return "no dead letters".to_owned();
    }
    let mut table = Table::new();
    table.load_style(NOTHING).set_header([
        "id",
        "died at",
        "queue",
        "kind",
        "reason",
        "deaths",
        "last error",
    ]);
    for letter in letters {
        let names = ["id", "died_at", "queue", "kind", "reason", "deaths", "error_last"];
        table.add_row(names.map(|name| text(letter, name)));
    }
    match answer["next"].as_str() {
        Some(next) => format!("{table}\nthere are more: --after {next}"),
        None => table.to_string(),
    }
}

fn in_full(letter: &Value) -> String {
    let fields = letter.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    fields.fold(String::new(), |mut text, (name, value)| {
        let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let _ = writeln!(text, "{name:>18}  {shown}");
        text
    })
}

/// What was to be replayed: one letter, or several.
fn replays(answer: &Value) -> Vec<&Value> {
    match answer["items"].as_array() {
        Some(items) => items.iter().collect(),
        None => vec![answer],
    }
}

fn replayed(answer: &Value, is_dry: bool) -> String {
    let items = replays(answer);
    let mut lines = String::new();
    for item in &items {
        let became = match (item["is_replayed"].as_bool(), item["problem"].as_str()) {
            (_, Some(problem)) => format!("not replayed: {problem}"),
            (Some(true), _) => "replayed".to_owned(),
            _ if is_dry => "to be replayed".to_owned(),
            _ => "not replayed".to_owned(),
        };
        let _ = writeln!(
            lines,
            "{} of {}: {became}; {}",
            text(item, "id"),
            text(item, "queue"),
            text(&item["effect"], "what")
        );
        for change in item["effect"]["changes"].as_array().into_iter().flatten() {
            let _ = writeln!(lines, "    {}: {}", text(change, "owner"), change["command"]);
        }
    }
    match items.len() {
        1 => lines.trim_end().to_owned(),
        count => format!("{lines}{count} letters"),
    }
}

fn text(of: &Value, name: &str) -> String {
    match &of[name] {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    }
}
