//! The client: `wrk` from Debian, closed loop, each request a new transaction.

use std::time::Duration;

use tokio::process::Command;

use crate::Error;

/// What a load is aimed at.
#[derive(Clone, Default)]
pub(crate) struct Target {
    pub(crate) url: String,
    pub(crate) authorization: String,
    /// Card and user tokens to choose from.
    pub(crate) cards: Vec<(String, String)>,
    /// What there is to read: what it is, and its path.
    pub(crate) readable: Vec<(&'static str, String)>,
}

/// What a load showed.
#[derive(Clone)]
pub(crate) struct Load {
    pub(crate) per_second: f64,
    pub(crate) p50: String,
    pub(crate) p99: String,
    /// Answers that were neither approved nor declined, and broken connections.
    pub(crate) errors: u64,
}

/// Runs the load for so long.
pub(crate) async fn run(target: &Target, connections: u32, time: Duration) -> Result<Load, Error> {
    let script = tempfile::Builder::new().suffix(".lua").tempfile()?;
    std::fs::write(script.path(), lua(target))?;
    let output = Command::new("wrk")
        .args(["--threads", "1", "--latency", "--connections", &connections.to_string()])
        .args(["--duration", &format!("{}s", time.as_secs()), "--script"])
        .arg(script.path())
        .arg(&target.url)
        .output()
        .await
        .map_err(|error| format!("wrk cannot be started ({error}); install it with: apt-get install wrk"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    parse(&text).ok_or_else(|| format!("wrk printed no figures:\n{text}").into())
}

/// Every request has a random token, as processors' are, and one of the cards.
fn lua(target: &Target) -> String {
    let cards: Vec<String> =
        target.cards.iter().map(|(card, user)| format!("{{\"{card}\",\"{user}\"}}")).collect();
    let body = include_str!("authorization.json").replace('\n', "");
    format!(
        r#"
local cards = {{{cards}}}
local head, middle, tail = [==[{head}]==], [==[{middle}]==], [==[{tail}]==]
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "{authorization}"
math.randomseed(os.time())
local random, format = math.random, string.format
function request()
  local card = cards[random(#cards)]
  local token = format("%08x-%04x-4%03x-a%03x-%06x%06x", random(0, 4294967295), random(0, 65535), random(0, 4095),
    random(0, 4095), random(0, 16777215), random(0, 16777215))
  local ids = format('"token":"%s","user_token":"%s","acting_user_token":"%s","card_token":"%s",',
    token, card[2], card[2], card[1])
  local jit = format('"token":"j%s","user_token":"%s","acting_user_token":"%s",', token:sub(2), card[2], card[2])
  return wrk.format(nil, nil, nil, head .. ids .. middle .. jit .. tail)
end
"#,
        cards = cards.join(","),
        head = part(&body, 0),
        middle = part(&body, 1),
        tail = part(&body, 2),
        authorization = target.authorization,
    )
}

/// The body has two places for tokens, marked with `@`.
fn part(body: &str, index: usize) -> &str {
    body.split('@').nth(index).unwrap_or_default()
}

fn parse(text: &str) -> Option<Load> {
    let after = |label: &str| {
        let line = text.lines().find(|line| line.trim_start().starts_with(label))?;
        Some(line.trim_start().strip_prefix(label)?.trim().to_owned())
    };
    let count = |label: &str| -> u64 {
        let line = text.lines().find(|line| line.contains(label)).unwrap_or_default();
        line.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse::<u64>().ok()).sum()
    };
    Some(Load {
        per_second: after("Requests/sec:")?.parse().ok()?,
        p50: after("50%")?,
        p99: after("99%")?,
        // wrk counts every answer above 399, declines among them; the target's books tell those apart.
        errors: count("Socket errors:"),
    })
}
