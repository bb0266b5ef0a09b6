//! A ledger moved between stores: every row, under kills, while its source goes on, and refused where it
//! must be.

mod given_ledger;
mod killed;
mod moved_on;
mod refused;
mod round_trip;
mod seeded;
mod tables;
