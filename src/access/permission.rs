//! What a route demands of its caller.

use super::Actor;

/// The permission a route needs. Every route states one, in the one table of routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Permission {
    /// Open to anyone.
    Anyone,
    /// List and show tokens.
    ReadTokens,
    /// Mint and revoke tokens.
    WriteTokens,
    /// List and show hosts.
    ReadHosts,
    /// Change and revoke hosts.
    WriteHosts,
    /// Read the ledger.
    ReadLedger,
    /// See roles, signing keys, CA and clock.
    Read,
    /// Rotate and retire keys, accept the clock: everything else.
    Administer,
    /// An enrollment token, judged by the redeem pipeline itself.
    Redeem,
    /// A host's own certificate.
    BeHost,
    /// Ask what a token says: whoever lists tokens, and every host.
    Introspect,
}

impl Permission {
    /// Whether `actor` has this permission. There is one kind of user so far, the admin, who has all that a user can
    /// have; a token and a host certificate open their own routes and no other.
    pub const fn allows(self, actor: &Actor) -> bool {
        match self {
            Self::Anyone => true,
            Self::ReadTokens
            | Self::WriteTokens
            | Self::ReadHosts
            | Self::WriteHosts
            | Self::ReadLedger
            | Self::Read
            | Self::Administer => matches!(actor, Actor::User(_) | Actor::Local),
            Self::Redeem => matches!(actor, Actor::Bearer),
            Self::BeHost => matches!(actor, Actor::Host { .. }),
            Self::Introspect => Self::ReadTokens.allows(actor) || Self::BeHost.allows(actor),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::id::{HostId, Serial};

    #[test]
    fn a_host_and_a_token_open_their_own_routes_and_no_other() {
        let host = Actor::Host { id: HostId::generate(Timestamp::from_secs(1)), serial: Serial::generate() };
        for permission in
            [Permission::ReadTokens, Permission::WriteTokens, Permission::Administer, Permission::Redeem]
        {
            assert!(!permission.allows(&host), "{permission:?}");
        }
        for permission in
            [Permission::ReadHosts, Permission::WriteTokens, Permission::BeHost, Permission::Read]
        {
            assert!(!permission.allows(&Actor::Bearer), "{permission:?}");
        }
        assert!(Permission::BeHost.allows(&host));
        assert!(Permission::Redeem.allows(&Actor::Bearer));
    }

    #[test]
    fn an_admin_is_no_host_and_no_token() {
        let admin = Actor::User("admin".to_owned());
        assert!(Permission::Administer.allows(&admin));
        assert!(!Permission::BeHost.allows(&admin));
        assert!(!Permission::Redeem.allows(&admin));
    }
}
