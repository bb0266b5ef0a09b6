//! In the place of `services/mongodb.rs` where MongoDB is not built in.

use std::sync::Arc;

use bursar_documents::Documents;

use super::Service;
use crate::Failure;
use crate::config::{Mongodb, SecretUrl};

pub(crate) const SERVICE: Service = Service { name: "MongoDB", feature: "mongodb", url: None };

pub(crate) async fn start(_: &Mongodb, _: &SecretUrl) -> Result<Arc<dyn Documents>, Failure> {
    Err(SERVICE.missing().into())
}
