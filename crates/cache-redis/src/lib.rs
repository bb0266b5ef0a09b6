//! Values that instances share, on Redis 7 and newer: one server, or a cluster.

mod address;
mod condition;
mod ear;
mod link;
mod values;

pub use address::{URL_FORM, describe, url_problem};
pub use values::{Options, RedisKeyValue};
