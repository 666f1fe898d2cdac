//! Opaque keys of hosts: given with a certificate, replaced until one is used.

use super::policies::plain;
use super::reenrolling::reenrollment;
use super::world::*;
use crate::id::{OpaqueKeyId, SpkiHash, random};
use crate::ledger::{Action, Subjects};
use crate::store::*;

fn new_opaque_key() -> OpaqueKeyId {
    OpaqueKeyId::from_bytes(random())
}

/// A host with an opaque key, and its token.
struct Keyed {
    host: HostRecord,
    token: MintRecord,
    key: OpaqueKeyId,
}

impl World {
    /// Enrolls a host with an opaque key, under a policy that allows it.
    async fn keyed(&mut self, name: &str) -> Keyed {
        let mut terms = plain(name);
        terms.roles = roles(&["proxy"]);
        terms.api_key_credential = true;
        let command = self.new_policy(terms);
        let policy = command.policy.id;
        assert_eq!(self.store().create_policy(command).await.unwrap(), PolicyCreation::Created);
        let mut token = self.persistent(None);
        token.terms.policy = Some(policy);
        let token = self.mint(token).await;
        let (key, mut command) = (new_opaque_key(), self.redemption(&token, new_key()));
        command.admission.opaque_key = Some(key);
        let id = command.admission.certificate.host;
        assert_eq!(self.store().redeem(command).await.unwrap(), Redeemed::First);
        self.new_entries().await;
        Keyed { host: self.host(id).await, token, key }
    }

    /// Replaces the key of a host; true if it was.
    async fn replace_key(&self, keyed: &Keyed, key: OpaqueKeyId) -> bool {
        let (host, serial, token) = (keyed.host.id, keyed.host.newest.serial, keyed.token.token.id);
        let entry = self.draft(Action::OpaqueKeyReplaced).about(Subjects::host(host));
        self.store().replace_opaque_key(ReplaceOpaqueKey { host, serial, token, key, entry }).await.unwrap()
    }

    async fn use_key(&self, key: OpaqueKeyId) -> bool {
        self.store().use_opaque_key(UseOpaqueKey { key, at: self.now }).await.unwrap()
    }

    async fn stored_key(&self, key: OpaqueKeyId) -> Option<OpaqueKeyRecord> {
        self.store().opaque_key(key).await.unwrap()
    }
}

pub(in crate::store) async fn a_key_is_read_with_its_certificate(world: &mut World) {
    let keyed = world.keyed("edge").await;
    world.restart();
    let stored = world.stored_key(keyed.key).await.unwrap();
    let certificate = keyed.host.newest.serial.as_bytes().repeat(40);
    let expected = OpaqueKeyRecord {
        host: keyed.host.id,
        certificate,
        policy: keyed.host.facts.policy,
        was_used: false,
    };
    assert_eq!(stored, expected);
    assert_eq!(world.stored_key(new_opaque_key()).await, None);
}

pub(in crate::store) async fn a_key_is_replaced_until_one_is_used(world: &mut World) {
    let keyed = world.keyed("edge").await;
    let (second, third) = (new_opaque_key(), new_opaque_key());
    assert!(world.replace_key(&keyed, second).await);
    world.expect_entries(&[Action::OpaqueKeyReplaced]).await;
    assert_eq!(world.stored_key(keyed.key).await, None);
    assert!(!world.use_key(keyed.key).await, "it was replaced");
    assert!(world.use_key(second).await && world.use_key(second).await);
    world.restart();
    assert!(world.stored_key(second).await.unwrap().was_used);
    assert!(!world.replace_key(&keyed, third).await);
    assert_eq!(world.stored_key(third).await, None);
    world.expect_entries(&[]).await;
}

pub(in crate::store) async fn the_number_of_keys_of_a_certificate_is_bounded(world: &mut World) {
    let keyed = world.keyed("edge").await;
    for _ in 1..MOST_OPAQUE_KEYS {
        assert!(world.replace_key(&keyed, new_opaque_key()).await);
    }
    assert!(!world.replace_key(&keyed, new_opaque_key()).await);
    assert_eq!(world.new_entries().await.len(), MOST_OPAQUE_KEYS as usize - 1);
}

pub(in crate::store) async fn no_key_is_replaced_without_its_conditions(world: &mut World) {
    let keyed = world.keyed("edge").await;
    let other_certificate = Keyed {
        host: HostRecord { newest: world.certificate(keyed.host.id, new_key()).record, ..keyed.host.clone() },
        token: keyed.token.clone(),
        key: keyed.key,
    };
    assert!(!world.replace_key(&other_certificate, new_opaque_key()).await);
    let plain_host = world.enroll(&keyed.token, new_key()).await;
    let without_key = Keyed { host: plain_host, token: keyed.token.clone(), key: keyed.key };
    assert!(!world.replace_key(&without_key, new_opaque_key()).await);
    world.expect_entries(&[Action::HostEnrolled]).await;
    let ended = world.keyed("core").await;
    world.revoke(&ended.token).await;
    assert!(!world.replace_key(&ended, new_opaque_key()).await);
    let policy = keyed.host.facts.policy.unwrap();
    let terms = world.store().policy(policy).await.unwrap().unwrap().terms;
    let terms = crate::admission::PolicyTerms { api_key_credential: false, ..terms };
    let entry = world.draft(Action::PolicyChanged);
    let change = ChangePolicy { policy, revision: 1, terms, entry };
    assert_eq!(world.store().change_policy(change).await.unwrap(), PolicyChange::Done);
    assert!(!world.replace_key(&keyed, new_opaque_key()).await);
    world.expect_entries(&[Action::TokenRevoked, Action::PolicyChanged]).await;
    assert!(world.stored_key(keyed.key).await.is_some());
}

pub(in crate::store) async fn a_reenrollment_ends_the_former_key(world: &mut World) {
    let (keyed, next) = (world.keyed("edge").await, new_opaque_key());
    assert!(world.use_key(keyed.key).await);
    world.reenroll_with(&keyed, Some(next)).await;
    assert_eq!(world.stored_key(keyed.key).await, None);
    assert!(!world.stored_key(next).await.unwrap().was_used);
    world.reenroll_with(&keyed, None).await;
    assert_eq!(world.stored_key(next).await, None);
}

impl World {
    /// Re-enrolls a host with this opaque key, or without one.
    async fn reenroll_with(&mut self, keyed: &Keyed, key: Option<OpaqueKeyId>) {
        let mut bound = self.ephemeral(Some(1));
        bound.terms.bindings.host = Some(keyed.host.id);
        bound.terms.roles.clone_from(&keyed.host.facts.roles);
        bound.terms.policy = keyed.host.facts.policy;
        let bound = self.mint(bound).await;
        let host = self.host(keyed.host.id).await;
        let host_key: SpkiHash = new_key();
        let command = Reenroll { opaque_key: key, ..reenrollment(self, &bound, &host, host_key) };
        assert_eq!(self.store().reenroll(command).await.unwrap(), Redeemed::First);
    }
}

pub(in crate::store) async fn a_collected_host_leaves_no_key(world: &mut World) {
    let keyed = world.keyed("edge").await;
    world.pass(DAY * 200);
    while world.collect().await.total() > 0 {}
    assert_eq!(world.store().host(keyed.host.id).await.unwrap(), None);
    assert_eq!(world.stored_key(keyed.key).await, None);
    assert!(!world.use_key(keyed.key).await);
}

pub(in crate::store) async fn a_waiting_host_keeps_its_wish(world: &mut World) {
    let keyed = world.keyed("edge").await;
    let mut command = world.gated(&keyed.token, new_key(), Vec::new());
    command.admission.opaque_key = Some(new_opaque_key());
    let Redeemed::Waits(id) = world.store().redeem(command).await.unwrap() else { panic!("it waits") };
    let plain = world.wait(&keyed.token, new_key()).await;
    let asked = [world.enrollment(id).await.credential, world.enrollment(plain).await.credential];
    assert_eq!(asked.map(|credential| credential.as_str()), ["api_key", "certificate"]);
}
