//! Keys of hosts at Elasticsearch outputs: each attempt is known before its cluster is asked.

use std::sync::Arc;

use super::membership::{as_it_is, bound, member, move_to};
use super::policies::plain;
use super::quarantine::quarantine;
use super::reenrolling::reenroll;
use super::world::*;
use crate::admission::PolicyTerms;
use crate::id::{AttemptId, OutputId, SealKeyId};
use crate::ledger::{Action, Draft};
use crate::name::Label;
use crate::seal::{Seal, SealKey};
use crate::secret::Secret;
use crate::store::*;

/// A host of a policy with an output, and the seal.
pub(super) struct Site {
    pub(super) host: HostRecord,
    pub(super) policy: Policy,
    pub(super) output: Output,
    pub(super) seal: Arc<Seal>,
    pub(super) file: Secret<String>,
}

pub(super) fn key(number: u32, file: &Secret<String>) -> SealKey {
    SealKey::parse(SealKeyId::new(number), file).unwrap()
}

fn settings(host: &str) -> OutputSettings {
    OutputSettings { hosts: vec![host.to_owned()], ..OutputSettings::default() }
}

pub(super) fn credential(seal: &Seal, output: OutputId, version: u64, text: &str) -> OutputSecret {
    let field = SecretField::ServiceToken;
    let place = crate::seal::SealedPlace { output, field: field.as_str(), version };
    OutputSecret { field, version, sealed: seal.seal(place, &Secret::new(text.to_owned())).unwrap() }
}

impl Site {
    pub(super) async fn new(world: &mut World) -> Self {
        let file = SealKey::generate();
        let seal = Arc::new(Seal::new(vec![key(1, &file)]));
        let (at, by) = (world.now, "user:admin".to_owned());
        let output = Output {
            id: OutputId::generate(at),
            name: Label::parse("logs").unwrap(),
            kind: OutputKind::Elasticsearch,
            revision: 1,
            settings: settings("https://es-1"),
            created_at: at,
            created_by: by.clone(),
            updated_at: at,
            updated_by: by,
        };
        let secrets = vec![credential(&seal, output.id, 1, "first")];
        let create =
            CreateOutput { output: output.clone(), secrets, entry: world.draft(Action::OutputCreated) };
        assert_eq!(world.store().create_output(create).await.unwrap(), OutputCreation::Created);
        let terms = PolicyTerms { roles: roles(&["proxy"]), outputs: vec![output.id], ..plain("edge") };
        world.new_entries().await;
        let policy = world.policy(terms).await;
        let host = member(world, &policy).await;
        Self { host, policy, output, seal, file }
    }

    fn key(&self) -> KeyOf {
        KeyOf { host: self.host.id, output: self.output.id }
    }

    pub(super) async fn want(&self, world: &World) {
        let (host, outputs) = (self.host.id, vec![self.output.id]);
        world.store().want_output_keys(WantOutputKeys { host, outputs, at: world.now }).await.unwrap();
    }

    pub(super) async fn ask_at(&self, world: &World, cluster: u64) -> Option<AttemptId> {
        let attempt = AttemptId::generate(world.now);
        let command = AskOutputKey { key: self.key(), attempt, cluster, at: world.now };
        world.store().ask_output_key(command).await.unwrap().then_some(attempt)
    }

    pub(super) async fn asked(&self, world: &World) -> AttemptId {
        self.want(world).await;
        self.ask_at(world, 1).await.expect("an attempt")
    }

    pub(super) async fn keep(&self, world: &World, attempt: AttemptId) -> KeyKeeping {
        let (field, made_at) = (StoredKey::field(self.host.id), world.now);
        let place = StoredKey::place(self.output.id, &field, made_at);
        let sealed = self.seal.seal(place, &Secret::new("secret".to_owned())).unwrap();
        let made = StoredKey { id: "id-1".to_owned(), made_at, sealed };
        let entry = Draft::done(Action::OutputKeyCreated, world.now, "system");
        world.store().keep_output_key(KeepOutputKey { key: self.key(), attempt, made, entry }).await.unwrap()
    }

    pub(super) async fn ready(&self, world: &mut World) -> AttemptId {
        let attempt = self.asked(world).await;
        assert_eq!(self.keep(world, attempt).await, KeyKeeping::Kept);
        world.expect_entries(&[Action::OutputKeyCreated]).await;
        attempt
    }

    /// The work of making the key.
    pub(super) fn make(&self, failures: u32) -> OutputWork {
        OutputWork { key: self.key(), cluster: 1, failures, task: OutputTask::Make }
    }

    /// The state of the key as administrators see it.
    pub(super) async fn shown(&self, world: &World) -> Option<OutputState> {
        let outputs = world.store().outputs_of_host(self.host.id).await.unwrap();
        let [HostOutputState { id, name, state, since }] = &outputs[..] else { panic!("{outputs:?}") };
        assert_eq!((id, name, since.is_some()), (&self.output.id, &self.output.name, state.is_some()));
        *state
    }

    /// Records that a call of this work failed. The cluster is called again in an hour.
    pub(super) async fn fail(
        &self,
        world: &World,
        work: OutputWork,
        attempt: Option<AttemptId>,
        may_exist: bool,
    ) {
        let (at, next_at, state) = (world.now, world.now.plus(HOUR), OutputState::Unreachable);
        let command = FailOutputWork { work, attempt, may_exist, state, at, next_at };
        world.store().fail_output_work(command).await.unwrap();
    }

    pub(super) async fn state(&self, world: &World) -> Option<OutputState> {
        let keys = world.store().keys_of_host(self.host.id).await.unwrap();
        keys.iter().find(|(output, _)| *output == self.output.id)?.1.as_ref().map(|key| key.state)
    }
}

pub(super) async fn due(world: &World) -> Vec<OutputWork> {
    world.store().due_output_work(world.now, 10).await.unwrap()
}

/// The due invalidations: attempt and id of each key.
pub(super) async fn invalidations(world: &World) -> Vec<(AttemptId, Option<String>)> {
    let ended = due(world).await.into_iter().filter_map(|work| match work.task {
        OutputTask::Invalidate(ended) => Some((ended.attempt, ended.id)),
        _ => None,
    });
    ended.collect()
}

pub(super) async fn settle(world: &World, attempt: AttemptId, id: Option<&str>, end: InvalidationEnd) {
    let id = id.map(str::to_owned);
    world.store().settle_invalidation(SettleInvalidation { attempt, id, end }).await.unwrap();
}

pub(super) async fn withdraw(world: &World) {
    let keys = world.store().unentitled_keys(world.now, 10).await.unwrap();
    world.store().withdraw_output_keys(WithdrawOutputKeys { keys, at: world.now }).await.unwrap();
    assert_eq!(world.store().unentitled_keys(world.now, 10).await.unwrap(), []);
}

pub(super) async fn abandon(world: &World) -> u64 {
    let command = AbandonOutputKeys { key: None, at: world.now };
    world.store().abandon_output_keys(command).await.unwrap()
}

async fn former(world: &World, output: OutputId) -> Option<String> {
    let cluster = world.store().key_cluster(output, Some(1)).await.unwrap();
    cluster.map(|cluster| cluster.settings.hosts[0].clone())
}

pub(in crate::store) async fn a_wanted_key_is_made_once(world: &mut World) {
    let site = Site::new(world).await;
    assert_eq!((site.state(world).await, site.shown(world).await), (None, None));
    site.want(world).await;
    site.want(world).await;
    assert_eq!(site.shown(world).await, Some(OutputState::Preparing));
    assert_eq!(due(world).await, [site.make(0)]);
    assert_eq!(site.ask_at(world, 2).await, None, "the output was read at another revision");
    let attempt = site.ask_at(world, 1).await.unwrap();
    assert_eq!(site.ask_at(world, 1).await, None, "one attempt at a time");
    assert_eq!((due(world).await, site.state(world).await), (Vec::new(), Some(OutputState::Preparing)));
    world.restart();
    assert_eq!(site.keep(world, attempt).await, KeyKeeping::Kept);
    world.expect_entries(&[Action::OutputKeyCreated]).await;
    assert_eq!((due(world).await, site.state(world).await), (Vec::new(), Some(OutputState::Ready)));
    let counts = KeyCounts { states: [(OutputState::Ready, 1)].into(), ..KeyCounts::default() };
    assert_eq!(world.store().count_keys().await.unwrap(), [(site.output.id, counts)].into());
}

/// A key that the cluster may have made is invalidated by name before another one is requested.
pub(in crate::store) async fn an_attempt_without_an_end_is_invalidated_first(world: &mut World) {
    let site = Site::new(world).await;
    let attempt = site.asked(world).await;
    world.restart();
    assert_eq!(abandon(world).await, 1);
    assert_eq!(invalidations(world).await, [(attempt, None)]);
    assert_eq!(due(world).await.len(), 1, "nothing is requested yet");
    assert_eq!(site.ask_at(world, 1).await, None);
    let later = world.now.plus(LATE_KEYS);
    settle(world, attempt, None, InvalidationEnd::Again { next_at: later }).await;
    assert_eq!(due(world).await, [site.make(0)]);
    assert!(site.ask_at(world, 1).await.is_some());
    world.pass(LATE_KEYS);
    assert_eq!(invalidations(world).await, [(attempt, None)], "a slow cluster is asked again");
    settle(world, attempt, None, InvalidationEnd::Done(None)).await;
    assert_eq!(invalidations(world).await, []);
}

pub(in crate::store) async fn a_host_without_the_right_loses_its_key(world: &mut World) {
    let site = Site::new(world).await;
    let attempt = site.ready(world).await;
    let known = vec![(attempt, Some("id-1".to_owned()))];
    world.pass(std::time::Duration::from_secs(1));
    move_to(world, vec![as_it_is(&site.host)], None).await;
    assert_eq!(invalidations(world).await, known, "a move");
    let done = InvalidationEnd::Done(Some(Box::new(world.draft(Action::OutputKeyInvalidated))));
    settle(world, attempt, Some("id-1"), done).await;
    let moved = HostMove { revision: world.host(site.host.id).await.revision, ..as_it_is(&site.host) };
    move_to(world, vec![moved], Some(site.policy.id)).await;
    world.new_entries().await;
    let attempt = site.ready(world).await;
    assert_eq!(world.revoke_host(site.host.id).await, HostRevocation::Revoked);
    assert_eq!(invalidations(world).await, [(attempt, Some("id-1".to_owned()))], "a revocation");
    let waiting =
        KeyCounts { invalidations: 1, oldest_invalidation: Some(world.now), ..KeyCounts::default() };
    assert_eq!(world.store().count_keys().await.unwrap(), [(site.output.id, waiting)].into());
    assert_eq!(site.shown(world).await, None);
    site.want(world).await;
    assert_eq!(due(world).await.len(), 1, "a revoked host gets no key");
    world.new_entries().await;
}

/// A withdrawal is part of the transaction that ends the right: no sweep runs here.
pub(in crate::store) async fn a_copied_or_re_enrolled_host_loses_its_key(world: &mut World) {
    let site = Site::new(world).await;
    let attempt = site.ready(world).await;
    world.pass(HOUR);
    let token = bound(world, &site.host, Some(site.policy.id)).await;
    assert_eq!(reenroll(world, &token, &site.host, new_key()).await, Redeemed::First);
    assert_eq!(invalidations(world).await, [(attempt, Some("id-1".to_owned()))], "a re-enrollment");
    settle(world, attempt, Some("id-1"), InvalidationEnd::Done(None)).await;
    world.new_entries().await;
    let attempt = site.ready(world).await;
    let former = world.host(site.host.id).await;
    world.see(former.id, former.newest.serial).await;
    world.pass(HOUR);
    assert_eq!(world.renew(&former, former.newest.serial, new_key()).await, Renewed::First);
    let newest = world.host(former.id).await.newest;
    world.see(former.id, newest.serial).await;
    let quarantined = quarantine(world, former.id, former.newest.serial, 20).await;
    assert_eq!(quarantined, Quarantining::Quarantined);
    assert_eq!(invalidations(world).await, [(attempt, Some("id-1".to_owned()))], "a quarantine");
    world.new_entries().await;
}

pub(in crate::store) async fn a_lapsed_host_loses_its_key(world: &mut World) {
    let site = Site::new(world).await;
    let attempt = site.ready(world).await;
    withdraw(world).await;
    assert_eq!(invalidations(world).await, []);
    world.pass(DAY * 400);
    withdraw(world).await;
    assert_eq!(invalidations(world).await, [(attempt, Some("id-1".to_owned()))]);
}

/// The answer of a cluster that comes after the host lost its right.
pub(in crate::store) async fn a_withdrawn_attempt_learns_its_id(world: &mut World) {
    let site = Site::new(world).await;
    let attempt = site.asked(world).await;
    assert_eq!(world.revoke_host(site.host.id).await, HostRevocation::Revoked);
    world.new_entries().await;
    assert_eq!(invalidations(world).await, [(attempt, None)]);
    assert_eq!(site.keep(world, attempt).await, KeyKeeping::Withdrawn);
    assert_eq!(invalidations(world).await, [(attempt, Some("id-1".to_owned()))]);
    assert_eq!(world.new_entries().await.len(), 0, "the host never had the key");
    // The answer of an invalidation by name that ran at that time says nothing of the id.
    let later = world.now.plus(LATE_KEYS);
    for end in [InvalidationEnd::Again { next_at: later }, InvalidationEnd::Done(None)] {
        settle(world, attempt, None, end).await;
        assert_eq!(invalidations(world).await, [(attempt, Some("id-1".to_owned()))]);
    }
}

pub(in crate::store) async fn a_reported_key_is_checked_every_five_minutes(world: &mut World) {
    let site = Site::new(world).await;
    let attempt = site.ready(world).await;
    let doubt = async |world: &World| {
        let (host, outputs) = (site.host.id, vec![site.output.id]);
        world.store().doubt_output_keys(DoubtOutputKeys { host, outputs, at: world.now }).await.unwrap()
    };
    assert_eq!(doubt(world).await, 0, "it was just made");
    world.pass(CHECKED_EVERY);
    assert_eq!((doubt(world).await, doubt(world).await), (1, 0));
    assert!(matches!(due(world).await[..], [OutputWork { cluster: 1, task: OutputTask::Check { .. }, .. }]));
    let judge = |is_invalid, at| JudgeOutputKey { key: site.key(), attempt, is_invalid, at };
    world.store().judge_output_key(judge(false, world.now)).await.unwrap();
    assert_eq!((due(world).await, doubt(world).await), (Vec::new(), 0));
    world.pass(CHECKED_EVERY);
    assert_eq!(doubt(world).await, 1);
    assert_eq!(site.state(world).await, Some(OutputState::Ready));
    world.store().judge_output_key(judge(true, world.now)).await.unwrap();
    assert_eq!(site.state(world).await, Some(OutputState::Invalid));
    // The cluster may be wrong about it.
    assert_eq!(invalidations(world).await, [(attempt, Some("id-1".to_owned()))]);
    assert!(due(world).await.contains(&site.make(0)));
}

/// Keys end where they were made, also after two changes and the deletion of the output.
pub(in crate::store) async fn a_former_cluster_stays_until_its_keys_have_ended(world: &mut World) {
    let site = Site::new(world).await;
    let attempt = site.ready(world).await;
    let id = site.output.id;
    for (revision, host) in [(1, "https://es-2"), (2, "https://es-3")] {
        let secrets = vec![credential(&site.seal, id, revision + 1, host)];
        let (name, entry) = (site.output.name.clone(), world.draft(Action::OutputChanged));
        let command = ChangeOutput {
            output: id,
            revision,
            name,
            settings: settings(host),
            secrets,
            is_moved: true,
            dropped: Vec::new(),
            entry,
        };
        assert_eq!(world.store().change_output(command).await.unwrap(), OutputChange::Done);
        assert_eq!(former(world, id).await.as_deref(), Some("https://es-1"));
    }
    assert_eq!(site.state(world).await, None);
    let now = world.store().key_cluster(id, None).await.unwrap().unwrap();
    assert_eq!((now.cluster, now.settings.hosts[0].as_str()), (3, "https://es-3"));
    withdraw(world).await;
    assert_eq!(invalidations(world).await, [(attempt, Some("id-1".to_owned()))]);
    let terms = PolicyTerms { outputs: Vec::new(), ..site.policy.terms.clone() };
    let entry = world.draft(Action::PolicyChanged);
    let command = ChangePolicy { policy: site.policy.id, revision: 1, terms, entry };
    assert_eq!(world.store().change_policy(command).await.unwrap(), PolicyChange::Done);
    let entry = world.draft(Action::OutputDeleted);
    let deletion =
        world.store().delete_output(DeleteOutput { output: id, revision: 3, entry }).await.unwrap();
    assert_eq!(deletion, OutputDeletion::Deleted);
    withdraw(world).await;
    assert_eq!(former(world, id).await.as_deref(), Some("https://es-1"));
    settle(world, attempt, Some("id-1"), InvalidationEnd::Done(None)).await;
    withdraw(world).await;
    assert_eq!(former(world, id).await, None, "no key needs it");
    world.new_entries().await;
}

pub(in crate::store) async fn a_rotation_seals_keys_and_former_clusters_again(world: &mut World) {
    let site = Site::new(world).await;
    site.ready(world).await;
    let id = site.output.id;
    let secrets = vec![credential(&site.seal, id, 2, "second")];
    let (name, entry) = (site.output.name.clone(), world.draft(Action::OutputChanged));
    let roles = OutputSettings { role_descriptors: Some(serde_json::Map::new()), ..settings("https://es-1") };
    let command = ChangeOutput {
        output: id,
        revision: 1,
        name,
        settings: roles,
        secrets,
        is_moved: true,
        dropped: Vec::new(),
        entry,
    };
    assert_eq!(world.store().change_output(command).await.unwrap(), OutputChange::Done);
    let file = SealKey::generate();
    let seal = Arc::new(Seal::new(vec![key(1, &site.file), key(2, &file)]));
    let entry = world.draft(Action::KeyRotated);
    let command = RotateSeal { key: SealKeyId::new(2), seal, entry };
    assert_eq!(world.store().rotate_seal(command).await.unwrap(), SealRotation::Done { secrets: 3 });
    let only = Seal::new(vec![key(2, &file)]);
    let former = world.store().key_cluster(id, Some(1)).await.unwrap().unwrap();
    let opened = only.open(former.secrets[0].place(id), &former.secrets[0].sealed).unwrap();
    assert_eq!(opened.expose(), "first");
    world.new_entries().await;
}
