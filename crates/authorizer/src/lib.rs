//! The way of every command to the ledger: lookups, lanes, batches, deadlines and the profiler.
//!
//! A lane runs one transaction at a time; whatever arrives meanwhile is the next batch. No timers:
//! an idle server commits a batch of one at once, a busy one groups. Lanes are for speed only;
//! correctness rests on the ledger's locks.

mod authorizer;
mod handover;
mod lane;
mod lanes;
mod lookups;
mod pressure;
mod profiler;
mod timeline;

pub use authorizer::{Authorizer, Reply, Request, Settings, Settlement, Unavailable};
pub use handover::{Handed, Handover, LEASE, Left};
pub use lookups::Wanted;
pub use profiler::{Profile, Profiler, StageProfile, Verdict, WindowProfile};
pub use timeline::Timeline;
