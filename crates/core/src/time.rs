//! Times are kept in whole microseconds, as every store can, so that what is read back compares
//! like what was decided.

use jiff::Timestamp;

/// The time without what a store could not keep.
#[must_use]
pub fn whole_microseconds(time: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time)
}
