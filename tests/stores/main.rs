//! What every store of leads promises, asked of each of them.
//!
//! Stores that are tested each by its own tests come to differ where they are not compared. Here is one set of cases, and one
//! line for each store.

mod conformance;
mod memory;
#[path = "../common/memory_store/mod.rs"]
mod memory_store;
#[cfg(feature = "redis")]
mod redis;
mod sqlite;

/// The cases of the suite as tests of one store.
macro_rules! passes {
    ($store:ident, $stand:ty: $($group:ident { $($case:ident)* })*) => {
        mod $store {
            $($(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    crate::conformance::$group::$case::<$stand>().await;
                }
            )*)*
        }
    };
    ($store:ident, $stand:ty) => {
        passes! { $store, $stand:
            acceptance {
                a_lead_is_accepted_once
                a_lead_enters_with_all_its_operations_or_with_none
                what_was_accepted_is_told_with_its_history
                any_text_and_a_large_payload_come_back_as_they_were
            }
            queue {
                operations_of_a_user_leave_in_their_order_and_users_do_not_wait_for_each_other
                what_has_been_due_for_the_longest_goes_first
                a_lease_that_is_never_finished_comes_back
                failed_attempts_are_counted_and_remembered_and_released_ones_are_not
                two_failures_alike_within_a_millisecond_are_two
                the_history_is_bounded
                an_operation_is_acknowledged_together_with_what_follows
                what_follows_is_kept_beyond_the_bound
                a_full_queue_refuses_and_an_operation_is_queued_once
                a_thousand_users_are_served_once_each_and_in_order_by_several_workers
            }
            letters {
                an_operation_moves_to_the_dead_letters_with_its_history
                without_room_for_a_letter_it_stays_queued
                a_letter_is_redriven_to_the_end_of_its_line
                without_room_in_the_queue_a_letter_stays
                letters_are_put_paged_counted_and_removed
                counts_see_an_entry_under_way_in_exactly_one_place
            }
            leads {
                enrichments_are_kept_once_with_what_follows
                leads_are_read_page_by_page
                only_what_is_settled_is_forgotten
                credits_are_kept_for_each_vendor
                a_jump_of_the_clock_makes_nothing_older
                all_of_it_is_there_when_the_store_is_opened_again
            }
            model {
                any_sequence_of_changes_does_what_the_model_does
                any_sequence_of_changes_is_there_when_the_store_is_opened_again
            }
        }
    };
}

passes!(in_memory, crate::memory::InMemory);
#[cfg(feature = "redis")]
passes!(on_redis, crate::redis::OnRedis);
passes!(in_sqlite, crate::sqlite::InSqlite);
