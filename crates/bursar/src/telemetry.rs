//! Logs: to standard error, as text or JSON.

use std::io::IsTerminal;

use tracing::Level;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::Failure;

/// Starts the logs. `RUST_LOG` outranks the level, unless it is empty. What the migrations say at
/// each first start is no news to an operator; what the driver of PostgreSQL says of each statement
/// are its values, which no log may hold, whoever asks.
///
/// # Errors
/// `RUST_LOG` cannot be read: a mistyped one would silence every warning.
pub(crate) fn start(level: &str, json: bool) -> Result<(), Failure> {
    let asked = std::env::var("RUST_LOG").ok().filter(|asked| !asked.trim().is_empty());
    let filter = match asked {
        None => EnvFilter::new(format!("{level},refinery_core=warn")),
        Some(asked) => parse(&asked)?,
    };
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    let builder = builder.with_ansi(std::io::stderr().is_terminal());
    let may_say = filter_fn(|of| may_say(of.target(), *of.level()));
    // A second start, by a test, changes nothing.
    let _ = match json {
        true => builder.json().finish().with(may_say).try_init(),
        false => builder.finish().with(may_say).try_init(),
    };
    Ok(())
}

/// What some crates say has more in it than a log may have. Beside the filter, for in a filter a longer name outranks a shorter one, and `tokio_postgres::query` can be
/// asked for.
fn may_say(target: &str, level: Level) -> bool {
    match target.split("::").next() {
        Some("tokio_postgres") => level <= Level::WARN,
        // Its warnings have whole messages in them.
        Some("lapin") => level <= Level::ERROR,
        _ => true,
    }
}

/// A word alone is read as the name of a module, so a mistyped level would be one.
fn parse(asked: &str) -> Result<EnvFilter, Failure> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let is_word = |part: &str| part.chars().all(|c| c.is_ascii_alphabetic());
    let mistyped = asked
        .split(',')
        .map(str::trim)
        .find(|part| is_word(part) && !LEVELS.iter().any(|level| part.eq_ignore_ascii_case(level)));
    let problem = match (mistyped, asked.parse::<EnvFilter>()) {
        (None, Ok(filter)) => return Ok(filter),
        (Some(word), _) => format!("{word:?} is no level"),
        (None, Err(error)) => error.to_string(),
    };
    Err(format!("RUST_LOG = {asked:?}: {problem}; give one of {}, or unset it", LEVELS.join(", ")).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_level_is_refused_and_not_taken_for_a_module() {
        for asked in ["info", "WARN", "debug,hyper=info", "bursar_authorizer=trace"] {
            assert!(parse(asked).is_ok(), "{asked}");
        }
        for asked in ["loud", "info,loud", "debug,foo==", ""] {
            let refused = parse(asked).err().map(|error| error.to_string());
            assert!(
                refused.is_some_and(|text| text.contains("RUST_LOG") && text.contains("debug")),
                "{asked}"
            );
        }
    }
}
