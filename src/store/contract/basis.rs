//! An act is not written if the caller has lost its rights since they were read (I5).

use super::world::*;
use super::{accounts, policies, sessions};
use crate::access::limits::Most;
use crate::access::{Actor, Limits, UserRole};
use crate::id::{HostId, KeyId, PolicyId, SessionId};
use crate::ledger::{Action, Basis};
use crate::name::Label;
use crate::store::*;

/// A change of the caller's rights after they were read.
#[derive(Clone, Copy, Debug)]
enum Lost {
    Role,
    Limits,
    Disabled,
    Password,
    SignedOut,
    SessionEnded,
    Deleted,
    Replaced,
    KeyDeleted,
    OwnerDemoted,
    OwnerDisabled,
    OwnerDeleted,
    KeyExpired,
}

/// All cases, the slow one last.
const ALL: [(Lost, StoreError); 13] = [
    (Lost::Role, StoreError::RightsChanged),
    (Lost::Limits, StoreError::RightsChanged),
    (Lost::Disabled, StoreError::ActorGone),
    (Lost::Password, StoreError::RightsChanged),
    (Lost::SignedOut, StoreError::RightsChanged),
    (Lost::SessionEnded, StoreError::ActorGone),
    (Lost::Deleted, StoreError::ActorGone),
    (Lost::Replaced, StoreError::RightsChanged),
    (Lost::KeyDeleted, StoreError::ActorGone),
    (Lost::OwnerDemoted, StoreError::RightsChanged),
    (Lost::OwnerDisabled, StoreError::ActorGone),
    (Lost::OwnerDeleted, StoreError::ActorGone),
    (Lost::KeyExpired, StoreError::ActorGone),
];

fn of_user(user: &UserRecord) -> Basis {
    Basis::User { name: user.name.clone(), epoch: user.epoch, version: user.version, session: None }
}

fn of_key(key: &ApiKeyRecord, owner: &UserRecord) -> Basis {
    Basis::ApiKey { id: key.id, owner: Some((owner.name.clone(), owner.version)) }
}

/// Lets a new admin lose rights. Returns the record that they were read from.
async fn lose(world: &mut World, lost: Lost) -> Basis {
    let user = world.user("eve", UserRole::Admin, Limits::ANY).await;
    let key = world.api_key(Some("eve")).await;
    let store = world.shared();
    let basis = match lost {
        Lost::KeyDeleted
        | Lost::OwnerDemoted
        | Lost::OwnerDisabled
        | Lost::OwnerDeleted
        | Lost::KeyExpired => of_key(&key, &user),
        Lost::SessionEnded => {
            let session = end_session(world, &user).await;
            Basis::User {
                name: user.name.clone(),
                epoch: user.epoch,
                version: user.version,
                session: Some(session),
            }
        }
        _ => of_user(&user),
    };
    let limits = Limits { max_uses: Most::UpTo(1), ..Limits::ANY };
    let change = world.change(&user, UserRole::Admin, false);
    let changed = match lost {
        Lost::Role | Lost::OwnerDemoted => {
            store.change_user(ChangeUser { role: UserRole::Viewer, ..change }).await.unwrap()
        }
        Lost::Limits => store.change_user(ChangeUser { limits, ..change }).await.unwrap(),
        Lost::Disabled | Lost::OwnerDisabled => {
            store.change_user(ChangeUser { disabled: true, ..change }).await.unwrap()
        }
        Lost::Password => store.replace_password(world.new_password(&user)).await.unwrap(),
        Lost::SignedOut => store.sign_out_user(sign_out(world, "eve")).await.unwrap(),
        Lost::SessionEnded
        | Lost::Deleted
        | Lost::OwnerDeleted
        | Lost::Replaced
        | Lost::KeyDeleted
        | Lost::KeyExpired => UserChange::Done,
    };
    assert_eq!(changed, UserChange::Done);
    match lost {
        Lost::Deleted | Lost::OwnerDeleted | Lost::Replaced => {
            store.delete_user(world.deletion("eve", false)).await.unwrap();
            world.new_entries().await;
        }
        Lost::KeyDeleted => {
            store.delete_api_key(world.key_deletion(key.id, None, false)).await.unwrap();
        }
        Lost::KeyExpired => world.now = key.terms.expires_at.unwrap(),
        _ => {}
    }
    if matches!(lost, Lost::Replaced) {
        world.user("eve", UserRole::Admin, Limits::ANY).await;
    }
    basis
}

/// A session of `user` that has ended.
async fn end_session(world: &World, user: &UserRecord) -> SessionId {
    let session = SessionRecord { user: user.name.clone(), ..sessions::record(world, user.epoch) };
    let (id, entry) = (session.id, world.draft(Action::SessionStarted));
    world.store().begin_session(BeginSession { session, most: 9, entry }).await.unwrap();
    let entry = world.draft(Action::SessionEnded);
    assert!(world.store().end_session(EndSession { id, entry }).await.unwrap());
    id
}

fn sign_out(world: &World, user: &str) -> SignOutUser {
    SignOutUser { user: accounts::name(user), entry: world.draft(Action::UserSignedOut) }
}

/// Things for the verbs to change.
struct Scene {
    tokens: Vec<MintRecord>,
    hosts: Vec<HostId>,
    users: Vec<UserRecord>,
    key: ApiKeyRecord,
    sessions: Vec<SessionId>,
    policies: [PolicyId; 2],
    former: KeyId,
}

const FORMER_URL: &str = "https://former.example.org";

async fn scene(world: &mut World) -> Scene {
    let store = world.shared();
    let former = world.current;
    let next = key(KeyState::Prepared, world.now);
    let entry = world.draft(Action::KeyRotated);
    store.rotate_keys(RotateKeys { next, entry }).await.unwrap();
    world.current = store.keys().await.unwrap().iter().find(|key| key.state == KeyState::Current).unwrap().id;
    for issuer in [FORMER_URL, "https://new.example.org"] {
        let (issuer, trust_domain) = (issuer.to_owned(), String::new());
        let identity = AuthorityIdentity { issuer, names: Vec::new(), trust_domain };
        let entry = world.draft(Action::AuthorityChanged);
        store.record_identity(RecordIdentity { identity, taken: Vec::new(), entry }).await.unwrap();
    }
    let (mut tokens, mut hosts, mut users, mut begun) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..4 {
        tokens.push(world.mint_persistent(None).await);
        hosts.push(world.enroll(&tokens[0], new_key()).await.id);
    }
    world.new_entries().await;
    for user in ["a", "b", "c", "d"] {
        users.push(world.user(user, UserRole::Viewer, Limits::ANY).await);
    }
    for _ in 0..2 {
        let session = sessions::record(world, 0);
        begun.push(session.id);
        let entry = world.draft(Action::SessionStarted);
        store.begin_session(BeginSession { session, most: 9, entry }).await.unwrap();
    }
    world.new_entries().await;
    let of = ["one", "two"].map(policies::plain);
    let mut kept = Vec::new();
    for terms in of {
        kept.push(world.policy(terms).await.id);
    }
    let (key, policies) = (world.api_key(None).await, [kept[0], kept[1]]);
    Scene { tokens, hosts, users, key, sessions: begun, policies, former }
}

/// A verb's name, and a command of it that waits for its store.
type VerbCall = (&'static str, Box<dyn for<'a> FnOnce(&'a dyn Store) -> StoreFuture<'a, ()>>);

fn asked(
    name: &'static str,
    ask: impl for<'a> FnOnce(&'a dyn Store) -> StoreFuture<'a, ()> + 'static,
) -> VerbCall {
    (name, Box::new(ask))
}

macro_rules! verb {
    ($method:ident, $command:expr) => {{
        let command = $command;
        asked(stringify!($method), |store| Box::pin(async move { store.$method(command).await.map(drop) }))
    }};
}

impl Scene {
    /// A command of each verb for callers. Each would change something.
    fn commands(&self, world: &mut World) -> Vec<VerbCall> {
        let mut all = self.about_tokens(world);
        all.extend(self.about_hosts(world));
        all.extend(self.about_accounts(world));
        all.extend(self.about_policies(world));
        all.extend(self.about_the_authority(world));
        all
    }

    fn about_tokens(&self, world: &mut World) -> Vec<VerbCall> {
        let mint = |world: &mut World| RecordMint {
            record: world.persistent(None),
            by: Actor::System,
            entry: world.draft(Action::TokenCreated),
        };
        let [minted, mut bound, successor] = [mint(world), mint(world), mint(world)];
        bound.record.terms.bindings.host = Some(self.hosts[3]);
        let entry = |action| world.draft(action);
        let tokens = vec![self.tokens[1].token.id];
        let many = RevokeTokens { tokens, hosts: true, entry: entry(Action::TokenRevoked) };
        let (token, entry) = (self.tokens[2].token.id, entry(Action::TokenRotated));
        let rotate_token = RotateToken { token, successor, revoke_at: None, entry };
        vec![
            verb!(record_mint, minted),
            verb!(mint_reenrollment, MintReenrollment { mint: bound, revision: 1, once: None }),
            verb!(revoke_token, world.revocation(self.tokens[0].token.id)),
            verb!(revoke_tokens, many),
            verb!(rotate_token, rotate_token),
        ]
    }

    fn about_hosts(&self, world: &World) -> Vec<VerbCall> {
        let entry = |action| world.draft(action);
        let one = RevokeHost { host: self.hosts[0], revision: None, entry: entry(Action::HostRevoked) };
        let many = RevokeHosts { hosts: self.hosts[1..3].to_vec(), entry: entry(Action::HostRevoked) };
        let (label, labelled) = (Label::parse("rack 7").ok(), entry(Action::HostLabelChanged));
        let (host, before, entry) = (self.hosts[3], roles(&["proxy"]), entry(Action::HostRolesChanged));
        let roles = roles(&["allocator"]);
        vec![
            verb!(revoke_host, one),
            verb!(revoke_hosts, many),
            verb!(
                set_roles,
                SetRoles { host, revision: None, before, policy: None, roles, now: true, entry }
            ),
            verb!(set_label, SetLabel { host, revision: None, label, entry: labelled }),
        ]
    }

    fn about_accounts(&self, world: &World) -> Vec<VerbCall> {
        let (at, entry) = (world.now, |action| world.draft(action));
        let [extended, ended] = [self.sessions[0], self.sessions[1]];
        let expires_at = at.plus(HOUR);
        let extended = ExtendSession { id: extended, expires_at, entry: entry(Action::SessionExtended) };
        let ended = EndSession { id: ended, entry: entry(Action::SessionEnded) };
        let new_user = world.new_user("f", UserRole::Viewer, Limits::ANY);
        vec![
            verb!(set_password, world.password("a", "hash")),
            verb!(create_user, new_user),
            verb!(change_user, world.change(&self.users[1], UserRole::Analyst, false)),
            verb!(replace_password, world.new_password(&self.users[2])),
            verb!(sign_out_user, sign_out(world, "d")),
            verb!(delete_user, world.deletion("d", true)),
            verb!(create_api_key, world.new_api_key(None)),
            verb!(delete_api_key, world.key_deletion(self.key.id, None, true)),
            verb!(extend_session, extended),
            verb!(end_session, ended),
        ]
    }

    fn about_policies(&self, world: &World) -> Vec<VerbCall> {
        let ([policy, deleted], revision) = (self.policies, 1);
        let (terms, entry) = (policies::plain("changed"), world.draft(Action::PolicyChanged));
        let change = ChangePolicy { policy, revision, terms, entry };
        let delete = DeletePolicy { policy: deleted, revision, entry: world.draft(Action::PolicyDeleted) };
        vec![
            verb!(create_policy, world.new_policy(policies::plain("new"))),
            verb!(change_policy, change),
            verb!(delete_policy, delete),
        ]
    }

    fn about_the_authority(&self, world: &World) -> Vec<VerbCall> {
        let (at, entry) = (world.now, |action| world.draft(action));
        let fresh = |state| key(state, at);
        let (next, of_change) = (fresh(KeyState::Prepared), entry(Action::KeyRotated));
        let rotate_keys = RotateKeys { next, entry: of_change };
        let (signing_key, terms) = (self.former, RetireTerms::EvenNeeded);
        let retire_key = RetireKey { signing_key, terms, emergency: None, entry: entry(Action::KeyRetired) };
        let (issuer, of_issuer) = (FORMER_URL.to_owned(), entry(Action::IssuerRetired));
        let retire_issuer = RetireIssuer { issuer, even_needed: true, emergency: None, entry: of_issuer };
        let changes = vec![("retention", Some(3_600_000))];
        let change_settings = ChangeSettings { changes, entry: entry(Action::SettingsChanged) };
        let keys = vec![fresh(KeyState::Current), fresh(KeyState::Prepared)];
        let accept_clock = AcceptClock { keys, entry: entry(Action::ClockAccepted) };
        vec![
            verb!(change_settings, change_settings),
            verb!(append_entries, AppendEntries { entries: vec![entry(Action::CaRotated)] }),
            verb!(rotate_keys, rotate_keys),
            verb!(retire_key, retire_key),
            verb!(retire_issuer, retire_issuer),
            verb!(accept_clock, accept_clock),
        ]
    }
}

pub(in crate::store) async fn a_caller_without_the_rights_writes_nothing(world: &mut World) {
    let scene = scene(world).await;
    for (lost, expected) in ALL {
        let basis = lose(world, lost).await;
        world.new_entries().await;
        world.basis = Some(basis);
        for (name, command) in scene.commands(world) {
            let refused = command(world.store()).await;
            assert!(refused.as_ref().is_err_and(|error| *error == expected), "{lost:?} {name}: {refused:?}");
            world.expect_entries(&[]).await;
        }
        world.basis = None;
        if world.read_user("eve").await.is_some() {
            world.store().delete_user(world.deletion("eve", false)).await.unwrap();
        }
        world.new_entries().await;
    }
    // A caller with the same rights does each of them.
    let user = world.user("eve", UserRole::Admin, Limits::ANY).await;
    let key = world.api_key(Some("eve")).await;
    world.basis = Some(of_user(&user));
    let mut commands = scene.commands(world);
    world.basis = Some(of_key(&key, &user));
    let minted = RecordMint {
        record: world.ephemeral(None),
        by: Actor::ApiKey(key.id),
        entry: world.draft(Action::TokenCreated),
    };
    commands.push(verb!(record_mint, minted));
    // The clock is accepted, and keys are rotated, after every token is signed.
    let last = commands.pop().unwrap();
    commands.insert(0, last);
    for (name, command) in commands {
        let done = command(world.store()).await;
        assert!(done.is_ok(), "{name}: {done:?}");
        assert!(!world.new_entries().await.is_empty(), "{name}: {done:?}");
    }
}

pub(in crate::store) async fn a_change_of_own_rights_is_checked_before(world: &mut World) {
    let store = world.shared();
    for act in 0..6 {
        let user = world.user("eve", UserRole::Admin, Limits::ANY).await;
        let key = world.api_key(Some("eve")).await;
        world.basis = Some(if act == 5 { of_key(&key, &user) } else { of_user(&user) });
        let done = match act {
            0 => store.change_user(world.change(&user, UserRole::Viewer, false)).await.map(drop),
            1 => store.change_user(world.change(&user, UserRole::Admin, true)).await.map(drop),
            2 => store.replace_password(world.new_password(&user)).await.map(drop),
            3 => store.sign_out_user(sign_out(world, "eve")).await.map(drop),
            4 => store.delete_user(world.deletion("eve", true)).await.map(drop),
            _ => store.delete_api_key(world.key_deletion(key.id, None, true)).await.map(drop),
        };
        assert_eq!(done, Ok(()), "{act}");
        assert_eq!(world.new_entries().await.len(), 1, "{act}");
        world.basis = None;
        store.delete_user(world.deletion("eve", false)).await.unwrap();
        world.new_entries().await;
    }
}

pub(in crate::store) async fn each_change_of_rights_has_another_version(world: &mut World) {
    let store = world.shared();
    let mut user = world.user("eve", UserRole::Admin, Limits::ANY).await;
    let limits = Limits { persistent: false, ..Limits::ANY };
    for act in 0..7 {
        let change = |disabled| world.change(&user, UserRole::Operator, disabled);
        let changed = match act {
            0 => store.change_user(change(false)).await.unwrap(),
            1 => store.change_user(ChangeUser { limits: limits.clone(), ..change(false) }).await.unwrap(),
            2 => store.change_user(change(true)).await.unwrap(),
            3 => store.change_user(change(false)).await.unwrap(),
            4 => store.replace_password(world.new_password(&user)).await.unwrap(),
            5 => store.sign_out_user(sign_out(world, "eve")).await.unwrap(),
            _ => {
                store.set_password(world.password("eve", "hash")).await.unwrap();
                UserChange::Done
            }
        };
        assert_eq!(changed, UserChange::Done, "{act}");
        let now = world.read_user("eve").await.unwrap();
        assert!(now.version > user.version, "{act}");
        user = now;
    }
}
