//! The policies of hosts.

use std::time::Duration;

use super::policies::plain;
use super::world::*;
use crate::access::Actor;
use crate::admission::PolicyTerms;
use crate::id::{HostId, PolicyId};
use crate::ledger::Action;
use crate::name::{DnsName, Label};
use crate::store::*;

/// A policy with the roles of the tokens of this world.
async fn policy(world: &mut World, name: &str) -> Policy {
    world.policy(PolicyTerms { roles: roles(&["proxy"]), ..plain(name) }).await
}

/// A recorded token of a policy.
async fn token_of(world: &mut World, policy: &Policy) -> MintRecord {
    let mut token = world.ephemeral(None);
    token.terms.policy = Some(policy.id);
    let token = world.mint(token).await;
    world.new_entries().await;
    token
}

/// A host that a token of the policy admitted.
pub(super) async fn member(world: &mut World, policy: &Policy) -> HostRecord {
    let token = token_of(world, policy).await;
    let host = world.enroll(&token, new_key()).await;
    world.new_entries().await;
    host
}

/// Changes a policy. It has its second revision then.
async fn change(world: &mut World, policy: &Policy) {
    let terms = PolicyTerms { name: Label::parse("another name").unwrap(), ..policy.terms.clone() };
    let entry = world.draft(Action::PolicyChanged);
    let command = ChangePolicy { policy: policy.id, revision: policy.revision, terms, entry };
    assert_eq!(world.store().change_policy(command).await.unwrap(), PolicyChange::Done);
    world.new_entries().await;
}

pub(super) async fn move_to(world: &World, hosts: Vec<HostMove>, policy: Option<PolicyId>) -> HostsMoved {
    let entry = world.draft(Action::HostMoved);
    world.store().move_hosts(MoveHosts { hosts, policy, entry }).await.unwrap()
}

pub(super) fn as_it_is(host: &HostRecord) -> HostMove {
    HostMove { host: host.id, revision: host.revision, roles: host.facts.roles.clone() }
}

pub(in crate::store) async fn a_host_gets_the_policy_of_its_token(world: &mut World) {
    let policy = policy(world, "edge").await;
    let host = member(world, &policy).await;
    assert_eq!(host.facts.policy, Some(policy.id));
    assert_eq!(host.policy_name.as_ref().map(Label::as_str), Some("edge"));
    let of = |policy| HostFilter { policy, ..HostFilter::every(None, world.now) };
    let listed = async |policy| {
        let page = world.store().list_hosts(of(Some(policy)), PageQuery::new(None, 10)).await.unwrap();
        page.items.into_iter().map(|host| host.id).collect::<Vec<_>>()
    };
    assert_eq!(listed(policy.id).await, [host.id]);
    assert_eq!(listed(PolicyId::generate(world.now)).await, []);
}

pub(in crate::store) async fn a_changed_policy_is_judged_again(world: &mut World) {
    let policy = policy(world, "edge").await;
    let (token, host) = (token_of(world, &policy).await, member(world, &policy).await);
    change(world, &policy).await;
    assert_eq!(world.redeem(&token, new_key()).await, Redeemed::FactsChanged);
    assert_eq!(world.renew(&host, host.newest.serial, new_key()).await, Renewed::FactsChanged);
    assert_eq!(world.token(&token).await.unwrap().used, 0);
    let mut again = world.renewal(&host, host.newest.serial, new_key());
    again.next.policy = Some(JudgedPolicy { policy: policy.id, revision: 2 });
    assert_eq!(world.store().renew(again).await.unwrap(), Renewed::First);
    world.expect_entries(&[Action::HostRenewed]).await;
}

pub(in crate::store) async fn a_moved_host_renews_under_its_new_policy(world: &mut World) {
    let (from, to) = (policy(world, "from").await, policy(world, "to").await);
    let host = member(world, &from).await;
    world.pass(Duration::from_secs(1));
    let moved = move_to(world, vec![as_it_is(&host)], Some(to.id)).await;
    assert_eq!(moved, HostsMoved::Each(vec![HostMoved::Moved]));
    let after = world.host(host.id).await;
    assert_eq!((after.facts.policy, after.facts.roles.clone()), (Some(to.id), roles(&["proxy"])));
    assert!(after.has_former_policy() && after.revision > host.revision);
    let entries = world.new_entries().await;
    let body = String::from_utf8_lossy(crate::ledger::parse(&entries[0].bytes).unwrap().body).into_owned();
    let policies = format!(r#""policy":"{}","policy_before":"{}""#, to.id, from.id);
    assert!(entries.len() == 1 && body.contains(&policies), "{body}");
    assert_eq!(world.renew(&host, host.newest.serial, new_key()).await, Renewed::FactsChanged);
    assert_eq!(world.renew(&after, host.newest.serial, new_key()).await, Renewed::First);
    assert!(!world.host(host.id).await.has_former_policy());
    // Its former policy is free.
    let entry = world.draft(Action::PolicyDeleted);
    let command = DeletePolicy { policy: from.id, revision: 1, entry };
    assert_eq!(world.store().delete_policy(command).await.unwrap(), PolicyDeletion::Deleted { tokens: 1 });
}

pub(in crate::store) async fn a_move_takes_roles_with_the_next_certificate(world: &mut World) {
    let to = policy(world, "to").await;
    let host = member(world, &to).await;
    let without = HostMove { roles: Vec::new(), ..as_it_is(&host) };
    assert_eq!(move_to(world, vec![without], None).await, HostsMoved::Each(vec![HostMoved::Moved]));
    let after = world.host(host.id).await;
    assert_eq!((after.facts.policy, after.facts.roles.len()), (None, 0));
    let revoked = |serial| world.store().revocations().certificate_revoked(serial);
    assert!(!revoked(host.newest.serial));
    assert_eq!(world.renew(&after, host.newest.serial, new_key()).await, Renewed::First);
    assert!(revoked(host.newest.serial));
    world.expect_entries(&[Action::HostMoved, Action::HostRenewed]).await;
}

pub(in crate::store) async fn a_refused_move_changes_nothing(world: &mut World) {
    let to = policy(world, "to").await;
    let (host, revoked) = (member(world, &to).await, member(world, &to).await);
    world.revoke_host(revoked.id).await;
    world.new_entries().await;
    let stale = HostMove { revision: host.revision + 1, ..as_it_is(&host) };
    let gone = HostMove { host: HostId::generate(world.now), ..as_it_is(&host) };
    let revoked = world.host(revoked.id).await;
    let outcomes = [HostMoved::Stale, HostMoved::Unknown, HostMoved::Revoked].to_vec();
    let moved = move_to(world, vec![stale, gone, as_it_is(&revoked)], None).await;
    assert_eq!(moved, HostsMoved::Each(outcomes));
    let before = move_to(world, vec![as_it_is(&host)], Some(to.id)).await;
    assert_eq!(before, HostsMoved::Each(vec![HostMoved::Before]));
    let nowhere = Some(PolicyId::generate(world.now));
    assert_eq!(move_to(world, vec![as_it_is(&host)], nowhere).await, HostsMoved::NoPolicy);
    assert_eq!(world.host(host.id).await, host);
    assert!(world.new_entries().await.is_empty());
}

/// A token that re-enrolls `host` into `policy`.
pub(super) async fn bound(world: &mut World, host: &HostRecord, policy: Option<PolicyId>) -> MintRecord {
    let mut record = world.ephemeral(Some(1));
    record.terms.bindings.host = Some(host.id);
    record.terms.roles.clone_from(&host.facts.roles);
    record.terms.policy = policy;
    let record = MintRecord { purpose: TokenPurpose::Enrollment(TokenKind::ReEnrollment), ..record };
    let record = world.mint(record).await;
    world.new_entries().await;
    record
}

pub(in crate::store) async fn a_bound_token_moves_its_host(world: &mut World) {
    let (from, to) = (policy(world, "from").await, policy(world, "to").await);
    let host = member(world, &from).await;
    world.pass(Duration::from_secs(1));
    let (stale, token) = (bound(world, &host, Some(from.id)).await, bound(world, &host, Some(to.id)).await);
    world.pass(Duration::from_secs(1));
    let reenroll = async |world: &World, token: &MintRecord| {
        let Renew { mut next, .. } = world.renewal(&host, host.newest.serial, new_key());
        next.policy = first_revision(token.terms.policy);
        next.entry.action = Action::HostReenrolled;
        world.store().reenroll(Reenroll { grant: verified(token), next, opaque_key: None }).await.unwrap()
    };
    assert_eq!(reenroll(world, &token).await, Redeemed::First);
    assert_eq!(world.host(host.id).await.facts.policy, Some(to.id));
    let changed = Redeemed::Refused(RedeemRefusal::HostChanged);
    assert_eq!(reenroll(world, &stale).await, changed, "it would move the host back");
    world.expect_entries(&[Action::HostReenrolled]).await;
}

pub(in crate::store) async fn roles_judged_by_another_policy_stay(world: &mut World) {
    let (from, to) = (policy(world, "from").await, policy(world, "to").await);
    let host = member(world, &from).await;
    let give = |policy, before: &HostRecord| SetRoles {
        host: host.id,
        revision: None,
        before: before.facts.roles.clone(),
        policy,
        roles: roles(&["proxy", "director"]),
        now: false,
        entry: world.draft(Action::HostRolesChanged),
    };
    move_to(world, vec![as_it_is(&host)], Some(to.id)).await;
    for judged in [Some(from.id), None] {
        let outcome = world.store().set_roles(give(judged, &host)).await.unwrap();
        assert_eq!(outcome, RolesChange::Moved, "{judged:?}");
    }
    assert_eq!(world.host(host.id).await.facts.roles, host.facts.roles);
    let outcome = world.store().set_roles(give(Some(to.id), &host)).await.unwrap();
    assert!(matches!(outcome, RolesChange::Changed(_)), "{outcome:?}");
    world.expect_entries(&[Action::HostMoved, Action::HostRolesChanged]).await;
}

pub(in crate::store) async fn a_bound_token_needs_its_host_as_judged(world: &mut World) {
    let (from, to) = (policy(world, "from").await, policy(world, "to").await);
    let judged = member(world, &from).await;
    let mut record = world.ephemeral(Some(1));
    record.terms.bindings.host = Some(judged.id);
    record.terms.policy = Some(from.id);
    let mint = async |world: &World, revision| {
        let mint = RecordMint {
            record: record.clone(),
            by: Actor::System,
            entry: world.draft(Action::TokenCreated),
        };
        world.store().mint_reenrollment(MintReenrollment { mint, revision, once: None }).await.unwrap()
    };
    move_to(world, vec![as_it_is(&judged)], Some(to.id)).await;
    assert_eq!(mint(world, judged.revision).await, HostMint::HostChanged, "it would undo the move");
    assert_eq!(world.token(&record).await, None);
    let moved = world.host(judged.id).await;
    assert_eq!(mint(world, moved.revision).await, HostMint::Recorded);
    // A move that was judged before the mint may have an earlier time than the token.
    let late = move_to(world, vec![as_it_is(&moved)], None).await;
    assert_eq!(late, HostsMoved::Each(vec![HostMoved::Stale]));
    world.expect_entries(&[Action::HostMoved, Action::TokenCreated]).await;
}

pub(in crate::store) async fn an_ephemeral_host_goes_when_it_lapses(world: &mut World) {
    let ephemeral = PolicyTerms { ephemeral_hosts: true, roles: roles(&["proxy"]), ..plain("diskless") };
    let ephemeral = world.policy(ephemeral).await;
    let lasting = policy(world, "lasting").await;
    let (token, other) = (token_of(world, &ephemeral).await, member(world, &lasting).await);
    let mut command = world.redemption(&token, new_key());
    let name = DnsName::parse("node.example.org").unwrap();
    command.admission.host.name = Some(name.clone());
    let id = command.admission.certificate.host;
    assert_eq!(world.store().redeem(command).await.unwrap(), Redeemed::First);
    world.new_entries().await;
    world.pass(DAY * 29);
    world.collect().await;
    world.new_entries().await;
    assert!(world.store().host(id).await.unwrap().is_some(), "its certificate is valid");
    world.pass(DAY * 2);
    assert!(world.store().name_taken(name.clone(), world.now.minus(DAY * 7)).await.unwrap());
    world.collect().await;
    assert_eq!(world.store().host(id).await.unwrap(), None);
    assert!(!world.store().name_taken(name, world.now.minus(DAY * 7)).await.unwrap());
    assert!(world.store().host(other.id).await.unwrap().is_some(), "it can be re-enrolled");
    let entries = world.new_entries().await;
    let collected: Vec<_> = entries.iter().filter(|entry| entry.host == Some(id)).collect();
    assert_eq!(collected.len(), 1);
    assert_eq!(collected[0].action, Action::HostCollected.as_str());
}

/// A former certificate can outlive the newest one: the host came with a longer lifetime. It must stay revocable.
pub(in crate::store) async fn an_ephemeral_host_stays_while_a_certificate_is_valid(world: &mut World) {
    let ephemeral = PolicyTerms { ephemeral_hosts: true, roles: roles(&["proxy"]), ..plain("diskless") };
    let ephemeral = world.policy(ephemeral).await;
    let host = member(world, &ephemeral).await;
    let mut renewal = world.renewal(&host, host.newest.serial, new_key());
    renewal.next.certificate.record.not_after = world.now.plus(DAY);
    assert_eq!(world.store().renew(renewal).await.unwrap(), Renewed::First);
    world.pass(DAY * 3);
    world.collect().await;
    assert!(world.store().host(host.id).await.unwrap().is_some(), "the first one is valid");
    world.pass(DAY * 28);
    world.collect().await;
    assert_eq!(world.store().host(host.id).await.unwrap(), None);
}

pub(in crate::store) async fn a_revoked_ephemeral_host_stays_refused(world: &mut World) {
    let ephemeral = PolicyTerms { ephemeral_hosts: true, roles: roles(&["proxy"]), ..plain("diskless") };
    let ephemeral = world.policy(ephemeral).await;
    let (token, key) = (token_of(world, &ephemeral).await, new_key());
    let host = world.enroll(&token, key).await;
    world.revoke_host(host.id).await;
    world.pass(DAY * 31);
    world.collect().await;
    assert!(world.store().host(host.id).await.unwrap().is_some());
    assert_eq!(world.store().refused_key(key).await.unwrap(), Some(KeyRefusal::Revoked));
}

pub(in crate::store) async fn a_policy_sets_the_time_of_renewal(world: &mut World) {
    let policy = policy(world, "edge").await;
    let token = token_of(world, &policy).await;
    let mut command = world.redemption(&token, new_key());
    let (id, due) = (command.admission.certificate.host, world.now.plus(DAY).whole_second());
    command.admission.certificate.record.due_at = Some(due);
    assert_eq!(world.store().redeem(command).await.unwrap(), Redeemed::First);
    assert_eq!(world.host(id).await.newest.renew_after(), due);
    world.pass(DAY + HOUR);
    assert_eq!(world.host(id).await.state(world.now), HostState::Expiring);
    let expiring = HostFilter {
        states: Some(vec![HostState::Expiring]),
        ..HostFilter::every(Some(token.token.id), world.now)
    };
    let page = world.store().list_hosts(expiring, PageQuery::new(None, 10)).await.unwrap();
    assert_eq!(page.items.len(), 1, "the list and the record agree");
}

pub(in crate::store) async fn a_waiting_host_shows_the_policy_of_its_token(world: &mut World) {
    let policy = policy(world, "edge").await;
    let token = token_of(world, &policy).await;
    let id = world.wait(&token, new_key()).await;
    assert_eq!(world.enrollment(id).await.policy, Some(policy.id));
    change(world, &policy).await;
    assert_eq!(world.approve(id).await, Deciding::FactsChanged);
    assert_eq!(world.enrollment(id).await.state, EnrollmentState::Waiting);
}
