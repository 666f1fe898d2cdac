//! Permissions that routes require.

use std::fmt;

use super::{Actor, Rights};

/// The permission a route needs. Every route states one, in the one table of routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
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
    /// List and show policies.
    ReadPolicies,
    /// Change policies.
    WritePolicies,
    /// List and verify the ledger.
    ReadLedger,
    /// See the overview, roles, signing keys, CA, clock, settings and the own account: every signed-in caller.
    Read,
    /// Users, API keys, keys, settings, the clock: everything else.
    Administer,
    /// An enrollment token, judged by the redeem pipeline itself.
    Redeem,
    /// A host's own certificate.
    BeHost,
    /// A host's own certificate, or its opaque key.
    HostOrKey,
    /// The same, also if it was revoked for its name alone: the next one is without the name.
    Renew,
    /// A user's own sessions and password: no API key opens them.
    BeUser,
    /// API keys: a user's own, or with [`Permission::Administer`] everybody's. An API key needs that too.
    KeepKeys,
    /// A user's name and password, judged by the handler: they may stand in the body.
    SignIn,
    /// Introspect a token: callers that may list tokens, and every host.
    Introspect,
}

impl Permission {
    /// The permissions that users and API keys are given.
    pub const GIVEN: [Self; 9] = [
        Self::ReadTokens,
        Self::WriteTokens,
        Self::ReadHosts,
        Self::WriteHosts,
        Self::ReadPolicies,
        Self::WritePolicies,
        Self::ReadLedger,
        Self::Read,
        Self::Administer,
    ];

    /// Returns true if `actor` with these `rights` has this permission. A token, a host certificate and an opaque key open their own
    /// routes and no other.
    pub fn allows(self, actor: &Actor, rights: &Rights) -> bool {
        match self {
            Self::Anyone | Self::SignIn => true,
            Self::Redeem => matches!(actor, Actor::Bearer),
            Self::BeHost | Self::Renew => matches!(actor, Actor::Host { .. }),
            Self::HostOrKey => matches!(actor, Actor::Host { .. } | Actor::OpaqueKey(_)),
            Self::BeUser => matches!(actor, Actor::User(_)),
            Self::KeepKeys => {
                rights.permissions.contain(Self::Administer) || Self::BeUser.allows(actor, rights)
            }
            Self::Introspect => {
                rights.permissions.contain(Self::ReadTokens) || Self::BeHost.allows(actor, rights)
            }
            given => rights.permissions.contain(given),
        }
    }

    /// The API key scope that gives it; `None` if every one does, or none.
    pub const fn scope(self) -> Option<&'static str> {
        match self {
            Self::ReadTokens | Self::Introspect => Some("tokens:read"),
            Self::WriteTokens => Some("tokens:write"),
            Self::ReadHosts => Some("hosts:read"),
            Self::WriteHosts => Some("hosts:write"),
            Self::ReadPolicies => Some("policies:read"),
            Self::WritePolicies => Some("policies:write"),
            Self::ReadLedger => Some("ledger:read"),
            Self::Administer | Self::KeepKeys => Some("admin"),
            Self::Anyone
            | Self::SignIn
            | Self::Read
            | Self::Redeem
            | Self::BeHost
            | Self::HostOrKey
            | Self::Renew
            | Self::BeUser => None,
        }
    }
}

/// A set of the permissions that can be [given](Permission::GIVEN).
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Permissions(u16);

impl Permissions {
    /// None.
    pub const NONE: Self = Self(0);
    /// All that can be given.
    pub const ALL: Self = Self::of(&Permission::GIVEN);

    /// These.
    pub const fn of(permissions: &[Permission]) -> Self {
        let (mut bits, mut place) = (0, 0);
        while place < permissions.len() {
            bits |= 1 << permissions[place] as u16;
            place += 1;
        }
        Self(bits)
    }

    /// Returns true if `permission` is in the set.
    pub const fn contain(self, permission: Permission) -> bool {
        self.0 & (1 << permission as u16) != 0
    }

    /// Those of either.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those of both.
    #[must_use]
    pub const fn within(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Those that `other` has not.
    pub fn beyond(self, other: Self) -> impl Iterator<Item = Permission> {
        Permission::GIVEN.into_iter().filter(move |one| self.contain(*one) && !other.contain(*one))
    }
}

impl fmt::Debug for Permissions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.beyond(Self::NONE)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Limits, Scope, UserRole};
    use crate::clock::Timestamp;
    use crate::id::{HostId, Serial};

    #[test]
    fn hosts_and_tokens_open_their_own_routes_only() {
        let host = Actor::Host { id: HostId::generate(Timestamp::from_secs(1)), serial: Serial::generate() };
        for permission in Permission::GIVEN.into_iter().chain([Permission::BeUser]) {
            assert!(!permission.allows(&host, &Rights::NONE), "{permission:?}");
            assert!(!permission.allows(&Actor::Bearer, &Rights::NONE), "{permission:?}");
        }
        assert!(Permission::BeHost.allows(&host, &Rights::NONE));
        assert!(Permission::Introspect.allows(&host, &Rights::NONE));
        assert!(Permission::Redeem.allows(&Actor::Bearer, &Rights::NONE));
        assert!(!Permission::BeHost.allows(&Actor::Bearer, &Rights::NONE));
        assert!(!Permission::Redeem.allows(&host, &Rights::NONE));
    }

    #[test]
    fn an_opaque_key_has_one_permission() {
        let key = Actor::OpaqueKey(HostId::generate(Timestamp::from_secs(1)));
        let host_permissions = [
            Permission::BeHost,
            Permission::Renew,
            Permission::Introspect,
            Permission::BeUser,
            Permission::Redeem,
        ];
        for permission in Permission::GIVEN.into_iter().chain(host_permissions) {
            assert!(!permission.allows(&key, &Rights::NONE), "{permission:?}");
        }
        assert!(Permission::HostOrKey.allows(&key, &Rights::NONE));
    }

    #[test]
    fn an_admin_is_no_host_and_no_token() {
        let (admin, rights) =
            (Actor::User("admin".to_owned()), Rights::of_role(UserRole::Admin, Limits::ANY));
        assert!(Permission::Administer.allows(&admin, &rights));
        assert!(Permission::BeUser.allows(&admin, &rights));
        assert!(!Permission::BeHost.allows(&admin, &rights));
        assert!(!Permission::Redeem.allows(&admin, &rights));
    }

    #[test]
    fn a_key_keeps_keys_only_as_an_admin() {
        let viewer = Rights::of_role(UserRole::Viewer, Limits::ANY);
        assert!(Permission::KeepKeys.allows(&Actor::User("viewer".to_owned()), &viewer));
        let key = Actor::ApiKey(crate::id::ApiKeyId::generate(Timestamp::from_secs(1)));
        for scope in Scope::ALL {
            let rights = Rights::of_scopes(&[scope], Limits::ANY);
            assert_eq!(Permission::KeepKeys.allows(&key, &rights), scope == Scope::Admin, "{scope}");
        }
    }

    #[test]
    fn the_local_actor_has_all_rights_without_an_account() {
        assert!(
            Permission::GIVEN.into_iter().all(|permission| permission.allows(&Actor::Local, &Rights::ALL))
        );
        assert!(!Permission::BeUser.allows(&Actor::Local, &Rights::ALL));
    }

    #[test]
    fn sets_of_permissions_are_joined_cut_and_compared() {
        let read = Permissions::of(&[Permission::ReadTokens, Permission::Read]);
        let write = Permissions::of(&[Permission::WriteTokens, Permission::Read]);
        assert_eq!(read.within(write), Permissions::of(&[Permission::Read]));
        assert_eq!(read.and(write).beyond(read).collect::<Vec<_>>(), [Permission::WriteTokens]);
        assert_eq!(Permissions::ALL.beyond(Permissions::ALL).count(), 0);
    }
}
