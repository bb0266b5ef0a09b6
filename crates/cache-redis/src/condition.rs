//! How the server is, in its own figures (`INFO`).

use bursar_cache::Condition;
use redis::Value;

/// Reads what a server says of itself, or each node of a cluster: then the sums.
pub(crate) fn read(said: &Value) -> Condition {
    let mut texts = Vec::new();
    collect(said, &mut texts);
    let sum = |field: &str| {
        let found: Vec<u64> = texts.iter().filter_map(|text| find(text, field)?.parse().ok()).collect();
        (!found.is_empty()).then(|| found.into_iter().fold(0, u64::saturating_add))
    };
    let keys = texts.iter().flat_map(|text| text.lines()).filter_map(keys_of).reduce(u64::saturating_add);
    Condition {
        memory_bytes: sum("used_memory"),
        memory_max_bytes: sum("maxmemory").filter(|most| *most > 0),
        keys: Some(keys.unwrap_or(0)),
        evicted: sum("evicted_keys"),
        clients: sum("connected_clients"),
        hits: sum("keyspace_hits"),
        misses: sum("keyspace_misses"),
    }
}

fn collect(said: &Value, texts: &mut Vec<String>) {
    match said {
        Value::BulkString(bytes) => texts.push(String::from_utf8_lossy(bytes).into_owned()),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => texts.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| collect(value, texts)),
        Value::Map(pairs) => pairs.iter().for_each(|(_, value)| collect(value, texts)),
        _ => {}
    }
}

fn find<'a>(text: &'a str, field: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')).map(str::trim_end)
}

/// Of a line like `db0:keys=12,expires=12,avg_ttl=0`.
fn keys_of(line: &str) -> Option<u64> {
    let (database, about) = line.split_once(":keys=")?;
    database.starts_with("db").then(|| about.split(',').next()?.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_of_nodes_are_added_up_and_what_is_not_there_is_none() {
        let node = |keys: u64| {
            let text = format!(
                "# Memory\r\nused_memory:1000\r\nused_memory_peak:9\r\nmaxmemory:0\r\nevicted_keys:3\r\n# Keyspace\r\ndb0:keys={keys},expires=1,avg_ttl=0\r\n"
            );
            (Value::SimpleString("host:1".to_owned()), Value::BulkString(text.into_bytes()))
        };
        let said = Value::Map(vec![node(5), node(7)]);
        let condition = read(&said);
        assert_eq!((condition.memory_bytes, condition.memory_max_bytes), (Some(2_000), None));
        assert_eq!((condition.keys, condition.evicted, condition.clients), (Some(12), Some(6), None));
        assert_eq!(read(&Value::SimpleString(String::new())).keys, Some(0));
    }
}
