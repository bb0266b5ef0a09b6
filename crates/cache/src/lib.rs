//! What makes Bursar faster and never different: facts and views in memory and on a server that instances share, shared
//! counts, and sessions.
//!
//! Nothing of it is the ground of a decision: what never changes says which rows are to be read, and whatever else it holds
//! answers nobody but readers. All of it may be gone at any moment.

mod cache;
#[cfg(feature = "contract")]
pub mod contract;
mod counters;
mod decisions;
mod facts;
mod figures;
mod forgetting;
mod guarded;
mod key_value;
mod learning;
mod memory;
mod seal;
mod second;
mod sessions;
mod views;

pub use cache::{Beside, Cache, Settings};
pub use counters::Counters;
pub use decisions::{Count, Live};
pub use facts::Facts;
pub use figures::{Figures, KindFigures, LevelFigures};
pub use forgetting::Heard;
pub use guarded::Guarded;
pub use key_value::{Condition, Key, KeyValue, KeyValueError};
pub use memory::MemoryKeyValue;
pub use seal::Seal;
pub use sessions::{NewSession, Session, SessionId, Sessions};
pub use views::{View, Views};
