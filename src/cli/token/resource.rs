//! The resources of the API that hold tokens: path, columns and rows of each.

use serde_json::Value;

use crate::cli::output::{Column, Columns};
use crate::client::ClientError;

/// A resource of the API that holds tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenResource {
    /// Tokens for enrolling hosts.
    Enrollment,
    /// Tokens for one service.
    Service,
}

impl TokenResource {
    /// The path in the API.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Enrollment => "/api/v1/enrollment-tokens",
            Self::Service => "/api/v1/service-tokens",
        }
    }

    /// The note for an empty list.
    pub(super) const fn nothing(self) -> &'static str {
        match self {
            Self::Enrollment => "no tokens: `gatepass token create` mints one",
            Self::Service => "no service tokens: `gatepass token create --audience URI` mints one",
        }
    }

    /// The columns of a list.
    pub(super) const fn columns(self) -> &'static Columns {
        match self {
            Self::Enrollment => &ENROLLMENT,
            Self::Service => &SERVICE,
        }
    }

    /// The lines of one token.
    pub(super) const fn rows(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Enrollment => &[
                ("id", "id"),
                ("state", "state"),
                ("kind", "kind"),
                ("warning", "warning"),
                ("label", "label"),
                ("roles", "roles"),
                ("persistent", "persistent"),
                ("emergency", "emergency"),
                ("minted by", "minter"),
                ("minted at", "created_at"),
                ("batch", "batch"),
                ("expires at", "expires_at?never"),
                ("revoked at", "revoked_at"),
                ("used", "used"),
                ("of", "max_uses?unlimited"),
                ("left", "uses_left?unlimited"),
                ("expected hosts", "expected_hosts"),
                ("hosts", "hosts"),
                ("last used", "last_used_at?never"),
                ("by host", "last_used_by"),
                ("from", "last_used_from"),
                ("replaced by", "replaced_by"),
                ("revokes at", "revokes_at"),
                ("DNS names", "dns_names"),
                ("cluster", "cluster"),
                ("policy", "policy"),
                ("only host", "host_id"),
                ("only key", "key_thumbprint"),
                ("signed by", "kid"),
            ],
            Self::Service => &[
                ("id", "id"),
                ("state", "state"),
                ("label", "label"),
                ("audience", "audience"),
                ("roles", "roles"),
                ("minted by", "minter"),
                ("minted at", "created_at"),
                ("expires at", "expires_at"),
                ("revoked at", "revoked_at"),
                ("status", "status_list"),
                ("signed by", "kid"),
            ],
        }
    }
}

/// The line of a token's approval mode, unless it is off.
pub(super) fn approval_row(item: &Value) -> Option<(&'static str, &'static str)> {
    let mode = item["approval"].as_str().filter(|mode| *mode != "off");
    mode.map(|_| ("approval", "approval"))
}

const ENROLLMENT: Columns = Columns {
    id: "id",
    name: "label",
    shown: &[
        Column::ID,
        Column::STATE,
        Column::text("LABEL", "label"),
        Column::text("KIND", "kind").rank(5),
        Column::text("ROLES", "roles").rank(2),
        Column::text("USED", "used").rank(3),
        Column::text("OF", "max_uses?unlimited").rank(4),
        Column::text("HOSTS", "hosts").rank(8),
        Column::time("LAST USED", "last_used_at?never").rank(7),
        Column::time("EXPIRES", "expires_at?never").rank(1),
        Column::actor("MINTER", "minter", "minter_label").rank(6),
    ],
};

const SERVICE: Columns = Columns {
    id: "id",
    name: "label",
    shown: &[
        Column::ID,
        Column::STATE,
        Column::text("LABEL", "label"),
        Column::text("ROLES", "roles").rank(2),
        Column::text("AUDIENCE", "audience").rank(3),
        Column::time("EXPIRES", "expires_at").rank(1),
        Column::actor("MINTER", "minter", "minter_label").rank(4),
    ],
};

/// Asks for an enrollment token, and if it is not found, for a service token: an id does not show its resource.
pub(super) async fn either(
    ask: impl AsyncFn(TokenResource) -> Result<Value, ClientError>,
) -> Result<(TokenResource, Value), ClientError> {
    match ask(TokenResource::Enrollment).await {
        Err(error) if error.code() == Some("not_found") => {
            ask(TokenResource::Service).await.map(|answer| (TokenResource::Service, answer))
        }
        answer => answer.map(|answer| (TokenResource::Enrollment, answer)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::problem::ServerProblem;
    use crate::wire::ProblemBody;

    fn refused(code: &str) -> ClientError {
        let body = ProblemBody { code: code.to_owned(), ..ProblemBody::default() };
        ClientError::Refused(Box::new(ServerProblem { body, ..ServerProblem::default() }))
    }

    #[test]
    fn approval_is_shown_unless_it_is_off() {
        let shown = |mode: &str| approval_row(&serde_json::json!({ "approval": mode })).is_some();
        assert_eq!(["off", "warn", "require"].map(shown), [false, true, true]);
        assert_eq!(approval_row(&Value::Null), None, "an earlier server");
    }

    #[tokio::test]
    async fn only_an_unknown_token_is_asked_for_twice() {
        let service = async |resource| match resource {
            TokenResource::Enrollment => Err(refused("not_found")),
            TokenResource::Service => Ok(Value::Null),
        };
        assert_eq!(either(service).await.unwrap().0, TokenResource::Service);
        let forbidden = async |resource| match resource {
            TokenResource::Enrollment => Err(refused("forbidden")),
            TokenResource::Service => Ok(Value::Null),
        };
        assert_eq!(either(forbidden).await.unwrap_err().code(), Some("forbidden"));
    }
}
