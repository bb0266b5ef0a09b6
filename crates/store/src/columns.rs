//! Values that a store keeps as one short text, the same in every store: a row that moves from one to
//! another says the same there.

pub mod checks;
pub mod hold_days;
pub mod windows;
pub mod words;
