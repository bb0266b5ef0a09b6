//! The way of commands through lanes and batches, on a real ledger of either store.

mod callers;
mod controls;
mod crowds;
mod faults;
mod figures;
mod lookups;
mod support;
