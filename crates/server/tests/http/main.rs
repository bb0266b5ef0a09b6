//! The server over real HTTP, on a free port, with the embedded ledger in a folder of its own.

mod api;
mod authorizations;
mod controls;
mod health;
mod jit;
mod limits;
mod refusals;
mod running;
mod stop;

/// A test that fails by error says which.
type Tested = Result<(), Box<dyn std::error::Error>>;
