//! What `decide`, `apply` and `decide_batch` promise.

mod batches;
mod checks;
mod fingerprint;
mod model;
mod overflow;
mod reference;
mod support;
