//! What `decide`, `apply` and `decide_batch` promise.

mod batches;
mod checks;
mod explain;
mod fingerprint;
mod model;
mod overflow;
mod reference;
mod support;
