//! Which crate may use which: arrows point down only.

use std::process::Command;

use serde_json::Value;

use crate::Error;
use crate::say::say;

/// One crate and the workspace crates that it may use.
struct Layer {
    name: &'static str,
    /// In its library or binary, and in its build script.
    uses: &'static [&'static str],
    /// Also in its tests; [`TESTKIT`] is always allowed there.
    tests_use: &'static [&'static str],
}

/// Only ever used by tests.
const TESTKIT: &str = "bursar-testkit";

/// The whole rule, top first. Only `bursar` and the tests name an adapter.
const LAYERS: &[Layer] = &[
    Layer {
        name: "bursar",
        uses: &[
            "bursar-authorizer",
            "bursar-broker",
            "bursar-broker-rabbitmq",
            "bursar-broker-sqlite",
            "bursar-cache",
            "bursar-cache-redis",
            "bursar-core",
            "bursar-documents",
            "bursar-documents-mongodb",
            "bursar-documents-sqlite",
            "bursar-http-client",
            "bursar-marqeta-client",
            "bursar-processors",
            "bursar-server",
            "bursar-simulator",
            "bursar-store",
            "bursar-store-postgres",
            "bursar-store-sqlite",
        ],
        tests_use: &[],
    },
    Layer { name: "bursar-simulator", uses: &["bursar-core", "bursar-http-client"], tests_use: &[] },
    Layer {
        name: "bursar-server",
        uses: &[
            "bursar-authorizer",
            "bursar-broker",
            "bursar-cache",
            "bursar-core",
            "bursar-documents",
            "bursar-processors",
            "bursar-store",
            "bursar-webhook-client",
        ],
        tests_use: &[],
    },
    Layer {
        name: "bursar-marqeta-client",
        uses: &["bursar-core", "bursar-http-client", "bursar-processors"],
        tests_use: &[],
    },
    Layer { name: "bursar-webhook-client", uses: &["bursar-http-client"], tests_use: &[] },
    Layer { name: "bursar-http-client", uses: &[], tests_use: &[] },
    Layer { name: "bursar-processors", uses: &["bursar-core"], tests_use: &[] },
    Layer {
        name: "bursar-authorizer",
        uses: &["bursar-cache", "bursar-core", "bursar-store"],
        tests_use: &["bursar-store-postgres"],
    },
    Layer { name: "bursar-cache-redis", uses: &["bursar-cache"], tests_use: &["bursar-core"] },
    // Itself: with the contract, which it passes in process.
    Layer { name: "bursar-cache", uses: &["bursar-core"], tests_use: &["bursar-cache"] },
    Layer { name: "bursar-broker-rabbitmq", uses: &["bursar-broker"], tests_use: &[] },
    Layer { name: "bursar-broker-sqlite", uses: &["bursar-broker"], tests_use: &[] },
    Layer { name: "bursar-broker", uses: &[], tests_use: &[] },
    Layer { name: "bursar-documents-mongodb", uses: &["bursar-core", "bursar-documents"], tests_use: &[] },
    Layer { name: "bursar-documents-sqlite", uses: &["bursar-core", "bursar-documents"], tests_use: &[] },
    Layer { name: "bursar-documents", uses: &["bursar-core"], tests_use: &[] },
    Layer { name: "bursar-store-postgres", uses: &["bursar-core", "bursar-store"], tests_use: &[] },
    Layer { name: "bursar-store-sqlite", uses: &["bursar-core", "bursar-store"], tests_use: &[] },
    Layer { name: "bursar-store", uses: &["bursar-core"], tests_use: &[] },
    Layer { name: "bursar-core", uses: &[], tests_use: &[] },
    Layer {
        name: TESTKIT,
        uses: &[
            "bursar-authorizer",
            "bursar-broker",
            "bursar-broker-rabbitmq",
            "bursar-broker-sqlite",
            "bursar-cache",
            "bursar-cache-redis",
            "bursar-core",
            "bursar-documents",
            "bursar-documents-mongodb",
            "bursar-documents-sqlite",
            "bursar-http-client",
            "bursar-processors",
            "bursar-server",
            "bursar-services",
            "bursar-store",
            "bursar-store-postgres",
            "bursar-store-sqlite",
        ],
        tests_use: &[],
    },
    Layer { name: "bursar-services", uses: &[], tests_use: &[] },
    Layer {
        name: "bursar-bench",
        uses: &["bursar-core", "bursar-http-client", "bursar-processors", "bursar-services"],
        tests_use: &[],
    },
    Layer { name: "xtask", uses: &["bursar-services"], tests_use: &[] },
];

/// Checks the workspace.
///
/// # Errors
/// Every arrow that the table does not allow and every crate that it does not name, a line each.
pub(crate) fn run() -> Result<(), Error> {
    let violations = violations(&metadata()?);
    if violations.is_empty() {
        say(format_args!("{} crates, every arrow points down", LAYERS.len()));
        return Ok(());
    }
    Err(format!("{}\nthe rule is the table in xtask/src/layers.rs", violations.join("\n")))
}

fn metadata() -> Result<Value, Error> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .output()
        .map_err(|error| format!("cannot run cargo metadata: {error}"))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata cannot be read: {error}"))
}

/// What `cargo metadata` shows against the table, a line each.
fn violations(metadata: &Value) -> Vec<String> {
    let packages = list(&metadata["packages"]);
    let members: Vec<&str> = packages.iter().map(|package| text(&package["name"])).collect();
    let gone = LAYERS
        .iter()
        .filter(|layer| !members.contains(&layer.name))
        .map(|layer| format!("{} is in the table but not in the workspace: remove its row", layer.name));
    packages.iter().flat_map(|package| violations_of(package, &members)).chain(gone).collect()
}

fn violations_of(package: &Value, members: &[&str]) -> Vec<String> {
    let name = text(&package["name"]);
    let Some(layer) = LAYERS.iter().find(|layer| layer.name == name) else {
        return vec![format!("{name} is not in the table: add a row that says what it may use")];
    };
    list(&package["dependencies"])
        .iter()
        .filter(|dependency| members.contains(&text(&dependency["name"])))
        .filter_map(|dependency| layer.violation(text(&dependency["name"]), text(&dependency["kind"])))
        .collect()
}

impl Layer {
    /// Why the arrow is forbidden, if it is. The kind is cargo's: nothing, `build` or `dev`.
    fn violation(&self, to: &str, kind: &str) -> Option<String> {
        if self.uses.contains(&to) {
            return None;
        }
        let (where_used, allowed) = match kind {
            "dev" if to == TESTKIT || self.tests_use.contains(&to) => return None,
            "dev" => ("its tests", [self.uses, self.tests_use, &[TESTKIT]].concat().join(", ")),
            _ if self.uses.is_empty() => ("it", "no other crate of the workspace".to_owned()),
            _ => ("it", self.uses.join(", ")),
        };
        Some(format!("{} must not depend on {to}: {where_used} may use {allowed}", self.name))
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A workspace of every crate in the table and no arrows, but for one crate's.
    fn workspace(name: &str, dependencies: &Value) -> Value {
        let packages: Vec<Value> = LAYERS
            .iter()
            .map(|layer| match layer.name == name {
                true => json!({"name": layer.name, "dependencies": dependencies}),
                false => json!({"name": layer.name, "dependencies": []}),
            })
            .collect();
        json!({ "packages": packages })
    }

    #[test]
    fn a_forbidden_arrow_names_both_crates_and_the_rule() {
        let upwards = json!([{"name": "bursar-store-sqlite", "kind": null}]);
        assert_eq!(
            violations(&workspace("bursar-server", &upwards)),
            [
                "bursar-server must not depend on bursar-store-sqlite: it may use bursar-authorizer, bursar-broker, \
                 bursar-cache, bursar-core, bursar-documents, bursar-processors, bursar-store, bursar-webhook-client"
            ]
        );
    }

    #[test]
    fn an_arrow_that_a_feature_turns_on_is_one() {
        let optional = json!([{"name": "bursar-store-postgres", "kind": null, "optional": true}]);
        assert_eq!(violations(&workspace("bursar", &optional)), Vec::<String>::new());
        assert_eq!(violations(&workspace("bursar-server", &optional)).len(), 1);
    }

    #[test]
    fn a_build_script_has_the_rule_of_its_crate() {
        let upwards = json!([{"name": "bursar-store", "kind": "build"}]);
        assert_eq!(
            violations(&workspace("bursar-core", &upwards)),
            ["bursar-core must not depend on bursar-store: it may use no other crate of the workspace"]
        );
    }

    #[test]
    fn the_testkit_is_for_tests_of_every_crate_and_for_nothing_else() {
        for layer in LAYERS {
            let in_tests = json!([{"name": TESTKIT, "kind": "dev"}]);
            assert_eq!(violations(&workspace(layer.name, &in_tests)), Vec::<String>::new());
            let in_code = json!([{"name": TESTKIT, "kind": null}]);
            assert_eq!(violations(&workspace(layer.name, &in_code)).len(), 1, "{}", layer.name);
        }
    }

    #[test]
    fn tests_may_not_reach_upwards_either() {
        let upwards = json!([{"name": "bursar-server", "kind": "dev"}]);
        assert_eq!(
            violations(&workspace("bursar-store", &upwards)),
            ["bursar-store must not depend on bursar-server: its tests may use bursar-core, bursar-testkit"]
        );
    }

    #[test]
    fn an_unknown_crate_is_found() {
        let mut metadata = workspace("", &json!([]));
        metadata["packages"]
            .as_array_mut()
            .expect("a list")
            .push(json!({"name": "bursar-new", "dependencies": []}));
        assert_eq!(
            violations(&metadata),
            ["bursar-new is not in the table: add a row that says what it may use"]
        );
    }

    #[test]
    fn a_row_without_a_crate_is_found() {
        let mut metadata = workspace("", &json!([]));
        metadata["packages"].as_array_mut().expect("a list").retain(|package| package["name"] != "xtask");
        assert_eq!(violations(&metadata), ["xtask is in the table but not in the workspace: remove its row"]);
    }

    #[test]
    fn crates_from_outside_the_workspace_are_not_our_business() {
        let outside = json!([{"name": "serde", "kind": null}]);
        assert_eq!(violations(&workspace("bursar-core", &outside)), Vec::<String>::new());
    }
}
