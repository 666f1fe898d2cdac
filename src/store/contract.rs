//! The contract of a store: what every backend must do, whatever database is behind it.
//!
//! A backend implements [`Backend`] and calls `contract!` with it; each case becomes a test of its own.

pub(super) mod accounts;
pub(super) mod administration;
pub(super) mod api_keys;
pub(super) mod basis;
pub(super) mod batches;
pub(super) mod capacity;
pub(super) mod collecting;
pub(super) mod counting;
pub(super) mod failing_clusters;
pub(super) mod fleet;
pub(super) mod keys;
pub(super) mod ledger;
pub(super) mod listing;
pub(super) mod membership;
pub(super) mod minting;
pub(super) mod opaque_keys;
pub(super) mod output_keys;
pub(super) mod outputs;
pub(super) mod policies;
pub(super) mod quarantine;
pub(super) mod recognition;
pub(super) mod redeeming;
pub(super) mod reenrolling;
pub(super) mod releasing;
pub(super) mod renewing;
pub(super) mod restoring;
pub(super) mod revoking;
pub(super) mod roles;
pub(super) mod rules;
pub(super) mod sessions;
pub(super) mod sorting;
pub(super) mod together;
pub(super) mod waiting;
mod world;

pub(super) use self::policies::plain as plain_policy;
pub(super) use self::world::{Backend, World, new_key};

/// Makes a test of each case for a backend, given as an expression that makes one with an empty database.
macro_rules! contract {
    ($backend:expr; $($room:ident { $($case:ident),* $(,)? })*) => {$(
        mod $room {
            use crate::store::contract::{World, $room as cases};

            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let mut world = World::begin(Box::new($backend)).await;
                    cases::$case(&mut world).await;
                    world.ledger_is_whole().await;
                    world.slots_are_exact().await;
                }
            )*
        }
    )*};
    ($backend:expr) => {
        crate::store::contract::contract! { $backend;
            accounts {
                a_user_is_read_back_and_a_name_is_taken_once,
                the_last_whole_admin_stays_one,
                two_admins_cannot_remove_each_other,
                a_change_of_an_outdated_record_is_refused,
                a_password_begins_an_epoch_and_a_role_does_not,
                a_new_user_of_a_deleted_name_has_other_epochs,
                a_deleted_user_takes_keys_and_tokens,
                users_are_listed_by_name_page_by_page,
                known_addresses_are_bounded_and_expire,
            }
            api_keys {
                a_key_is_read_with_its_owner_and_listed_for_it,
                a_deleted_key_takes_its_live_tokens_along_if_asked,
                a_deleted_key_takes_the_keys_it_created,
                the_emergency_token_outlives_its_minter,
                a_key_of_another_owner_is_not_found,
                the_latest_use_of_a_key_stays,
                the_number_of_keys_per_owner_is_bounded,
                an_expired_key_is_collected_after_retention,
            }
            basis {
                a_caller_without_the_rights_writes_nothing,
                a_change_of_own_rights_is_checked_before,
                each_change_of_rights_has_another_version,
            }
            administration {
                founding_happens_once,
                a_new_identity_is_recorded_once,
                the_trust_domain_changes_on_request_only,
                a_backup_leaves_its_time,
                only_former_issuers_retire,
                a_retired_issuer_takes_its_tokens_if_confirmed,
                a_password_is_replaced,
                changed_settings_are_kept_until_they_are_reset,
                crl_numbers_only_grow,
                the_clock_mark_only_moves_forward,
                an_entry_in_doubt_leaves_the_clock_mark,
                a_probe_changes_nothing,
            }
            fleet {
                only_a_persistent_token_with_a_policy_has_a_fleet_key,
                a_listed_name_is_taken_in_its_policy,
                a_deletion_revokes_and_may_end_the_listing,
                fleet_tokens_are_filtered_and_counted,
                a_retired_fleet_key_ends_its_tokens,
            }
            output_keys {
                a_wanted_key_is_made_once,
                an_attempt_without_an_end_is_invalidated_first,
                a_host_without_the_right_loses_its_key,
                a_copied_or_re_enrolled_host_loses_its_key,
                a_lapsed_host_loses_its_key,
                a_withdrawn_attempt_learns_its_id,
                a_reported_key_is_checked_every_five_minutes,
                a_former_cluster_stays_until_its_keys_have_ended,
                a_rotation_seals_keys_and_former_clusters_again,
            }
            failing_clusters {
                a_failing_cluster_delays_all_its_work,
                a_failing_invalidation_is_the_state_of_waiting_keys,
                a_failed_attempt_is_invalidated_first,
                a_changed_output_is_tried_at_once,
                a_clock_set_back_stops_no_work,
                a_rotation_replaces_keys_that_do_not_open,
            }
            minting {
                a_mint_is_read_back_as_it_was_recorded,
                lists_are_newest_first_and_hide_ended_tokens,
                only_live_persistent_tokens_are_listed_as_such,
                a_mint_needs_its_list,
                an_index_is_never_given_again,
                each_type_of_token_is_listed_by_itself,
                a_token_is_signed_by_a_key_of_its_own_type,
            }
            opaque_keys {
                a_key_is_read_with_its_certificate,
                a_key_is_replaced_until_one_is_used,
                the_number_of_keys_of_a_certificate_is_bounded,
                no_key_is_replaced_without_its_conditions,
                a_reenrollment_ends_the_former_key,
                a_collected_host_leaves_no_key,
                a_waiting_host_keeps_its_wish,
            }
            batches {
                a_batch_is_recorded_whole_or_not_at_all,
                a_batch_of_a_former_key_is_not_recorded,
                a_repeated_idempotency_key_mints_nothing,
                each_caller_has_its_own_idempotency_keys,
                the_oldest_idempotency_key_makes_room,
                idempotency_keys_go_after_a_day,
            }
            listing {
                the_newest_use_is_kept_with_the_token,
                each_filter_shows_its_tokens_and_no_other,
                unused_tokens_are_neither_new_nor_used,
                a_pattern_judges_a_bounded_number_of_rows,
                the_next_page_begins_after_the_last_row,
                a_filter_by_state_agrees_with_the_records,
                tokens_and_hosts_are_counted_by_state,
                a_filter_by_role_follows_changes,
                hosts_are_found_by_token_role_name_and_state,
            }
            sorting {
                tokens_are_sorted_with_equal_expiries,
                hosts_are_sorted_with_equal_values,
                live_rows_by_expiry_need_one_page,
                a_page_begins_after_its_position,
                a_search_finds_labels_and_ids,
                a_search_combines_with_order_and_filters,
                a_search_finds_hosts_by_their_texts,
                a_filter_keeps_the_order,
            }
            membership {
                a_host_gets_the_policy_of_its_token,
                a_changed_policy_is_judged_again,
                a_moved_host_renews_under_its_new_policy,
                a_move_takes_roles_with_the_next_certificate,
                a_refused_move_changes_nothing,
                a_bound_token_moves_its_host,
                a_bound_token_needs_its_host_as_judged,
                roles_judged_by_another_policy_stay,
                an_ephemeral_host_goes_when_it_lapses,
                a_revoked_ephemeral_host_stays_refused,
                an_ephemeral_host_stays_while_a_certificate_is_valid,
                a_policy_sets_the_time_of_renewal,
                a_waiting_host_shows_the_policy_of_its_token,
            }
            recognition {
                a_host_keeps_the_label_of_its_token,
                a_set_label_has_its_entry,
                the_first_reported_label_stays,
                a_newer_report_stays,
                a_set_label_precedes_the_reported_one,
                the_last_contact_moves_forward_only,
                the_newest_check_in_stays,
                hosts_are_found_by_cluster_contact_and_expiry,
            }
            quarantine {
                both_copies_of_a_host_are_refused,
                only_a_good_superseded_certificate_quarantines,
                quarantines_within_an_hour_are_bounded,
                a_release_keeps_one_certificate,
                a_release_needs_a_good_certificate,
                hosts_in_quarantine_are_listed_and_counted,
                an_outdated_revision_changes_nothing,
            }
            counting {
                enrollments_and_refusals_are_counted_by_hour,
                an_act_without_an_entry_counts_nothing,
                counters_go_after_four_hundred_days,
            }
            redeeming {
                the_first_redemption_makes_a_host,
                the_transaction_judges_a_replaced_host,
                the_same_pair_gets_the_winners_certificate,
                a_spent_token_refuses_another_key,
                two_hundred_race_for_one_use,
                two_hundred_race_for_a_hundred_uses,
                the_same_key_racing_with_itself_makes_one_host,
                a_revoked_token_is_refused,
                a_pair_is_answered_after_its_token_was_revoked,
                a_persistent_token_without_a_row_is_refused,
                a_token_of_an_unknown_list_is_refused,
                a_taken_name_is_refused_and_spends_nothing,
                a_lapsed_host_holds_its_name_for_a_while,
                a_taken_name_revokes_older_certificates,
                the_key_of_a_revoked_host_is_refused_under_every_token,
                unlimited_tokens_count_their_uses,
            }
            reenrolling {
                a_bound_token_continues_the_lineage,
                a_bound_token_fits_its_host_as_minted,
                a_former_key_of_a_host_recertifies_nothing,
                a_bound_token_withdraws_a_name_of_the_authority,
                a_new_key_ends_a_quarantine,
            }
            capacity {
                a_full_fleet_refuses_and_spends_nothing,
                a_host_with_a_slot_renews_at_the_limit,
                a_lapsed_host_needs_a_free_slot,
                a_bound_host_needs_a_slot_once_lapsed,
                a_released_host_holds_its_slot_again,
                a_quarantined_host_holds_its_slot_until_its_end,
                a_replaced_host_leaves_its_slot,
                an_exempt_host_goes_over_the_limit,
                a_stored_limit_replaces_the_configured_one,
                two_hundred_race_for_a_hundred_slots,
                the_count_follows_the_clock_both_ways,
            }
            releasing {
                a_suspended_token_admits_hosts_once_released, the_api_key_of_a_suspended_token_is_refused,
                a_limited_token_is_released_with_fewer_uses, only_suspended_tokens_are_released,
                a_revoked_token_is_no_longer_suspended, a_suspended_token_has_no_successor,
                a_suspended_key_writes_nothing_until_released,
            }
            renewing {
                the_newest_certificate_renews,
                a_lost_answer_is_given_again,
                a_lost_answer_can_be_replaced_with_another_key,
                a_superseded_certificate_conflicts_after_use,
                the_first_use_of_the_newest_supersedes_its_predecessor,
                the_newest_certificate_may_keep_its_key,
                a_renewal_with_other_roles_is_built_again,
                a_host_that_loops_is_stopped_until_an_hour_has_passed,
                a_certificate_without_its_name_still_renews,
                an_old_pair_loses_the_authoritys_name,
                live_hosts_are_counted_by_the_reached_url,
                strangers_and_revoked_hosts_do_not_renew,
                an_old_pair_is_certified_again_for_the_same_host,
                certifying_an_old_pair_twice_locks_out_nobody,
                a_renewed_host_is_certified_again_for_its_newest_key,
                recertifying_needs_a_live_token_and_the_pairs_own_host,
            }
            restoring {
                tokens_that_could_be_redeemed_are_suspended, unknown_indexes_are_published_as_revoked,
                sessions_keys_and_users_wait_for_a_release, waits_of_hosts_end,
                hosts_that_a_crl_ends_are_revoked, numbers_of_crls_go_on_from_the_time,
                later_certificates_of_known_hosts_are_adopted, revoked_hosts_are_not_adopted,
            }
            roles {
                added_roles_revoke_nothing,
                a_removed_role_revokes_with_the_next_certificate,
                a_removed_role_revokes_at_once_if_asked,
                the_same_roles_change_nothing,
                roles_that_were_not_judged_stay,
                unknown_and_revoked_hosts_keep_their_roles,
            }
            revoking {
                a_token_is_revoked_once,
                the_emergency_token_needs_confirmation,
                only_persistent_tokens_are_found_if_asked,
                a_token_is_revoked_as_its_own_type_only,
                a_token_without_uses_left_stays_as_it_is,
                a_revoked_token_leaves_its_hosts_alone,
                a_host_is_revoked_with_its_certificates_and_keys,
                revocations_survive_a_restart,
            }
            together {
                a_token_goes_with_its_hosts_if_asked,
                the_hosts_of_a_token_that_was_revoked_before_go_too,
                tokens_go_together_and_leave_hosts_and_the_emergency_token,
                one_token_and_many_follow_the_same_rules,
                a_revoked_emergency_tokens_hosts_go_with_many,
                hosts_go_together_each_with_its_entry,
                a_rotated_token_is_revoked_when_its_overlap_is_over,
                an_ended_rotated_token_is_not_revoked,
                without_an_overlap_the_token_goes_at_once,
                a_token_has_one_successor_and_none_after_its_end,
            }
            keys {
                rotation_moves_each_key_on_one_place,
                keys_in_use_do_not_retire,
                a_token_of_a_former_key_is_not_recorded,
                a_needed_key_says_how_many_tokens_need_it,
                retiring_a_needed_key_ends_its_tokens,
                a_compromised_key_leaves_only_fresh_keys,
                accepting_the_clock_begins_a_new_epoch,
                ephemeral_tokens_of_a_retired_key_have_ended,
                the_keys_of_each_use_move_by_themselves,
            }
            collecting {
                nothing_that_is_still_needed_is_collected,
                ephemeral_tokens_go_after_retention,
                persistent_tokens_go_with_their_pairs,
                a_collected_token_stays_refused_after_a_restart,
                hosts_go_with_their_certificates_and_pairs,
                pairs_of_a_revoked_host_stay_as_long_as_it_does,
                superseded_and_revoked_certificates_go_once_expired,
                lists_go_when_all_their_tokens_have_expired,
                a_run_is_bounded_and_says_that_more_is_left,
                use_counts_stay_as_long_as_the_token_is_listed,
            }
            rules {
                a_rule_is_read_back_and_listed_oldest_first,
                a_change_begins_another_revision,
                an_outdated_rule_is_neither_changed_nor_deleted,
                the_number_of_rules_is_bounded,
            }
            policies {
                a_policy_is_read_back_and_listed_oldest_first,
                a_policy_is_created_with_its_first_token,
                a_change_of_a_policy_keeps_the_revision_before,
                the_last_hundred_revisions_stay,
                an_outdated_policy_is_neither_changed_nor_deleted,
                a_policys_name_is_taken_once,
                a_deleted_policy_takes_its_live_tokens,
                the_number_of_policies_is_bounded,
            }
            outputs {
                an_output_is_read_back_and_listed_oldest_first,
                a_change_of_an_output_replaces_its_secrets,
                an_outdated_output_is_neither_changed_nor_deleted,
                an_outputs_name_is_taken_once,
                an_output_of_a_policy_stays,
                a_policy_of_an_unknown_output_is_not_created,
                a_rotation_seals_every_secret_again,
                a_secret_that_does_not_open_stops_a_rotation,
            }
            sessions {
                a_session_is_read_back_after_a_restart,
                a_session_begins_in_the_users_own_epoch_only,
                a_users_sessions_are_listed_newest_first,
                the_oldest_session_makes_room_for_one_too_many,
                a_used_session_stays,
                a_new_password_ends_every_session,
                a_session_ends_once,
                signing_out_everywhere_ends_all_sessions,
                use_moves_on_and_leaves_no_entry,
                expired_and_unused_sessions_are_collected,
            }
            ledger {
                every_act_has_exactly_one_entry,
                refusals_and_repeats_leave_no_entry,
                entries_are_read_in_order_and_backwards,
                entries_are_found_by_every_condition,
            }
            waiting {
                a_waiting_host_holds_a_use_only, an_approval_admits_the_host_and_takes_the_use,
                a_denial_gives_the_use_back_or_keeps_it, an_expired_wait_gives_the_use_back,
                an_ended_token_ends_its_waits, the_queue_is_bounded,
                a_full_fleet_lets_no_host_wait, a_name_taken_meanwhile_leaves_the_host_waiting,
                a_rule_admits_up_to_its_cap, a_warning_admits_with_a_note,
                rules_and_waits_never_exceed_the_uses, of_two_deciders_one_decides,
                a_retired_key_ends_waits_of_expired_tokens_too,
                a_deleted_policy_ends_waits_of_expired_tokens_too,
                a_deleted_minter_ends_waits_of_expired_tokens_too, a_due_revocation_ends_waits_for_good,
                a_denied_key_is_approved_under_no_token, a_replaced_host_leaves_its_place_in_the_rule,
                expired_waits_make_room_at_once, a_changed_mode_is_judged_again,
                a_key_that_was_revoked_is_not_approved, a_token_spent_by_approval_is_collected,
                a_token_is_kept_while_a_host_waits,
            }
        }
    };
}
pub(super) use contract;
