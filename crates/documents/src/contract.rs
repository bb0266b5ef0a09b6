//! The suite that every store of documents passes, as a library.
//!
//! An adapter says where its store keeps its documents (a [`Place`]) and calls
//! [`documents_contract!`](crate::documents_contract) in a test file: each case becomes one test.

mod erasure;
mod given;
mod key;
mod kyc;
mod persons;
mod races;
mod read_models;
mod rebuild;
mod search;

use std::sync::Arc;

use async_trait::async_trait;
use bursar_core::OwnerId;
use jiff::Timestamp;

use crate::documents::Documents;

/// Where a store under test keeps its documents. Empty at first; opened again, what was there is there.
#[async_trait]
pub trait Place: Send + Sync {
    /// Opens the store. The one opened before was dropped.
    async fn open(&self) -> Arc<dyn Documents>;

    /// Every byte that the store keeps.
    async fn dump(&self) -> Vec<u8>;

    /// Does the first step of an erasure and no other, as a process that is killed then.
    async fn begin_erasure(&self, id: OwnerId, at: Timestamp);
}

/// Every case by name, for [`documents_contract!`](crate::documents_contract).
pub mod cases {
    use super::Place;

    crate::documents_contract! { @each_is function () }
}

/// Makes a test of each case of the contract suite. The argument is an expression that makes a new, empty
/// [`Place`]; the test file needs `tokio` with `macros` and `rt-multi-thread`.
#[macro_export]
macro_rules! documents_contract {
    ($place:expr) => {
        $crate::documents_contract! { @each_is test ($place) }
    };
    (@each_is $what:ident ($($argument:tt)*)) => {
        $crate::documents_contract! { @$what ($($argument)*)
            persons {
                a_person_is_found_as_it_was_made,
                a_person_outlives_the_store,
                a_person_is_made_once,
                nobody_unknown_is_found_or_changed,
                a_change_needs_the_version_that_was_seen,
                a_change_leaves_key_and_program_as_they_were,
                a_change_takes_away_what_it_leaves_out,
                pages_are_complete_and_in_order,
                a_page_is_not_disturbed_by_who_comes_meanwhile,
                keys_are_those_of_who_is_known,
                figures_tell_how_much_there_is,
            }
            search {
                an_address_is_found_in_any_case_and_a_number_in_any_spelling,
                nobody_else_is_found,
                persons_may_share_an_address_and_a_number,
                who_has_another_address_now_is_not_found_by_the_old_one,
            }
            kyc {
                an_identity_is_kept_with_all_its_steps,
                a_step_that_there_is_not_changes_nothing,
                a_step_needs_the_version_that_was_seen,
            }
            key {
                the_key_that_is_noted_first_stays,
                of_many_who_note_keys_at_once_all_get_one,
                who_has_another_key_sees_and_changes_nothing,
                persons_tell_by_which_key_they_were_sealed,
            }
            read_models {
                states_come_to_the_newest_in_any_order,
                a_batch_may_have_several_states_of_one_thing,
                amounts_are_kept_to_the_last_unit,
                what_is_told_of_nobody_known_is_not_kept,
                a_label_outlives_what_the_ledger_says,
                purchases_are_listed_last_first_in_pages,
                a_purchase_that_became_part_of_another_is_not_listed,
                each_person_has_its_own,
            }
            rebuild {
                a_state_replaces_another_by_the_rule,
                a_repair_replaces_the_same_sequence,
                a_repair_replaces_what_was_ahead_before_it_began,
                a_repair_leaves_what_is_newer_and_was_told_meanwhile,
                what_a_rebuild_did_not_touch_is_forgotten,
                forgetting_of_one_person_leaves_the_others,
            }
            races {
                of_changes_at_once_none_is_lost,
                of_many_who_make_one_person_one_does,
                of_steps_at_once_from_one_version_one_is_taken,
                states_told_at_once_come_to_the_newest,
                what_is_told_while_a_person_is_erased_leaves_nothing,
            }
            erasure {
                nothing_that_identifies_a_person_is_stored_openly,
                nothing_is_left_of_an_erased_person,
                an_erased_person_stays_erased,
                what_is_told_of_an_erased_person_brings_nothing_back,
                to_erase_again_changes_nothing,
                what_was_left_of_an_erased_person_goes_when_it_is_told_of_again,
                an_erasure_that_was_broken_off_is_due_and_is_finished,
                to_erase_one_person_leaves_the_others,
                a_locked_person_is_neither_seen_nor_changed,
                a_locked_person_is_erased_on_its_day,
                what_the_law_keeps_is_locked_until_its_day,
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
