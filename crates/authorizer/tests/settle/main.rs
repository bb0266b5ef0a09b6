//! The way of commands through lanes and batches, on a real ledger in a folder of its own.

mod callers;
mod controls;
mod crowds;
mod faults;
mod figures;
mod lookups;
mod support;
