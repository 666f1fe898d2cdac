//! The two kinds of token: where each is found, and what is shown of it.

use serde_json::Value;

use crate::client::ClientError;

/// A kind of token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Hosts enroll with it.
    Enrollment,
    /// A service lets its holder in.
    Service,
}

impl Kind {
    /// Where the API has them.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Enrollment => "/api/v1/enrollment-tokens",
            Self::Service => "/api/v1/service-tokens",
        }
    }

    /// What to say where there are none.
    pub(super) const fn nothing(self) -> &'static str {
        match self {
            Self::Enrollment => "no tokens: `gatepass token create` mints one",
            Self::Service => "no service tokens: `gatepass token create --audience URI` mints one",
        }
    }

    /// The columns of a list.
    pub(super) const fn columns(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Enrollment => &[
                ("ID", "id"),
                ("STATE", "state"),
                ("LABEL", "label"),
                ("ROLES", "roles"),
                ("USED", "used"),
                ("OF", "max_uses?unlimited"),
                ("HOSTS", "hosts"),
                ("LAST USED", "last_used_at?never"),
                ("EXPIRES", "expires_at?never"),
                ("MINTER", "minter"),
            ],
            Self::Service => &[
                ("ID", "id"),
                ("STATE", "state"),
                ("LABEL", "label"),
                ("ROLES", "roles"),
                ("AUDIENCE", "audience"),
                ("EXPIRES", "expires_at"),
                ("MINTER", "minter"),
            ],
        }
    }

    /// The lines of one token.
    pub(super) const fn rows(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Enrollment => &[
                ("id", "id"),
                ("state", "state"),
                ("label", "label"),
                ("roles", "roles"),
                ("persistent", "persistent"),
                ("emergency", "emergency"),
                ("minted by", "minter"),
                ("minted at", "created_at"),
                ("expires at", "expires_at?never"),
                ("revoked at", "revoked_at"),
                ("used", "used"),
                ("of", "max_uses?unlimited"),
                ("left", "uses_left?unlimited"),
                ("hosts", "hosts"),
                ("last used", "last_used_at?never"),
                ("by host", "last_used_by"),
                ("from", "last_used_from"),
                ("replaced by", "replaced_by"),
                ("revokes at", "revokes_at"),
                ("DNS names", "dns_names"),
                ("cluster", "cluster"),
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

/// Asks for an enrollment token, and where there is none, for a service token: an id does not say which it names.
pub(super) async fn either(
    ask: impl AsyncFn(Kind) -> Result<Value, ClientError>,
) -> Result<(Kind, Value), ClientError> {
    match ask(Kind::Enrollment).await {
        Err(error) if error.code() == Some("not_found") => {
            ask(Kind::Service).await.map(|answer| (Kind::Service, answer))
        }
        answer => answer.map(|answer| (Kind::Enrollment, answer)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::problem::Problem;

    fn refused(code: &str) -> ClientError {
        ClientError::Refused(Box::new(Problem { code: code.to_owned(), ..Problem::default() }))
    }

    #[tokio::test]
    async fn only_a_token_that_is_not_found_is_asked_for_as_the_other_kind() {
        let service = async |kind| match kind {
            Kind::Enrollment => Err(refused("not_found")),
            Kind::Service => Ok(Value::Null),
        };
        assert_eq!(either(service).await.unwrap().0, Kind::Service);
        let forbidden = async |kind| match kind {
            Kind::Enrollment => Err(refused("forbidden")),
            Kind::Service => Ok(Value::Null),
        };
        assert_eq!(either(forbidden).await.unwrap_err().code(), Some("forbidden"));
    }
}
