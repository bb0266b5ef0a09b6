//! The URL of Redis: shown without its password, and refused by what is wrong with it.

use std::time::Duration;

use redis::io::tcp::TcpSettings;
use redis::{ConnectionInfo, IntoConnectionInfo};

/// The form of a URL.
pub const URL_FORM: &str = "redis://USER:PASSWORD@HOST:PORT/DATABASE, redis-cluster://USER:PASSWORD@HOST:PORT,HOST:PORT, or rediss… for TLS";

/// Where Redis is.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    /// One server, or some nodes of a cluster.
    pub(crate) nodes: Vec<ConnectionInfo>,
    pub(crate) is_cluster: bool,
}

impl Address {
    /// Reads a URL. What is wrong with it is told without what is in it: that may be a password.
    pub(crate) fn read(url: &str) -> Result<Self, &'static str> {
        let (scheme, rest) =
            url.split_once("://").ok_or("does not begin with redis:// or redis-cluster://")?;
        let (scheme, is_cluster) = match scheme {
            "redis" | "rediss" => (scheme, false),
            "redis-cluster" => ("redis", true),
            "rediss-cluster" => ("rediss", true),
            _ => return Err("does not begin with redis:// or redis-cluster://"),
        };
        let (user, hosts) =
            rest.rsplit_once('@').map_or((String::new(), rest), |(user, hosts)| (format!("{user}@"), hosts));
        let urls = match is_cluster {
            false => vec![format!("{scheme}://{user}{hosts}")],
            true => hosts.split(',').map(|host| format!("{scheme}://{user}{host}")).collect(),
        };
        let cannot = "cannot be read; write signs of the password as %XX";
        let node = |url: &String| url.as_str().into_connection_info().map(quick).map_err(|_| cannot);
        Ok(Self { nodes: urls.iter().map(node).collect::<Result<_, _>>()?, is_cluster })
    }
}

fn quick(info: ConnectionInfo) -> ConnectionInfo {
    info.set_tcp_settings(tcp())
}

/// What was sent and is not confirmed by then ends the connection: its other end is gone, and nobody said so.
const CONFIRMED_WITHIN: Duration = Duration::from_secs(2);

/// Small messages are sent at once: they would wait for one another.
pub(crate) fn tcp() -> TcpSettings {
    TcpSettings::default().set_nodelay(true).set_user_timeout(CONFIRMED_WITHIN)
}

/// A URL as it may be shown: the hosts and the database.
#[must_use]
pub fn describe(url: &str) -> String {
    let Ok(Address { nodes, is_cluster }) = Address::read(url) else {
        return "Redis, by a URL that cannot be read".to_owned();
    };
    let hosts: Vec<String> = nodes.iter().map(|node| node.addr().to_string()).collect();
    let database = nodes.first().map_or(0, |node| node.redis_settings().db());
    match is_cluster {
        true => format!("Redis cluster at {}", hosts.join(", ")),
        false => format!("Redis at {}, database {database}", hosts.join(", ")),
    }
}

/// What is wrong with a URL, as what follows "the URL"; `None` if it can be connected to.
#[must_use]
pub fn url_problem(url: &str) -> Option<String> {
    Address::read(url).err().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_password() {
        for (url, shown) in [
            ("redis://:se%2Fcret@cache.example:6380/2", "Redis at cache.example:6380, database 2"),
            ("rediss://bursar:secret@cache.example", "Redis at cache.example:6379, database 0"),
            (
                "redis-cluster://:secret@a.example:7000,b.example",
                "Redis cluster at a.example:7000, b.example:6379",
            ),
        ] {
            assert_eq!((url_problem(url), describe(url)), (None, shown.to_owned()));
        }
        for bad in
            ["", "http://cache.example", "redis://:se/cret@host:port/", "redis-cluster://:secret@a:1,b:x"]
        {
            let why = url_problem(bad).expect("it is wrong");
            assert!(!why.contains("cret") && !describe(bad).contains("cret"), "{why}");
        }
    }
}
