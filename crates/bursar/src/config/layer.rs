//! The sources of settings, one above the other, each checked by itself before they are merged.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use config::{ConfigError, Map, Source, Value, ValueKind};

use super::nearest::nearest;
use super::problem::{Problem, Problems, located};
use super::{Sources, read};

const DEFAULTS: &str = include_str!("../../../../config/default.toml");

/// What a variable of the environment begins with to be a setting.
const PREFIX: &str = "BURSAR__";

/// The values of one source, by key.
#[derive(Debug, Clone, Default)]
struct Layer(BTreeMap<String, Value>);

/// All sources, lowest first. Only known keys with values of the right type are in them.
#[derive(Debug)]
pub(super) struct Layers(Vec<Layer>);

impl Layers {
    /// Reads every source, and everything that is wrong with its names and types.
    pub(super) fn read(sources: &Sources) -> (Self, Problems) {
        let mut check = Check { defaults: Layer::of_defaults(), problems: Problems::default() };
        let mut layers = vec![check.defaults.clone()];
        layers.extend(sources.file.as_deref().map(|file| check.file(file)));
        layers.push(check.environment(&sources.environment));
        layers.push(check.command_line(&sources.overrides));
        (Self(layers), check.problems)
    }

    /// One tree; the values keep their origins.
    pub(super) fn merged(self) -> Value {
        let builder =
            self.0.into_iter().fold(config::Config::builder(), |builder, layer| builder.add_source(layer));
        builder.build().expect("layers are maps in memory and cannot fail").cache
    }
}

/// Every key, in the order of its name.
#[cfg(test)]
pub(super) fn keys() -> Vec<String> {
    Layer::of_defaults().0.into_keys().collect()
}

/// The text of the defaults.
#[cfg(test)]
pub(super) fn defaults() -> &'static str {
    DEFAULTS
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        Ok(self.0.clone().into_iter().collect())
    }
}

impl Layer {
    fn of_defaults() -> Self {
        let table = DEFAULTS.parse().expect("the embedded defaults are TOML: a test reads them");
        let mut layer = Self::default();
        layer.add(None, table, &"default".to_owned());
        layer
    }

    /// Adds a table, flat. What is not a table is a value, and so is an empty table: it may have a
    /// name that nobody knows.
    fn add(&mut self, section: Option<&str>, table: toml::Table, origin: &String) {
        for (name, value) in table {
            let key = section.map_or_else(|| name.clone(), |section| format!("{section}.{name}"));
            match value {
                toml::Value::Table(table) if !table.is_empty() => self.add(Some(&key), table, origin),
                value => {
                    self.0.insert(key, Value::new(Some(origin), kind(value)));
                }
            }
        }
    }
}

fn kind(value: toml::Value) -> ValueKind {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(yes) => yes.into(),
        toml::Value::Datetime(time) => time.to_string().into(),
        // Never right here, so their contents do not matter.
        toml::Value::Array(_) => Vec::<Value>::new().into(),
        toml::Value::Table(_) => Map::<String, Value>::new().into(),
    }
}

/// Reads sources and collects what is wrong.
struct Check {
    defaults: Layer,
    problems: Problems,
}

impl Check {
    fn file(&mut self, path: &Path) -> Layer {
        let origin = format!("file {}", path.display());
        let read = std::fs::read_to_string(path).map_err(|error| {
            let what = format!("cannot be read: {error}");
            (what, "check the path given by --config or BURSAR_CONFIG")
        });
        let table = read.and_then(|text| {
            text.parse::<toml::Table>()
                .map_err(|error| (format!("is not TOML: {}", located(&text, &error)), "correct it"))
        });
        let mut layer = Layer::default();
        match table {
            Ok(table) => layer.add(None, table, &origin),
            Err((what, remedy)) => self.problem("", &origin, what, remedy.to_owned()),
        }
        // An empty section sets nothing, and is known by its first key.
        layer.0.retain(|key, value| match &value.kind {
            ValueKind::Table(_) => !self.is_section(key),
            _ => true,
        });
        self.known(layer, |key| key.to_owned())
    }

    fn environment(&mut self, variables: &[(OsString, OsString)]) -> Layer {
        let mut layer = Layer::default();
        for (variable, value) in variables {
            let Some(name) = setting(variable) else { continue };
            let origin = format!("environment variable {PREFIX}{name}");
            let key = name.to_lowercase().replace("__", ".");
            match value.to_str() {
                // Names are upper case, so that two spellings cannot give one setting two values.
                _ if name != name.to_uppercase() => self.unknown(&key, &origin, variable_of),
                None => self.problem(&key, &origin, "is not UTF-8".to_owned(), "give it as text".to_owned()),
                Some(text) => {
                    layer.0.insert(key, Value::new(Some(&origin), text));
                }
            }
        }
        self.typed(layer, variable_of)
    }

    fn command_line(&mut self, overrides: &[(String, String)]) -> Layer {
        let origin = "command line".to_owned();
        let value = |(key, text): &(String, String)| (key.clone(), Value::new(Some(&origin), text.as_str()));
        self.typed(Layer(overrides.iter().map(value).collect()), |key| key.to_owned())
    }

    /// Gives the texts of a layer the types of the defaults.
    fn typed(&mut self, mut layer: Layer, spell: fn(&str) -> String) -> Layer {
        for (key, value) in &mut layer.0 {
            let wanted = self.defaults.0.get(key).map(|default| &default.kind);
            if let (Some(ValueKind::I64(_)), ValueKind::String(text)) = (wanted, &value.kind)
                && let Ok(number) = text.trim().parse::<i64>()
            {
                value.kind = number.into();
            }
        }
        self.known(layer, spell)
    }

    /// What is left of a layer without unknown keys and wrong types.
    fn known(&mut self, layer: Layer, spell: fn(&str) -> String) -> Layer {
        let mut known = Layer::default();
        for (key, value) in layer.0 {
            let origin = value.origin().unwrap_or_default().to_owned();
            match self.defaults.0.get(&key).map(|default| default.kind.clone()) {
                None => self.unknown(&key, &origin, spell),
                Some(default) if std::mem::discriminant(&default) != std::mem::discriminant(&value.kind) => {
                    let what = format!("is {}", read::shown(&value.kind));
                    self.problem(&key, &origin, what, format!("give {}", wanted(&default)));
                }
                Some(_) => {
                    known.0.insert(key, value);
                }
            }
        }
        known
    }

    /// A name that no setting has, and the setting that it was probably meant to be, as it is
    /// spelled in this source.
    fn unknown(&mut self, key: &str, origin: &str, spell: fn(&str) -> String) {
        let known = self.defaults.0.keys().map(String::as_str);
        let (what, remedy) = match nearest(key, known) {
            _ if self.is_section(key) => ("is a section, not a setting", "set the settings in it".to_owned()),
            Some(nearest) => ("is unknown", format!("did you mean {}?", spell(nearest))),
            None => ("is unknown", "remove it; `bursar config` lists every setting".to_owned()),
        };
        self.problem(key, origin, what.to_owned(), remedy);
    }

    fn is_section(&self, key: &str) -> bool {
        let mut known = self.defaults.0.keys();
        known.any(|known| known.strip_prefix(key).is_some_and(|rest| rest.starts_with('.')))
    }

    fn problem(&mut self, key: &str, origin: &str, what: String, remedy: String) {
        self.problems.push(Problem { key: key.to_owned(), origin: origin.to_owned(), what, remedy });
    }
}

/// The name of a variable without the prefix, if it is meant for a setting.
fn setting(variable: &OsStr) -> Option<String> {
    let variable = variable.to_string_lossy();
    variable.strip_prefix(PREFIX).map(str::to_owned)
}

/// How a key is spelled in the environment.
fn variable_of(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "__").to_uppercase())
}

fn wanted(default: &ValueKind) -> &'static str {
    match default {
        ValueKind::I64(_) => "a whole number",
        _ => "a text in quotes",
    }
}
