//! Card processors: what each sends is read into commands of `bursar_core`, and decisions are
//! written as each wants to read them. No I/O: the server owns the connection, the authorizer
//! the lookups. One folder a processor.

pub mod inquiry;
pub mod json;
pub mod marqeta;
