//! The card network and the processor, simulated: it drives a running server through its public
//! HTTP interfaces and judges every answer by rules of its own.
//!
//! Of `bursar-core` it uses money and ids only. What the server should have decided is worked out
//! a second time, in [`mod@judge`], so that a mistake in one of the two shows as a difference.

pub mod report;
pub mod settings;

pub mod clock;
pub mod habits;

pub mod control;
pub mod layout;
pub mod world;

pub mod merchants;
pub mod plan;

pub mod jit;
pub mod notice;
pub mod progress;
pub mod records;
pub mod run;

pub mod history;
pub mod hits;
pub mod judge;
pub mod listing;

mod action;
pub mod client;

pub use client::Client;
pub use habits::Habits;
pub use judge::{Difference, Invariant, Verdict, judge};
pub use progress::{Figures, Progress};
pub use records::ProcessorApi;
pub use report::{Report, SimulateError, simulate};
pub use settings::Settings;
pub use world::World;
