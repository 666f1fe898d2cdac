//! The columns of hosts, for the command line and for the API.

use super::{Column, Columns};

/// The columns of a list of hosts. Parentheses show a host's own words.
pub const HOSTS: Columns = Columns {
    id: "id",
    name: "name",
    shown: &[
        Column::ID,
        Column::STATE,
        Column::text("NAME", "name|(reported.hostname)"),
        Column::text("LABEL", "label|(reported.label)").rank(3),
        Column::text("TOKEN LABEL", "token_label").rank(5),
        Column::text("ROLES", "roles").rank(2),
        Column::text("POLICY", "policy_name|policy").rank(7),
        Column::time("LAST SEEN", "last_seen_at").rank(1),
        Column::text("ADDRESS", "last_seen_from").rank(6),
        Column::text("HEALTH", "(checkin.status)").rank(7),
        Column::time("EXPIRES", "certificate.expires_at").rank(4),
    ],
};
