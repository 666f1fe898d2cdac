//! Clusters that fail: one call at a time finds out whether such a cluster works again.

use std::sync::Arc;
use std::time::Duration;

use super::membership::member;
use super::output_keys::{Site, abandon, credential, due, invalidations, key, settle, withdraw};
use super::world::*;
use crate::id::{HostId, SealKeyId};
use crate::ledger::Action;
use crate::seal::{Seal, SealKey};
use crate::store::*;

const SECOND: Duration = Duration::from_secs(1);

impl Site {
    /// Another host of the policy.
    async fn another(&self, world: &mut World) -> Self {
        let host = member(world, &self.policy).await;
        let (policy, output) = (self.policy.clone(), self.output.clone());
        Self { host, policy, output, seal: Arc::clone(&self.seal), file: SealKey::generate() }
    }

    async fn probe(&self, world: &World) -> bool {
        let command = ProbeCluster { output: self.output.id, cluster: 1, at: world.now };
        world.store().probe_cluster(command).await.unwrap()
    }
}

/// The hosts of due work, in order.
async fn hosts(world: &World) -> Vec<HostId> {
    due(world).await.into_iter().map(|work| work.key.host).collect()
}

pub(in crate::store) async fn a_failing_cluster_delays_all_its_work(world: &mut World) {
    let site = Site::new(world).await;
    let other = site.another(world).await;
    let attempt = site.asked(world).await;
    other.want(world).await;
    world.pass(SECOND);
    site.fail(world, site.make(0), Some(attempt), false).await;
    let late = site.another(world).await;
    late.want(world).await;
    assert_eq!((due(world).await, invalidations(world).await), (Vec::new(), Vec::new()));
    for site in [&site, &other, &late] {
        assert_eq!(site.state(world).await, Some(OutputState::Unreachable));
    }
    let counts = world.store().count_keys().await.unwrap().remove(&site.output.id).unwrap();
    assert_eq!(counts.states, [(OutputState::Unreachable, 3)].into());
    assert_eq!(late.shown(world).await, Some(OutputState::Unreachable));
    world.pass(HOUR);
    assert_eq!(
        hosts(world).await,
        [other.host.id, site.host.id, late.host.id],
        "the failed one waits for others"
    );
    assert_eq!(due(world).await[0], other.make(1));
    assert_eq!((site.probe(world).await, site.probe(world).await), (true, false));
    assert_eq!(due(world).await, [], "one call is enough");
    world.pass(PROBE_LEASE);
    assert_eq!(due(world).await.len(), 3, "its process is gone");
    let again = other.ask_at(world, 1).await.unwrap();
    assert_eq!(other.keep(world, again).await, KeyKeeping::Kept);
    assert_eq!(due(world).await, [site.make(0), late.make(0)], "the cluster works");
    assert_eq!(site.state(world).await, Some(OutputState::Preparing));
    world.expect_entries(&[Action::OutputKeyCreated]).await;
}

/// A cluster that refuses an invalidation fails for the keys that wait for it, too.
pub(in crate::store) async fn a_failing_invalidation_is_the_state_of_waiting_keys(world: &mut World) {
    let site = Site::new(world).await;
    let attempt = site.asked(world).await;
    world.restart();
    abandon(world).await;
    assert_eq!(site.state(world).await, Some(OutputState::Preparing));
    let work = due(world).await.remove(0);
    site.fail(world, work, None, false).await;
    assert_eq!((site.state(world).await, due(world).await), (Some(OutputState::Unreachable), Vec::new()));
    world.pass(HOUR);
    assert_eq!(invalidations(world).await, [(attempt, None)]);
    settle(world, attempt, None, InvalidationEnd::Done(None)).await;
    assert_eq!(site.state(world).await, Some(OutputState::Preparing));
    assert_eq!(due(world).await, [site.make(0)]);
}

pub(in crate::store) async fn a_failed_attempt_is_invalidated_first(world: &mut World) {
    let site = Site::new(world).await;
    let attempt = site.asked(world).await;
    site.fail(world, site.make(0), Some(attempt), true).await;
    world.pass(HOUR);
    assert_eq!(invalidations(world).await, [(attempt, None)]);
    assert_eq!(due(world).await.len(), 1, "nothing is requested yet");
}

pub(in crate::store) async fn a_changed_output_is_tried_at_once(world: &mut World) {
    let site = Site::new(world).await;
    site.want(world).await;
    site.fail(world, site.make(0), None, false).await;
    assert_eq!(due(world).await, []);
    let secrets = vec![credential(&site.seal, site.output.id, 2, "second")];
    let command = ChangeOutput {
        output: site.output.id,
        revision: 1,
        name: site.output.name.clone(),
        settings: site.output.settings.clone(),
        secrets,
        is_moved: false,
        dropped: Vec::new(),
        entry: world.draft(Action::OutputChanged),
    };
    assert_eq!(world.store().change_output(command).await.unwrap(), OutputChange::Done);
    assert_eq!(due(world).await, [site.make(0)]);
    assert_eq!(site.state(world).await, Some(OutputState::Preparing));
    site.fail(world, site.make(1), None, false).await;
    assert_eq!(due(world).await, [site.make(0)], "a call that began before says nothing");
    world.new_entries().await;
}

pub(in crate::store) async fn a_clock_set_back_stops_no_work(world: &mut World) {
    let site = Site::new(world).await;
    let later = site.another(world).await;
    let right = world.now;
    world.now = right.plus(DAY);
    site.ready(world).await;
    later.want(world).await;
    later.fail(world, later.make(0), None, false).await;
    world.now = right;
    let (host, outputs) = (site.host.id, vec![site.output.id]);
    let doubt = DoubtOutputKeys { host, outputs, at: world.now };
    assert_eq!(world.store().doubt_output_keys(doubt).await.unwrap(), 1, "it was made in the future");
    assert_eq!(due(world).await, []);
    withdraw(world).await;
    assert_eq!(hosts(world).await.len(), 2);
}

/// A key that the seal does not open would stay unusable, and keep the former seal in use.
pub(in crate::store) async fn a_rotation_replaces_keys_that_do_not_open(world: &mut World) {
    let site = Site::new(world).await;
    let kept = site.ready(world).await;
    let seal = Arc::new(Seal::new(vec![key(1, &SealKey::generate())]));
    let damaged = Site { seal, ..site.another(world).await };
    let lost = damaged.ready(world).await;
    let file = SealKey::generate();
    let seal = Arc::new(Seal::new(vec![key(1, &site.file), key(2, &file)]));
    let command = RotateSeal { key: SealKeyId::new(2), seal, entry: world.draft(Action::KeyRotated) };
    assert_eq!(world.store().rotate_seal(command).await.unwrap(), SealRotation::Done { secrets: 2 });
    world.expect_entries(&[Action::KeyRotated]).await;
    assert_eq!(site.state(world).await, Some(OutputState::Ready));
    assert_eq!(damaged.state(world).await, Some(OutputState::Invalid));
    assert_eq!(invalidations(world).await, [(lost, Some("id-1".to_owned()))]);
    assert_ne!(kept, lost);
    assert!(due(world).await.contains(&damaged.make(0)));
}
