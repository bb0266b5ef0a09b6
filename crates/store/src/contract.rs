//! The suite that every ledger passes, as a library.
//!
//! An adapter says where its ledger keeps its data (a [`Place`]) and calls
//! [`ledger_contract!`](crate::ledger_contract) in a test file: each case becomes one test. After
//! every case the books are checked, so that no case has to.

mod clock;
pub mod given;

mod authorizations;
mod batches;
mod captures;
mod checks;
mod controls;
mod dead_letters;
mod discrepancies;
mod endpoints;
mod give_back;
mod holds;
mod inbox;
mod links;
mod messages;
mod methods;
mod money;
mod notifications;
mod objects;
mod outbox;
mod purchases;
mod reopening;
mod reports;
mod sweeps;
mod transaction_records;
mod windows;

pub use clock::{NOON, SetClock};

use std::sync::Arc;

use crate::books::{self, Books};
use crate::inbox::Store;
use crate::ledger::Ledger;

/// Where a ledger under test keeps its data. Empty at first; opened again, what was there is there.
pub trait Place: Send + Sync {
    /// Opens the ledger, whose clock is [`Place::clock`]. The one opened before was dropped.
    fn open(&self) -> Arc<dyn Store>;

    /// One snapshot for the check of the books.
    fn books(&self) -> Box<dyn Books>;

    /// The clock that tells the time of decisions.
    fn clock(&self) -> &SetClock;
}

/// Asserts that messages and journal add up to every balance and hold, and that every message has
/// its answer and its event.
///
/// # Panics
/// They do not, or the books cannot be read.
pub fn assert_books_are_right(mut books: Box<dyn Books>) {
    let report = books::check(books.as_mut(), &given::approved_minor).expect("the books are readable");
    assert!(report.is_clean(), "{:#?}", report.findings);
    assert_eq!(report.messages, report.events + report.events_forgotten);
}

async fn run(place: &dyn Place, case: impl AsyncFnOnce(&dyn Ledger)) {
    let ledger = place.open();
    case(ledger.as_ref()).await;
    drop(ledger);
    assert_books_are_right(place.books());
}

/// Every case by name, for [`ledger_contract!`](crate::ledger_contract).
pub mod cases {
    use super::Place;

    crate::ledger_contract! { @each_is function () }
}

/// Makes a test of each case of the contract suite. The argument is an expression that makes a
/// new, empty [`Place`]; the test file needs `tokio` with `macros` and `rt`.
///
/// Cases under `dead_letters`, `endpoints`, `inbox`, `notifications`, `outbox`, `reopening`, `sweeps`, `transaction_records` and
/// `windows` get the place itself, the others an open ledger.
#[macro_export]
macro_rules! ledger_contract {
    ($place:expr) => {
        $crate::ledger_contract! { @each_is test ($place) }
    };
    (@each_is $what:ident ($($argument:tt)*)) => {
        $crate::ledger_contract! { @$what ($($argument)*)
            objects {
                every_object_is_read_back_as_it_was_made,
                what_does_not_exist_is_not_found,
                a_ledger_is_itself_and_no_copy,
                lists_come_in_pages_in_the_order_of_creation,
                lists_are_of_one_owner_where_that_is_asked,
                a_token_names_one_object_of_its_kind,
                a_token_is_taken_within_one_batch,
                what_a_new_object_needs_has_to_exist,
                objects_of_another_owner_cannot_be_joined,
                what_is_closed_gets_no_new_cardholders_and_cards,
                transitions_follow_the_status_tables,
                what_the_processor_says_of_a_status_counts_unless_what_is_there_is_newer_or_final,
            }
            messages {
                one_message_sent_twice_holds_money_once,
                a_decline_stays_a_decline_after_money_came,
                the_same_token_with_other_content_is_a_conflict_without_effect,
                two_copies_in_one_batch_have_one_effect_and_one_answer,
                a_copy_with_other_content_in_one_batch_is_a_conflict,
                the_same_token_by_another_door_is_another_message,
                an_unknown_card_claims_the_token,
            }
            money {
                loads_and_unloads_are_numbered_entries_with_the_balance_after_each,
                an_unload_beyond_what_is_available_is_declined,
                money_of_another_currency_is_declined,
                only_amounts_above_zero_move_money,
                yen_and_dinars_are_kept_in_their_own_minor_units,
            }
            holds {
                an_approval_holds_what_it_approved,
                a_batch_on_one_account_approves_exactly_to_the_floor,
                increments_add_to_the_group_and_a_full_reversal_releases_all,
                a_group_can_be_named_by_the_key_of_any_of_its_messages,
                a_declined_increment_is_of_its_group_all_the_same,
                an_increment_after_the_reversal_is_declined,
                a_second_reversal_is_declined,
                what_is_decided_on_a_group_is_later_than_all_of_it,
                a_part_can_be_released_and_the_last_of_it_ends_the_group,
                an_expiry_releases_all_and_ends_the_group,
                an_increment_of_an_unknown_group_stands_alone,
                a_reversal_of_an_unknown_group_is_declined,
                a_zero_amount_verifies_the_card_and_holds_nothing,
                a_whole_purchase_may_come_in_one_batch,
            }
            captures {
                a_capture_posts_and_what_is_held_goes_down_by_as_much,
                a_tip_is_captured_beyond_the_hold_and_may_overdraw,
                a_capture_after_the_end_of_the_hold_is_posted,
                captures_ask_for_no_status_and_are_told_apart_by_their_keys,
                what_was_never_held_is_not_captured,
                no_more_is_given_back_than_was_captured,
                a_final_capture_gives_windows_back_what_it_did_not_take,
                a_late_capture_takes_by_force_and_a_refund_gives_nothing_back,
            }
            reports {
                a_clearing_posts_what_was_held_once,
                what_the_processor_says_of_a_decision_counts,
                what_came_to_nothing_at_the_processor_holds_nothing,
                what_we_declined_or_never_saw_is_adopted,
                a_claim_stands_in_the_way_of_a_decision,
                a_clearing_may_come_before_its_authorization,
                an_advice_says_what_is_held_from_its_time_on,
                refunds_and_debits_are_confirmed_adopted_and_undone,
                what_cannot_be_booked_is_kept_with_the_reason,
                another_s_purchase_is_left_alone,
                six_messages_in_any_order_end_in_the_same_books,
            }
            links {
                a_message_that_proves_two_groups_to_be_one_makes_them_one,
                many_groups_become_one,
                an_id_that_messages_share_makes_them_one_purchase,
                an_id_that_only_suggests_makes_no_two_purchases_one,
                a_code_of_an_approval_leads_to_what_is_held_and_is_told_as_a_guess,
                an_id_of_another_s_purchase_leads_nowhere,
                purchases_of_two_accounts_stay_two,
                windows_follow_a_purchase_to_its_card,
                a_swipe_after_a_merge_counts_on_what_is_taken_now,
                an_increment_may_name_the_first_request_of_its_purchase,
            }
            discrepancies {
                what_is_as_we_decided_is_none,
                what_the_processor_approved_without_us_is_adopted,
                what_the_processor_refused_is_told_by_its_reason,
                another_amount_and_another_answer_are_told,
                what_could_not_be_booked_is_open_until_it_is_closed,
            }
            methods {
                a_debit_is_posted_at_once_and_holds_nothing,
                a_credit_is_posted_at_once,
                a_credit_that_has_not_cleared_is_pending_and_cannot_be_spent,
                an_inquiry_moves_nothing_whatever_it_names,
                money_comes_back_to_a_suspended_card_and_not_to_a_closed_owner,
                an_original_credit_needs_a_program_that_allows_it,
                less_is_approved_where_terminal_and_program_take_less,
            }
            checks {
                an_unknown_card_is_declined,
                a_card_of_another_cardholder_is_declined,
                only_an_active_card_is_funded,
                only_a_cardholder_who_may_spend_is_funded,
                only_an_active_owner_is_funded,
                a_person_spends_from_the_own_wallet,
                everything_that_was_checked_is_read_back,
            }
            batches {
                a_late_member_is_left_out_and_can_be_sent_again,
                a_load_that_overflows_is_declined_and_harms_no_other,
                an_empty_batch_is_nothing,
                a_panic_while_deciding_takes_no_effect_and_the_store_goes_on,
                stage_times_are_written_with_a_later_batch,
                the_store_can_be_probed,
            }
            authorizations {
                authorizations_are_listed_in_both_orders_and_in_pages,
                authorizations_are_listed_by_owner_and_by_card,
                only_authorizations_are_found_as_such,
                what_is_told_beside_the_amounts_is_read_back,
                open_holds_are_counted,
            }
            purchases {
                purchases_are_listed_newest_first_with_all_their_messages,
                each_filter_finds_purchases_and_excludes_others,
                purchases_are_found_by_the_time_that_they_began,
                a_cursor_of_another_owner_s_list_goes_on_behind_its_place,
                a_purchase_is_found_by_any_of_its_messages_with_what_was_kept,
            }
            controls {
                controls_are_read_back_by_id_owner_and_scope,
                a_name_is_given_once_and_a_scope_has_so_many,
                a_limit_is_spent_to_the_last_unit_and_no_further,
                a_limit_of_the_count_counts_purchases_and_not_their_increments,
                a_transaction_limit_is_judged_on_all_of_the_group,
                a_limit_of_the_owner_is_shared_by_all_its_cards_and_accounts,
                a_limit_that_is_added_late_counts_what_was_taken_before,
                a_limit_added_in_the_batch_of_its_first_swipes_counts_them,
                a_changed_limit_counts_on_and_one_that_counts_something_else_counts_anew,
                lists_of_places_and_hours_refuse_with_a_reason_of_their_own,
                a_control_that_is_tried_out_declines_nothing_and_is_recorded,
                a_card_is_locked_onto_the_merchant_of_its_first_purchase,
                a_limit_in_a_currency_counts_what_is_spent_in_it,
            }
            give_back {
                a_reversal_gives_back_what_the_whole_group_took,
                the_parts_of_cash_back_count_for_the_limits_that_count_them,
                goods_are_given_back_before_cash,
                an_increment_takes_nothing_that_was_given_back_before_it,
            }
            windows {
                a_day_begins_anew_at_midnight_in_kolkata,
                a_day_has_23_hours_when_new_york_s_clocks_go_forward,
                a_day_has_25_hours_when_new_york_s_clocks_go_back,
                a_week_ends_before_sunday,
                a_month_ends_with_its_last_day,
                a_lifetime_never_ends,
                a_rolling_window_lets_go_of_each_take_on_its_own,
                what_is_given_back_goes_to_the_day_that_it_came_from,
                a_part_is_given_back_newest_first,
                controls_and_windows_are_there_after_opening_again,
                a_clock_that_goes_back_opens_no_window_again,
                a_late_limit_hides_nothing_from_the_rest_of_its_batch,
            }
            sweeps {
                a_hold_is_found_by_its_last_message_once_that_is_old_enough,
                a_decision_is_found_while_nothing_is_reported_of_its_own_transaction,
                a_walk_ends_at_its_limit_or_before_what_is_younger_and_goes_on_there,
                how_far_a_search_has_come_is_kept_and_never_goes_back,
                an_expiry_for_a_message_that_is_no_longer_the_last_changes_nothing,
                the_days_of_a_program_change_and_are_read_back,
            }
            inbox {
                what_is_put_is_taken_once_and_gone_when_it_is_done,
                an_item_that_comes_again_is_stored_once_and_kept_twice_if_it_says_something_else,
                nobody_takes_what_another_works_on_until_the_lease_ends,
                what_fails_is_tried_three_times_more_and_is_dead_then,
                whoever_lost_the_lease_fails_nothing,
                what_nobody_can_work_on_waits_for_an_operator,
                what_waits_is_there_after_opening_again,
            }
            outbox {
                every_change_has_an_event_that_waits,
                who_leases_an_event_has_it_alone_until_the_lease_ends,
                events_may_be_leased_as_they_are_committed,
                events_that_nobody_leased_are_for_who_comes_first,
                what_is_marked_is_never_leased_again,
                what_is_released_is_leased_at_once,
                another_event_at_a_position_is_neither_marked_nor_released,
                what_is_not_published_is_there_after_opening_again,
                what_was_published_is_forgotten_as_far_as_the_first_that_was_not,
                no_more_is_forgotten_than_was_asked_for,
                until_when_events_are_forgotten_is_kept_and_never_goes_back,
                positions_go_on_behind_what_was_forgotten,
                two_who_forget_events_at_once_count_each_of_them_once,
                an_event_that_was_published_by_a_clock_that_was_wrong_keeps_no_other,
            }
            dead_letters {
                a_letter_is_read_back_as_it_came_and_listed_without_its_body,
                a_letter_that_dies_again_is_open_again_and_what_was_said_of_it_before_has_no_effect,
                a_death_that_is_known_changes_nothing,
                of_two_copies_of_a_death_that_come_at_once_one_is_kept,
                a_letter_is_resolved_once,
                what_was_resolved_long_ago_is_forgotten_with_all_its_deaths,
                one_message_that_dies_in_two_queues_is_two_letters,
                each_filter_finds_letters_and_excludes_others,
                letters_come_in_pages_by_their_ids,
                letters_are_there_after_opening_again,
            }
            endpoints {
                an_endpoint_is_read_back_as_it_was_made_and_made_once,
                an_endpoint_is_changed_by_who_knows_its_newest_version,
                of_two_who_change_an_endpoint_at_once_one_does,
                an_endpoint_is_switched_off_while_it_has_that_url,
                endpoints_are_listed_by_program_and_in_pages,
            }
            notifications {
                who_takes_a_notification_has_it_alone_until_the_lease_ends,
                two_who_take_at_once_have_nothing_in_common,
                an_attempt_is_logged_and_says_what_is_next,
                an_attempt_of_one_who_lost_the_lease_has_no_effect,
                an_endpoint_that_is_off_or_busy_is_passed_over_and_goes_on_afterwards,
                an_event_is_stored_once_for_an_endpoint_and_never_for_one_that_is_not_there,
                a_deleted_endpoint_takes_its_notifications_along_and_no_others,
                what_is_resent_is_as_new_and_keeps_its_log,
                notifications_are_listed_newest_first_by_state_and_in_pages,
                what_is_old_is_forgotten_with_its_log_wherever_it_stands,
                of_two_who_forget_at_once_each_forgets_others,
                what_is_to_be_sent_is_there_after_opening_again,
            }
            transaction_records {
                a_record_is_read_back_as_it_was_kept,
                only_a_newer_record_takes_the_place_of_one,
                records_are_found_by_the_beginnings_of_all_words_in_any_order,
                a_word_that_no_index_can_keep_is_left_out,
                a_record_is_found_by_its_newest_words_only,
                a_part_of_another_purchase_is_kept_and_not_looked_for,
                each_filter_finds_records_and_excludes_others,
                records_come_in_pages_those_that_began_last_first,
                a_word_is_found_among_many_records,
                records_are_kept_together_or_not_at_all,
                records_are_found_after_opening_again,
            }
            reopening {
                everything_is_still_there_after_opening_again,
                a_repeat_after_opening_again_gets_the_same_bytes,
                time_goes_on_from_the_last_decision_after_opening_again,
                what_a_program_allows_counts_after_opening_again,
                what_was_merged_is_found_again,
            }
        }
    };
    (@test ($place:expr) $($module:ident { $($case:ident,)+ })+) => {
        $($(
            #[tokio::test]
            async fn $case() {
                let place = $place;
                $crate::contract::cases::$case(&place).await;
            }
        )+)+
    };
    (@function () $($module:ident { $($case:ident,)+ })+) => {
        $($(
            #[doc = concat!("Runs the case `", stringify!($case), "` on a new place.")]
            pub async fn $case(place: &dyn Place) {
                $crate::ledger_contract! { @call $module, $case, place }
            }
        )+)+
    };
    (@call dead_letters, $case:ident, $place:ident) => { super::dead_letters::$case($place).await };
    (@call endpoints, $case:ident, $place:ident) => { super::endpoints::$case($place).await };
    (@call inbox, $case:ident, $place:ident) => { super::inbox::$case($place).await };
    (@call notifications, $case:ident, $place:ident) => { super::notifications::$case($place).await };
    (@call outbox, $case:ident, $place:ident) => { super::outbox::$case($place).await };
    (@call reopening, $case:ident, $place:ident) => { super::reopening::$case($place).await };
    (@call sweeps, $case:ident, $place:ident) => { super::sweeps::$case($place).await };
    (@call transaction_records, $case:ident, $place:ident) => { super::transaction_records::$case($place).await };
    (@call windows, $case:ident, $place:ident) => { super::windows::$case($place).await };
    (@call $module:ident, $case:ident, $place:ident) => {
        super::run($place, super::$module::$case).await
    };
}
