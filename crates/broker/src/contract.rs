//! The suite that every broker passes, as a library.
//!
//! An adapter says where its broker keeps its messages (a [`Place`]) and calls
//! [`broker_contract!`](crate::broker_contract) in a test file: each case becomes one test.

mod deliveries;
mod failures;
mod given;
mod routes;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::broker::Broker;
use crate::retry::Retries;

/// Where a broker under test keeps its messages. Empty at first; opened again, what was there is there.
#[async_trait]
pub trait Place: Send + Sync {
    /// Opens the broker, with these pauses after failures. The one opened before was dropped.
    async fn open_with(&self, retries: Retries) -> Arc<dyn Broker>;

    /// The same with [`PAUSES`].
    async fn open(&self) -> Arc<dyn Broker> {
        self.open_with(PAUSES).await
    }
}

/// Pauses that a test can wait for.
pub const PAUSES: Retries =
    Retries([Duration::from_millis(20), Duration::from_millis(40), Duration::from_millis(60)]);

/// Every case by name, for [`broker_contract!`](crate::broker_contract).
pub mod cases {
    use super::Place;

    crate::broker_contract! { @each_is function () }
}

/// Makes a test of each case of the contract suite. The argument is an expression that makes a new, empty
/// [`Place`]; the test file needs `tokio` with `macros` and `rt`.
#[macro_export]
macro_rules! broker_contract {
    ($place:expr) => {
        $crate::broker_contract! { @each_is test ($place) }
    };
    (@each_is $what:ident ($($argument:tt)*)) => {
        $crate::broker_contract! { @$what ($($argument)*)
            routes {
                a_message_comes_once_to_every_queue_that_its_key_leads_to,
                a_message_arrives_as_it_was_published,
                what_no_queue_is_bound_to_is_kept_apart,
                an_answer_goes_to_the_queue_that_was_named,
                an_answer_to_a_queue_that_is_not_there_is_refused,
                a_queue_that_nobody_has_to_read_keeps_the_newest,
                a_thousand_messages_come_in_the_order_of_their_publishing,
            }
            deliveries {
                what_is_done_never_comes_again,
                what_is_not_settled_comes_again_and_no_failure_is_counted,
                what_was_published_outlives_the_broker,
                what_comes_after_a_restart_is_new,
                no_more_is_delivered_than_may_be_unsettled,
                what_is_done_beside_one_that_is_given_back_takes_nothing_of_it_along,
                two_consumers_share_a_queue,
                a_consumer_that_goes_away_gives_back_what_it_has,
                a_broker_that_is_gone_ends_its_consumers,
                figures_tell_what_waits_and_who_consumes,
            }
            failures {
                a_message_that_always_fails_has_four_runs_and_is_buried,
                a_message_that_cannot_succeed_is_buried_at_once,
                a_dead_letter_that_comes_twice_is_the_same_death,
                a_message_that_succeeds_at_last_is_not_buried,
                a_long_error_is_kept_in_part,
                poison_harms_no_other_message,
                a_dead_letter_that_is_published_again_has_its_runs_again,
                nothing_that_failed_comes_before_its_pause_ends,
                pauses_outlive_the_broker,
            }
        }
    };
    (@function () $($module:ident { $($case:ident,)* })*) => {
        $($(
            #[doc = concat!("The case `", stringify!($case), "`.")]
            ///
            /// # Panics
            /// The broker does not keep its contract.
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
