//! In the place of `services/redis.rs` where Redis is not built in.

use std::sync::Arc;

use bursar_cache::{KeyValue, Seal};

use super::Service;
use crate::Failure;
use crate::config::{Redis, SecretUrl};

pub(crate) const SERVICE: Service = Service { name: "Redis", feature: "redis", url: None };

pub(crate) fn start(_: &Redis, _: &SecretUrl, _: &Seal) -> Result<Arc<dyn KeyValue>, Failure> {
    Err(SERVICE.missing().into())
}
