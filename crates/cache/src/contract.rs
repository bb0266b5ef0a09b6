//! The suite that every store of values passes, as a library.
//!
//! An adapter says where its values are (a [`Place`]) and calls [`key_value_contract!`](crate::key_value_contract) in a
//! test file: each case becomes one test.

mod counts;
mod forgotten;
mod sessions;
mod values;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::timeout;

use crate::key_value::{Key, KeyValue};

/// Where values under test are kept; empty at first.
#[async_trait]
pub trait Place: Send + Sync {
    /// Opens it, as each instance does: what one keeps all see.
    async fn open(&self) -> Arc<dyn KeyValue>;
}

/// Waits until the value's time is over, by the store's own clock.
///
/// # Panics
/// It does not end.
async fn ended(values: &dyn KeyValue, key: &Key) {
    let ending = async {
        while values.get(key).await.expect("readable").is_some() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, ending).await.expect("its time ends");
}

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Long enough for a test.
pub const LONG: Duration = Duration::from_secs(600);

/// A key of a test.
#[must_use]
pub fn key(name: &str) -> Key {
    Key::new(&format!("test:{name}"))
}

/// Every case by name, for [`key_value_contract!`](crate::key_value_contract).
pub mod cases {
    use super::Place;

    crate::key_value_contract! { @each_is function () }
}

/// Makes a test of each case of the contract suite. The argument is an expression that makes a new, empty
/// [`Place`]; the test file needs `tokio` with `macros` and `rt`.
#[macro_export]
macro_rules! key_value_contract {
    ($place:expr) => {
        $crate::key_value_contract! { @each_is test ($place) }
    };
    (@each_is $what:ident ($($argument:tt)*)) => {
        $crate::key_value_contract! { @$what ($($argument)*)
            values {
                a_value_is_there_until_it_is_replaced_or_forgotten,
                a_value_is_any_bytes,
                a_value_ends_with_its_time,
                of_many_who_set_what_is_absent_one_does,
                a_swap_takes_place_only_where_the_old_value_is,
                of_many_who_swap_one_does,
            }
            forgotten {
                every_instance_hears_what_one_forgets,
                what_was_forgotten_is_gone_before_anybody_hears_of_it,
            }
            counts {
                what_many_tell_is_all_there,
                what_is_told_twice_counts_once,
                a_count_ends_with_its_time,
            }
            sessions {
                a_session_is_found_until_it_is_ended,
                all_sessions_of_somebody_end_together_and_no_others,
                a_session_ends_with_its_time,
                what_is_kept_of_a_session_does_not_open_it,
            }
        }
    };
    (@function () $($module:ident { $($case:ident,)* })*) => {
        $($(
            #[doc = concat!("The case `", stringify!($case), "`.")]
            ///
            /// # Panics
            /// The store does not keep its contract.
            pub async fn $case(place: &dyn Place) {
                super::$module::$case(place).await;
            }
        )*)*
    };
    (@test ($place:expr) $($module:ident { $($case:ident,)* })*) => {
        async fn place() -> impl $crate::contract::Place {
            $place
        }

        $(mod $module {
            $(
                #[tokio::test(flavor = "multi_thread")]
                async fn $case() {
                    let place = super::place().await;
                    $crate::contract::cases::$case(&place).await;
                }
            )*
        })*
    };
}
