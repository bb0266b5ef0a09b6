//! The way of every command to the ledger: lookups, lanes, batches, deadlines and the profiler.
//!
//! A lane runs one transaction at a time; whatever arrives meanwhile is the next batch. No timers:
//! an idle server commits a batch of one at once, a busy one groups. Lanes are for speed only;
//! correctness rests on the ledger's locks.

mod authorizer;
mod handover;
mod lane;
mod lanes;
mod last_failure;
mod lookups;
mod pending_times;
mod pressure;
mod profiler;
mod reply;
mod timeline;

pub use authorizer::{Authorizer, Request, Settings};
pub use handover::{Commit, Handed, Handover, LEASE};
pub use lookups::Wanted;
pub use profiler::{Profile, Profiler, StageProfile, Verdict, WindowProfile};
pub use reply::{Reply, Settlement, Unavailable};
pub use timeline::Timeline;
