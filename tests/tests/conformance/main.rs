//! Every store against the contract in `invoked_store::store`: one test for each clause of it.
//!
//! A clause is an `async fn` over a [`bed::Bed`], which knows nothing of the store's technology. A
//! store joins with one `suite!` line and a [`bed::Home`] that says how it is opened.

mod batches;
mod bed;
mod books;
mod due;
mod leases;
mod records;
mod tasks;

use bed::{Bed, FjallHome, MemHome};

/// Runs every clause against a store.
macro_rules! suite {
    ($store:ident, $home:expr) => {
        mod $store {
            use super::*;

            suite! { @clauses $home;
                leases:
                    a_shard_has_one_owner,
                    reacquiring_raises_the_epoch_and_fences_the_old_lease,
                    a_lost_lease_gives_nothing_back,
                    a_fenced_batch_applies_nothing_in_any_shard,
                    a_restart_frees_every_shard_and_raises_its_epoch,
                    a_closed_store_takes_nothing_more;
                batches:
                    what_is_durable_is_there_after_a_restart,
                    a_batch_sent_twice_changes_nothing,
                    a_key_taken_by_the_same_token_is_the_same_insert,
                    a_key_taken_by_another_token_is_named_and_not_inserted,
                    a_kept_record_keeps_its_key_taken,
                    counts_are_written_whole_and_kept_by_shard,
                    an_empty_commit_is_durable;
                due:
                    rows_come_in_order_of_due_and_key,
                    a_page_begins_behind_its_position_and_ends_at_its_limit,
                    an_update_moves_a_row_to_its_one_new_position,
                    a_row_that_owes_a_callback_waits_in_the_lane_of_its_destination,
                    lanes_are_those_with_live_rows_and_do_not_mix,
                    shards_do_not_mix,
                    a_finished_row_waits_nowhere;
                records:
                    a_plain_success_leaves_nothing,
                    a_plain_invocation_that_did_not_succeed_leaves_its_record,
                    a_task_leaves_its_record_its_event_and_its_answer,
                    an_answer_stays_while_its_callback_is_owed,
                    bytes_come_in_the_order_asked,
                    given_up_callbacks_are_paged_oldest_first,
                    given_up_callbacks_have_a_retention_of_their_own,
                    a_redrive_makes_the_row_live_and_keeps_the_callback_no_longer,
                    a_bucket_is_dropped_whole_when_its_retention_is_over,
                    a_bucket_is_not_dropped_under_a_live_row;
                tasks:
                    tasks_are_listed_by_acceptance_in_both_orders,
                    every_filter_and_every_pair_of_filters_selects_what_matches,
                    records_past_their_retention_are_not_shown,
                    pages_of_any_size_join_up,
                    pages_join_up_while_tasks_finish,
                    a_page_examines_a_thousand_entries_at_most,
                    events_and_answers_come_only_when_asked_for,
                    tasks_of_all_shards_are_listed;
                books:
                    a_name_has_one_number_for_ever,
                    registry_entries_are_overwritten_and_deletions_remembered,
                    submissions_are_acknowledged_by_their_exact_numbers,
                    the_figures_count_live_rows_and_batches,
                    an_audit_finds_what_is_not_counted,
                    a_purged_plain_invocation_leaves_nothing;
            }
        }
    };
    (@clauses $home:expr; $($module:ident: $($clause:ident),+;)+) => {
        $($(
            #[tokio::test]
            async fn $clause() {
                $module::$clause(Bed::new($home).await).await;
            }
        )+)+
    };
}

suite!(mem, MemHome::new());
suite!(fjall, FjallHome::new());
