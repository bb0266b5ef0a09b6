//! The server over real HTTP, on a free port, with a ledger of its own on either store.

mod api;
mod authorizations;
mod controls;
mod dead_letters;
mod discrepancies;
mod endpoints;
mod faulty;
mod fixtures;
mod health;
mod inbox;
mod inquiries;
mod jit;
mod limits;
mod lives;
mod people;
mod queues;
mod refusals;
mod replays;
mod requests;
mod running;
mod stop;
mod sweeper;
mod transactions;
mod webhooks;

/// A test that fails by error says which.
type Tested = Result<(), Box<dyn std::error::Error>>;
