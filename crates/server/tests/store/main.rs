//! The verbs of the store: one suite for both engines, each test on a database of its own, and what
//! only one of them can do wrong.
//!
//! PostgreSQL is started by the tests themselves from the installed binaries; where there are none
//! the tests fail, unless `COUNTERSIGN_SKIP_POSTGRES=1` says that they are not wanted.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test whose preparations fail must fail loudly"
)]

mod cast;
mod cluster;
mod fixture;
mod postgres;
mod sqlite;
mod suite;

/// Runs every test of the suite on both engines.
macro_rules! on_both_engines {
    ($($file:ident: $($test:ident)+;)+) => {
        mod on_sqlite { on_both_engines!(@engine sqlite $($($file $test)+)+); }
        mod on_postgres { on_both_engines!(@engine postgres $($($file $test)+)+); }
    };
    (@engine $engine:ident $($file:ident $test:ident)+) => {
        $(#[tokio::test]
        async fn $test() {
            if let Some(fixture) = crate::fixture::Fixture::$engine().await {
                crate::suite::$file::$test(fixture).await;
            }
        })+
    };
}

on_both_engines! {
    users:
        a_user_is_found_by_name_in_any_case_and_by_id
        a_name_is_given_once_whatever_its_case
        users_are_listed_by_name_in_pages
        users_are_imported_as_far_as_their_names_are_free
        of_each_kind_of_hash_one_is_known
        a_user_changes_and_each_change_is_written_down
        a_role_that_is_taken_away_ends_every_session
        a_password_is_changed_by_its_owner_only_while_it_is_the_one_checked
        a_deleted_user_is_gone_with_every_session_and_revoked
        what_is_not_there_is_missing
        a_nul_in_what_somebody_typed_is_no_failure;
    sessions:
        a_session_comes_back_as_it_was_stored
        no_session_opens_for_a_user_who_changed_while_the_password_was_checked
        no_session_opens_by_rights_that_have_changed
        a_sign_in_may_bring_a_better_hash
        the_least_recently_used_session_ends_for_one_too_many
        an_ended_session_is_published_and_rotates_no_more
        a_session_is_ended_by_its_owner_only
        everybodys_sessions_end_at_once
        a_new_password_ends_every_session_but_the_one_to_keep
        living_sessions_are_listed_in_pages
        the_sessions_of_a_user_come_in_pages_newest_first
        a_sweep_removes_what_is_long_over_and_nothing_else
        a_sweep_says_whether_there_is_more
        a_session_is_kept_as_long_as_its_tokens_may_live
        a_failed_write_takes_nobody_else_with_it;
    endings:
        very_many_sessions_end_a_batch_at_a_time
        what_is_left_of_an_ending_is_refreshed_no_more
        a_session_opened_meanwhile_goes_on
        an_ending_that_was_cut_short_is_taken_up
        the_session_to_keep_is_kept_through_every_batch
        an_ending_after_another_says_what_is_kept
        a_user_with_very_many_sessions_is_deleted_with_the_last
        a_client_with_very_many_sessions_is_deleted;
    rotation:
        a_rotation_moves_one_generation_on_and_only_once
        a_rotation_may_change_the_mac_key
        what_does_not_match_changes_nothing
        of_many_racers_one_rotates;
    clients:
        a_client_comes_back_as_it_was_stored
        a_client_id_is_given_once_and_to_no_user
        clients_are_listed_in_pages
        a_change_is_made_to_the_client_as_it_was_read
        what_a_client_was_granted_ends_with_it
        of_a_client_only_what_was_taken_ends
        no_session_opens_for_a_client_that_is_not_there
        another_process_notices_a_changed_client
        an_assertion_is_used_once_until_it_has_expired
        a_token_of_its_own_is_revoked
        scope_that_is_taken_away_ends_every_session;
    keys:
        keys_come_back_as_they_were_stored
        a_step_is_taken_once
        a_change_that_fails_half_way_is_undone
        a_key_is_sealed_anew_if_it_is_still_what_it_was
        a_longer_life_is_remembered_until_its_last_token_is_gone
        a_life_in_use_is_marked_again;
    database:
        everything_is_there_after_the_database_is_opened_again
        what_another_process_publishes_is_noticed
        a_database_of_a_newer_program_is_refused
        the_audit_log_is_read_in_pages_and_from_its_end
        old_audit_lines_are_swept;
    upgrade:
        what_the_first_release_stored_is_there_and_in_use
        clients_from_before_have_each_a_sid_of_their_own;
    whole:
        a_session_is_not_refreshed_for_an_audience_that_is_gone
        everybody_is_out_of_a_database_that_was_put_back;
}
