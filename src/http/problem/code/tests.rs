use std::fmt::Write as _;

use super::*;

/// The table, as clients know it.
const PINNED: &str = "\
400 invalid_request Invalid request
400 unsupported_token_type Unsupported token type
401 unauthenticated Unauthenticated
401 invalid_token Invalid token
403 forbidden Forbidden
403 csrf CSRF
403 insufficient_scope Insufficient scope
403 binding_mismatch Binding mismatch
403 beyond_limits Beyond limits
403 current_password_required Current password required
403 host_revoked Host revoked
403 host_unknown Host unknown
403 certificate_revoked Certificate revoked
403 certificate_superseded Certificate superseded
403 lineage_conflict Lineage conflict
403 host_quarantined Host quarantined
403 no_policy No policy
403 audience_not_allowed Audience not allowed
403 token_suspended Token suspended
403 api_key_suspended API key suspended
403 credential_not_allowed Credential not allowed
403 node_limit_exceeded NodeLimitExceeded
403 enrollment_denied Enrollment denied
403 enrollment_changed Enrollment changed
403 four_eyes Four eyes
404 not_found Not found
405 method_not_allowed Method not allowed
408 body_timeout Body timeout
409 backup_not_configured Backup not configured
409 backup_running Backup running
409 name_taken Name taken
409 host_ended Host ended
409 roles_not_in_policy Roles not in policy
409 host_not_quarantined Host not quarantined
409 already_decided Already decided
409 user_exists User exists
409 last_admin Last admin
409 rights_changed Rights changed
409 too_many_api_keys Too many API keys
409 too_many_rules Too many rules
409 too_many_policies Too many policies
409 policy_exists Policy exists
409 policy_in_use Policy in use
409 too_many_outputs Too many outputs
409 output_exists Output exists
409 output_in_use Output in use
409 emergency_token Emergency token
409 uses_left_required Uses left required
409 already_rotated Already rotated
409 idempotency_conflict Idempotency conflict
409 count_changed Count changed
409 key_needed Key needed
409 key_in_use Key in use
409 issuer_needed Issuer needed
409 issuer_in_use Issuer in use
409 root_key_away Root key away
409 root_expired Root expired
409 ca_imported CA imported
409 issuing_ca_in_use Issuing CA in use
410 token_expired Token expired
410 token_used Token used
410 token_exhausted Token exhausted
410 token_revoked Token revoked
410 enrollment_expired Enrollment expired
412 stale Stale
413 body_too_large Body too large
415 unsupported_media_type Unsupported media type
422 csr_rejected CSR rejected
429 too_many_requests Too many requests
429 too_many_waiting Too many waiting
429 rate_limited Rate limited
500 internal_error Internal error
503 contended Contended
503 store_unavailable Store unavailable
503 overloaded Overloaded
503 too_many_streams Too many streams
503 clock_in_doubt Clock in doubt
503 ca_not_valid CA not valid
503 keys_unavailable Keys unavailable
503 backup_failed Backup failed
";

#[test]
fn the_table_is_what_clients_know() {
    let mut table = String::new();
    for code in Code::ALL {
        let status = code.status().as_u16();
        writeln!(table, "{status} {} {}", code.as_str(), code.title()).unwrap();
        assert_eq!(Code::find(code.as_str()), Some(*code), "each name is written once");
    }
    assert_eq!(table, PINNED);
    assert_eq!(Code::find("teapot"), None);
}

#[test]
fn a_set_contains_all_its_codes() {
    let names = TokenEnded::responses().into_keys().collect::<Vec<_>>();
    assert_eq!(names, ["token_exhausted", "token_expired", "token_revoked", "token_suspended", "token_used"]);
}
