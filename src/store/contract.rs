//! The contract of a store: what every backend must do, whatever database is behind it.
//!
//! A backend implements [`Backend`] and calls `contract!` with it; each case becomes a test of its own.

pub(super) mod accounts;
pub(super) mod administration;
pub(super) mod api_keys;
pub(super) mod basis;
pub(super) mod collecting;
pub(super) mod keys;
pub(super) mod ledger;
pub(super) mod listing;
pub(super) mod minting;
pub(super) mod redeeming;
pub(super) mod renewing;
pub(super) mod revoking;
pub(super) mod roles;
pub(super) mod sessions;
pub(super) mod together;
mod world;

pub(super) use self::world::{Backend, World};

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
                }
            )*
        }
    )*};
    ($backend:expr) => {
        crate::store::contract::contract! { $backend;
            accounts {
                a_user_is_read_back_as_created_and_a_name_is_taken_once,
                the_last_whole_admin_stays_one,
                two_admins_who_remove_each_other_leave_one,
                a_change_is_judged_again_when_the_user_has_moved_on,
                a_new_password_and_signing_out_begin_an_epoch_and_a_new_role_does_not,
                who_comes_after_a_deleted_user_of_the_same_name_has_other_epochs,
                a_deleted_user_takes_keys_and_if_asked_tokens_along,
                users_are_listed_by_name_page_by_page,
                known_addresses_are_bounded_and_expire,
            }
            api_keys {
                a_key_is_read_with_its_owner_and_listed_for_it,
                a_deleted_key_takes_its_live_tokens_along_if_asked,
                a_deleted_key_takes_along_what_it_made_and_what_that_made,
                the_emergency_token_outlives_who_minted_it,
                a_key_of_somebody_else_is_not_found,
                the_latest_use_of_a_key_stays,
                one_user_owns_only_so_many_keys_and_nobody_no_more,
                an_expired_key_is_collected_after_the_retention_time,
            }
            basis {
                nothing_is_written_for_who_has_lost_rights_meanwhile,
                who_changes_their_own_rights_is_asked_before,
                what_a_user_may_do_has_another_version_after_each_change,
            }
            administration {
                founding_happens_once,
                a_new_identity_is_recorded_once,
                only_former_issuers_retire,
                a_retired_issuer_takes_its_persistent_tokens_along_once_that_is_confirmed,
                a_password_is_replaced,
                changed_settings_are_kept_until_they_are_reset,
                crl_numbers_only_grow,
                the_clock_mark_only_moves_on_until_a_clock_is_accepted,
                a_probe_changes_nothing,
            }
            minting {
                a_mint_is_read_back_as_it_was_recorded,
                lists_are_paged_newest_first_and_hide_what_ended,
                only_live_persistent_tokens_are_listed_as_such,
                a_mint_needs_its_list,
                an_index_is_never_given_again,
                each_kind_of_token_is_listed_by_itself,
                a_token_is_signed_by_a_key_of_its_own_kind,
            }
            listing {
                the_newest_use_is_kept_with_the_token,
                each_filter_shows_its_tokens_and_no_other,
                unused_tokens_are_those_neither_minted_nor_used_lately,
                a_pattern_judges_so_many_rows_a_page_and_no_more,
                a_page_ends_after_its_limit_and_the_next_begins_there,
                a_filter_by_state_finds_what_records_say,
                changed_roles_and_collected_hosts_are_followed_by_the_filter,
                hosts_are_found_by_token_role_name_and_state,
            }
            redeeming {
                the_first_redemption_makes_a_host,
                the_same_pair_is_answered_with_the_winners_certificate,
                a_spent_token_refuses_another_key,
                two_hundred_race_for_one_use,
                two_hundred_race_for_a_hundred_uses,
                the_same_key_racing_with_itself_makes_one_host,
                a_revoked_token_is_refused,
                a_pair_is_answered_although_its_token_was_revoked_since,
                a_persistent_token_without_a_row_is_refused,
                a_token_of_an_unknown_list_is_refused,
                a_taken_name_is_refused_and_spends_nothing,
                the_key_of_a_revoked_host_is_refused_under_every_token,
                unlimited_tokens_count_their_uses,
            }
            renewing {
                the_newest_certificate_renews,
                a_lost_answer_is_given_again,
                a_lost_answer_can_be_replaced_with_another_key,
                a_superseded_certificate_conflicts_once_its_successor_was_seen,
                the_newest_certificate_may_keep_its_key,
                a_renewal_with_other_roles_is_built_again,
                a_host_that_loops_is_stopped_until_an_hour_has_passed,
                strangers_and_revoked_hosts_do_not_renew,
                an_old_pair_is_certified_again_for_the_same_host,
                certifying_an_old_pair_twice_locks_out_nobody,
                recertifying_needs_a_live_token_and_the_pairs_own_host,
            }
            roles {
                added_roles_revoke_nothing,
                a_removed_role_revokes_older_certificates_with_the_next_one,
                a_removed_role_revokes_at_once_if_asked,
                the_same_roles_change_nothing,
                unknown_and_revoked_hosts_keep_their_roles,
            }
            revoking {
                a_token_is_revoked_once,
                the_emergency_token_needs_confirmation,
                only_persistent_tokens_are_found_if_asked,
                a_token_is_taken_back_as_its_own_kind_only,
                a_token_without_uses_left_stays_as_it_is,
                a_revoked_token_leaves_its_hosts_alone,
                a_host_is_revoked_with_its_certificates_and_keys,
                revocations_survive_a_restart,
            }
            together {
                a_token_goes_with_its_hosts_if_asked,
                the_hosts_of_a_token_that_was_revoked_before_go_too,
                tokens_go_together_and_leave_hosts_and_the_emergency_token,
                one_token_and_many_are_taken_back_by_the_same_rules,
                a_revoked_emergency_tokens_hosts_go_with_many,
                hosts_go_together_each_with_its_entry,
                a_rotated_token_is_revoked_when_its_overlap_is_over,
                a_rotated_token_that_ended_by_itself_is_not_revoked,
                without_an_overlap_the_token_goes_at_once,
                a_token_has_one_successor_and_none_after_its_end,
            }
            keys {
                rotation_moves_each_key_on_one_place,
                keys_in_use_do_not_retire,
                a_token_of_a_key_that_signs_no_more_is_not_recorded,
                a_needed_key_says_how_many_tokens_need_it,
                retiring_a_needed_key_ends_its_tokens_and_replaces_the_emergency_token,
                a_compromised_key_retires_at_once_and_leaves_only_fresh_keys_to_sign,
                accepting_the_clock_begins_a_new_epoch,
                the_ephemeral_tokens_of_a_retired_key_are_listed_as_ended,
                the_keys_of_each_use_move_by_themselves,
            }
            collecting {
                nothing_that_is_still_needed_is_collected,
                ephemeral_tokens_go_after_retention_and_pairs_at_their_time,
                persistent_tokens_go_with_their_pairs,
                a_collected_token_stays_refused_after_a_restart,
                hosts_go_with_their_certificates_and_pairs,
                pairs_of_a_revoked_host_stay_as_long_as_it_does,
                superseded_and_revoked_certificates_go_once_expired,
                lists_go_when_all_their_tokens_have_expired,
                a_run_is_bounded_and_says_that_more_is_left,
                use_counts_stay_as_long_as_the_token_is_listed,
            }
            sessions {
                a_session_is_read_back_with_its_user_also_after_a_restart,
                a_session_begins_in_the_users_own_epoch_only,
                the_oldest_session_makes_room_for_one_too_many,
                a_session_that_is_used_makes_no_room_nor_does_one_of_another_kind,
                a_new_password_ends_every_session,
                a_session_ends_once,
                signing_out_everywhere_ends_all_sessions,
                use_moves_on_and_leaves_no_entry,
                what_expired_or_was_not_used_is_collected,
            }
            ledger {
                every_act_has_exactly_one_entry,
                refusals_and_repeats_leave_no_entry,
                entries_are_read_in_order_and_backwards,
            }
        }
    };
}
pub(super) use contract;
