//! What `decide`, `apply` and `decide_batch` promise.

mod batches;
mod checks;
mod controls;
mod explain;
mod fingerprint;
mod lives;
mod model;
mod overflow;
mod reference;
mod support;
