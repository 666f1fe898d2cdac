//! Facts by which people recognise hosts: labels, reports and the last contact.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use super::world::*;
use crate::id::{HostId, PolicyId};
use crate::ledger::Action;
use crate::name::{Cluster, Label, Labels};
use crate::store::*;
use crate::wire::{HostHealth, HostReport};

const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));

async fn host(world: &mut World) -> HostRecord {
    let token = world.mint_persistent(None).await;
    let host = world.enroll(&token, new_key()).await;
    world.new_entries().await;
    host
}

async fn set_label(world: &World, host: HostId, label: &str) -> LabelChange {
    let label = Label::parse(label).ok().filter(|label| !label.as_str().is_empty());
    let entry = world.draft(Action::HostLabelChanged);
    world.store().set_label(SetLabel { host, revision: None, label, entry }).await.unwrap()
}

async fn report(world: &World, host: HostId, label: &str) {
    let hostname = Some(format!("host of {label}"));
    let report = HostReport { hostname, label: Some(label.to_owned()), ..HostReport::default() };
    let replaces_until = world.now.minus(HOUR);
    let command = RecordReport { host, report, at: world.now, replaces_until };
    world.store().record_report(command).await.unwrap();
}

/// The hosts that match, oldest first.
async fn found(world: &World, filter: HostFilter) -> Vec<HostId> {
    let page = world.store().list_hosts(filter, PageQuery::new(None, 10)).await.unwrap();
    let mut found: Vec<_> = page.items.into_iter().map(|host| host.id).collect();
    found.reverse();
    found
}

pub(in crate::store) async fn a_host_keeps_the_label_of_its_token(world: &mut World) {
    let token = world.mint_ephemeral(Some(1)).await;
    let host = world.enroll(&token, new_key()).await;
    assert_eq!(host.token_label.as_ref().map(Label::as_str), Some("rack 7"));
    world.pass(DAY * 9);
    assert_eq!(world.collect().await.tokens, 1);
    assert_eq!(world.host(host.id).await.token_label, host.token_label);
    let mut unlabelled = world.persistent(None);
    unlabelled.label = Label::parse("").unwrap();
    let unlabelled = world.mint(unlabelled).await;
    assert_eq!(world.enroll(&unlabelled, new_key()).await.token_label, None);
}

pub(in crate::store) async fn a_set_label_has_its_entry(world: &mut World) {
    let before = host(world).await;
    let LabelChange::Set(after) = set_label(world, before.id, "rack 7").await else { panic!("unknown") };
    assert_eq!(after.label.as_ref().map(Label::as_str), Some("rack 7"));
    assert_eq!(
        *after,
        HostRecord { label: after.label.clone(), revision: before.revision + 1, ..before.clone() }
    );
    let entries = world.new_entries().await;
    let body = String::from_utf8_lossy(crate::ledger::parse(&entries[0].bytes).unwrap().body).into_owned();
    assert!(body.contains(r#""label":"rack 7","label_before":null"#), "{body}");
    assert_eq!(set_label(world, before.id, "rack 7").await, LabelChange::Set(after));
    world.expect_entries(&[]).await;
    let removed = HostRecord { revision: before.revision + 2, ..before.clone() };
    assert_eq!(set_label(world, before.id, "").await, LabelChange::Set(Box::new(removed)));
    world.expect_entries(&[Action::HostLabelChanged]).await;
    assert_eq!(set_label(world, HostId::generate(world.now), "x").await, LabelChange::Unknown);
    world.expect_entries(&[]).await;
}

pub(in crate::store) async fn the_first_reported_label_stays(world: &mut World) {
    let before = host(world).await;
    assert_eq!(before.reported, None);
    report(world, before.id, "one").await;
    world.pass(HOUR);
    report(world, before.id, "two").await;
    let Some(Reported { report, at }) = world.host(before.id).await.reported else { panic!("no report") };
    assert_eq!((report.hostname.as_deref(), report.label.as_deref()), (Some("host of two"), Some("one")));
    assert_eq!(at, world.now);
    world.expect_entries(&[]).await;
}

pub(in crate::store) async fn a_newer_report_stays(world: &mut World) {
    let host = host(world).await.id;
    report(world, host, "one").await;
    world.pass(HOUR / 2);
    report(world, host, "two").await;
    let kept = world.host(host).await.reported.unwrap();
    assert_eq!(kept.report.hostname.as_deref(), Some("host of one"));
}

pub(in crate::store) async fn a_set_label_precedes_the_reported_one(world: &mut World) {
    let token = world.mint_persistent(None).await;
    let mut hosts = Vec::new();
    for label in ["rack 7", "rack 7", "rack 8"] {
        world.pass(HOUR);
        let host = world.enroll(&token, new_key()).await.id;
        report(world, host, label).await;
        hosts.push(host);
    }
    set_label(world, hosts[1], "attic").await;
    let every = HostFilter::every(None, world.now);
    let labelled = |label: &str, reported_words| {
        let label = Some(NameFilter::new(label.to_owned()));
        HostFilter { texts: HostTexts { label, reported_words, ..HostTexts::ANY }, ..every.clone() }
    };
    assert_eq!(found(world, labelled("rack 7", true)).await, [hosts[0]]);
    assert_eq!(found(world, labelled("Rack*", true)).await, [hosts[0], hosts[2]]);
    assert_eq!(found(world, labelled("attic", true)).await, [hosts[1]]);
    assert_eq!(found(world, labelled("rack 7", false)).await, []);
    assert_eq!(found(world, labelled("*", false)).await, [hosts[1]]);
    assert_eq!(found(world, labelled("attic", false)).await, [hosts[1]]);
    let named = |name: &str, reported_words| {
        let hostname = Some(NameFilter::new(name.to_owned()));
        HostFilter { texts: HostTexts { hostname, reported_words, ..HostTexts::ANY }, ..every.clone() }
    };
    assert_eq!(found(world, named("host of rack 7", true)).await, [hosts[0], hosts[1]]);
    assert_eq!(found(world, named("host*8", true)).await, [hosts[2]]);
    assert_eq!(found(world, named("host*", false)).await, []);
}

pub(in crate::store) async fn the_last_contact_moves_forward_only(world: &mut World) {
    let before = host(world).await;
    assert_eq!(before.contact, Contact { at: before.enrolled_at, from: None });
    let seen = async |world: &World, contact: Contact| {
        let contact = HostContact { contact, reached_url: None };
        let contacts = vec![(HostId::generate(world.now), contact.clone()), (before.id, contact)];
        world.store().record_contacts(RecordContacts { contacts }).await.unwrap();
        world.host(before.id).await
    };
    world.pass(HOUR);
    let contact = Contact { at: world.now, from: Some(ADDRESS) };
    let after = seen(world, contact).await;
    assert_eq!(after, HostRecord { contact, ..before.clone() });
    let earlier = Contact { at: world.now.minus(HOUR / 2), from: None };
    assert_eq!(seen(world, earlier).await, after);
    world.expect_entries(&[]).await;
}

pub(in crate::store) async fn the_newest_check_in_stays(world: &mut World) {
    let before = host(world).await;
    assert_eq!(before.checkin, None);
    let given = BTreeMap::from([(String::from("site"), String::from("eu-1"))]);
    let checkin = |at, status| CheckIn {
        at,
        version: String::from("1.2.3"),
        status,
        message: String::from("m"),
        labels: Labels::parse(&given).unwrap(),
        policy: Some(PolicyId::generate(at)),
        policy_revision: Some(3),
    };
    let record = async |world: &World, checkin: CheckIn| {
        let checkins = vec![(HostId::generate(world.now), checkin.clone()), (before.id, checkin)];
        world.store().record_checkins(RecordCheckIns { checkins }).await.unwrap();
        world.host(before.id).await
    };
    let first = checkin(world.now, HostHealth::Healthy);
    let after = record(world, first.clone()).await;
    assert_eq!(after, HostRecord { checkin: Some(first), ..before.clone() });
    world.pass(HOUR);
    let second = CheckIn { policy: None, policy_revision: None, ..checkin(world.now, HostHealth::Failed) };
    let after = record(world, second.clone()).await;
    assert_eq!(after.checkin, Some(second));
    let earlier = checkin(world.now.minus(HOUR / 2), HostHealth::Degraded);
    assert_eq!(record(world, earlier).await, after);
    world.expect_entries(&[]).await;
}

pub(in crate::store) async fn hosts_are_found_by_cluster_contact_and_expiry(world: &mut World) {
    let token = world.mint_persistent(None).await;
    let old = world.enroll(&token, new_key()).await;
    world.pass(DAY * 10);
    let mut command = world.redemption(&token, new_key());
    command.admission.host.cluster = Cluster::parse("eu-1").ok();
    let new = command.admission.certificate.host;
    assert_eq!(world.store().redeem(command).await.unwrap(), Redeemed::First);
    let revoked = world.enroll(&token, new_key()).await.id;
    world.revoke_host(revoked).await;
    let every = |now| HostFilter::every(None, now);

    let cluster = Cluster::parse("eu-1").ok();
    assert_eq!(found(world, HostFilter { cluster, ..every(world.now) }).await, [new]);
    let unseen = |since| HostFilter { unseen_since: Some(since), ..every(world.now) };
    assert_eq!(found(world, unseen(world.now)).await, [old.id]);
    assert_eq!(found(world, unseen(old.enrolled_at)).await, []);
    let expiring = |now, days| HostFilter { expires_by: Some(world.now.plus(DAY * days)), ..every(now) };
    assert_eq!(found(world, expiring(world.now, 20)).await, [old.id]);
    assert_eq!(found(world, expiring(world.now, 30)).await, [old.id, new]);
    let expired = old.newest.not_after;
    assert_eq!(found(world, expiring(expired, 30)).await, [new], "an expired certificate does not expire");

    let overdue = |now| HostFilter { overdue: true, ..every(now) };
    let due = old.newest.renew_after();
    assert_eq!(found(world, overdue(due.minus(std::time::Duration::from_millis(1)))).await, []);
    assert_eq!(found(world, overdue(due)).await, [old.id]);
    assert_eq!(found(world, overdue(expired.plus(DAY))).await, [old.id, new]);
}
