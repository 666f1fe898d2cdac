//! Hosts that wait for a decision: the use that they hold, and each end of the wait.

mod ends;

use std::net::IpAddr;
use std::sync::Arc;

pub(in crate::store) use self::ends::*;

use super::redeeming::firsts;
use super::world::*;
use crate::id::{EnrollmentId, HostId, SpkiHash};
use crate::ledger::{Action, Subjects};
use crate::name::DnsName;
use crate::store::*;

const MOST: u32 = 3;
/// The address of every waiting host.
const HOST_AT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));
const FULL: Redeemed = Redeemed::Refused(RedeemRefusal::TooManyWaiting);
const SPENT: Redeemed = Redeemed::Refused(RedeemRefusal::TokenSpent);
/// The service finds the enrollment of the key when it looks again.
const OVERTAKEN: Redeemed = Redeemed::Refused(RedeemRefusal::Contended);

impl World {
    /// A redemption that waits if no rule admits its host.
    pub(super) fn gated(&self, token: &MintRecord, key: SpkiHash, rules: Vec<JudgedRule>) -> Redeem {
        let entry = self.draft(Action::EnrollmentWaiting).about(Subjects::token(token.token.id));
        let new = NewEnrollment {
            id: EnrollmentId::generate(self.now),
            public_key: key.as_bytes().to_vec(),
            code: "Xk9_2fQa".to_owned(),
            expires_at: self.now.plus(DAY),
            most_of_token: MOST,
            entry,
        };
        let gate = Gate { rules, otherwise: Otherwise::Wait(Box::new(new)) };
        let mut redemption = self.redemption(token, key);
        redemption.admission.address = Some(HOST_AT);
        Redeem { gate: Some(gate), ..redemption }
    }

    async fn ask(&self, token: &MintRecord, key: SpkiHash) -> Redeemed {
        self.store().redeem(self.gated(token, key, Vec::new())).await.unwrap()
    }

    pub(super) async fn wait(&self, token: &MintRecord, key: SpkiHash) -> EnrollmentId {
        match self.ask(token, key).await {
            Redeemed::Waits(id) => id,
            other => panic!("it does not wait: {other:?}"),
        }
    }

    pub(super) async fn enrollment(&self, id: EnrollmentId) -> EnrollmentRecord {
        self.store().enrollment(id, self.now).await.unwrap().unwrap()
    }

    fn approval(&self, waiting: &EnrollmentRecord) -> ApproveEnrollment {
        let host = HostId::generate(self.now);
        let subjects = Subjects::host(host).with_token(waiting.token);
        let mut entry = self.draft(Action::HostEnrolled).about(subjects);
        entry.origin.address = Some(IpAddr::from([192, 0, 2, 1]));
        let admission = Admission {
            host: HostFacts {
                name: waiting.name.clone(),
                cluster: waiting.cluster.clone(),
                roles: waiting.roles.clone(),
                policy: waiting.policy,
            },
            policy: first_revision(waiting.policy),
            certificate: self.certificate(host, waiting.host_key),
            reached_url: waiting.reached_url.clone(),
            address: waiting.address,
            node_limit: self.node_limit,
            rule: None,
            opaque_key: None,
            name_hold: DAY,
            entry,
        };
        ApproveEnrollment { enrollment: waiting.id, admission, keep_until: self.now.plus(DAY * 7) }
    }

    pub(super) async fn approve(&self, id: EnrollmentId) -> Deciding {
        let command = self.approval(&self.enrollment(id).await);
        self.store().approve_enrollment(command).await.unwrap()
    }

    fn denial(&self, id: EnrollmentId, keep_use: bool) -> DenyEnrollment {
        let entry = self.draft(Action::EnrollmentDenied);
        let keep_until = self.now.plus(DAY * 90);
        DenyEnrollment { enrollment: id, reason: "not ours".to_owned(), keep_use, keep_until, entry }
    }

    async fn deny(&self, id: EnrollmentId, keep_use: bool) -> Deciding {
        self.store().deny_enrollment(self.denial(id, keep_use)).await.unwrap()
    }

    async fn expire(&self, id: EnrollmentId) -> bool {
        let entry = self.draft(Action::EnrollmentExpired);
        let command = ExpireEnrollment { enrollment: id, keep_until: self.now.plus(DAY), entry };
        self.store().expire_enrollment(command).await.unwrap()
    }

    async fn decided_by(&self, token: &MintRecord, key: SpkiHash) -> Option<EnrollmentState> {
        let found = self.store().enrollment_of(token.token.id, key, self.now).await.unwrap();
        found.map(|found| found.state)
    }
}

pub(in crate::store) async fn a_waiting_host_holds_a_use_only(world: &mut World) {
    let token = world.mint_ephemeral(Some(1)).await;
    world.new_entries().await;
    let key = new_key();
    let id = world.wait(&token, key).await;
    world.expect_entries(&[Action::EnrollmentWaiting]).await;
    let waiting = world.enrollment(id).await;
    assert_eq!((waiting.state, waiting.host_key), (EnrollmentState::Waiting, key));
    assert_eq!(waiting.minter.as_deref(), Some("user:admin"));
    let record = world.token(&token).await.unwrap();
    assert_eq!((record.used, record.state(world.now)), (0, TokenState::Pending), "it is not used up");
    assert_eq!(world.ask(&token, new_key()).await, SPENT, "the use is held");
    assert_eq!(world.redeem(&token, new_key()).await, SPENT);
    assert_eq!(world.store().enrolled(world.now).await.unwrap(), 0);
    assert_eq!(world.ask(&token, key).await, OVERTAKEN, "it waits already");
    world.expect_entries(&[]).await;
}

pub(in crate::store) async fn an_approval_admits_the_host_and_takes_the_use(world: &mut World) {
    let token = world.mint_ephemeral(Some(1)).await;
    let key = new_key();
    let id = world.wait(&token, key).await;
    // The token's expiry ends no wait.
    world.pass(HOUR * 3);
    world.new_entries().await;
    assert_eq!(world.approve(id).await, Deciding::Done);
    world.expect_entries(&[Action::HostEnrolled]).await;
    let approved = world.enrollment(id).await;
    assert_eq!(approved.state, EnrollmentState::Approved);
    assert_eq!(approved.decision.unwrap().by, "user:admin");
    let record = world.token(&token).await.unwrap();
    assert_eq!((record.used, record.last_use.unwrap().host), (1, approved.host.unwrap()));
    let status = world.store().revocations().status(token.token.status);
    assert_eq!(status, crate::token::Status::UsedUp);
    let pair = world.store().pair(token.token.id, key).await.unwrap().unwrap();
    assert_eq!(Some(pair.host), approved.host);
    assert_eq!(world.host(pair.host).await.contact.from, Some(HOST_AT), "not the approver's address");
    world.pass(HOUR * 23);
    world.collect().await;
    assert!(world.store().pair(token.token.id, key).await.unwrap().is_some(), "the answer stands for a day");
    world.new_entries().await;
    assert_eq!(world.approve(id).await, Deciding::Over(EnrollmentState::Approved));
    assert_eq!(world.deny(id, false).await, Deciding::Over(EnrollmentState::Approved));
    world.expect_entries(&[]).await;
}

pub(in crate::store) async fn a_denial_gives_the_use_back_or_keeps_it(world: &mut World) {
    for (keep_use, left) in [(false, true), (true, false)] {
        let token = world.mint_persistent(Some(1)).await;
        let key = new_key();
        let id = world.wait(&token, key).await;
        world.new_entries().await;
        assert_eq!(world.deny(id, keep_use).await, Deciding::Done);
        world.expect_entries(&[Action::EnrollmentDenied]).await;
        let denied = world.enrollment(id).await;
        assert_eq!(denied.decision.unwrap().reason.as_deref(), Some("not ours"));
        assert_eq!(world.redeem(&token, new_key()).await == Redeemed::First, left);
        let other = world.mint_persistent(None).await;
        assert_eq!(world.decided_by(&other, key).await, Some(EnrollmentState::Denied), "under every token");
        assert_eq!(world.redeem(&other, key).await, OVERTAKEN);
        world.pass(DAY * 90);
        assert_eq!(world.decided_by(&other, key).await, None);
    }
}

pub(in crate::store) async fn an_expired_wait_gives_the_use_back(world: &mut World) {
    let token = world.mint_persistent(Some(1)).await;
    let key = new_key();
    let id = world.wait(&token, key).await;
    assert!(!world.expire(id).await, "its time is not over");
    world.pass(DAY);
    world.new_entries().await;
    assert_eq!(world.enrollment(id).await.state, EnrollmentState::Expired);
    assert_eq!(world.approve(id).await, Deciding::Over(EnrollmentState::Expired));
    assert_eq!(world.redeem(&token, new_key()).await, Redeemed::First, "another host takes the use");
    world.expect_entries(&[Action::EnrollmentExpired, Action::HostEnrolled]).await;
    assert_eq!(world.decided_by(&token, key).await, Some(EnrollmentState::Expired));
    assert!(world.expire(id).await, "its host is answered once");
    assert!(!world.expire(id).await);
    world.expect_entries(&[]).await;
    assert_eq!(world.decided_by(&token, key).await, None, "it may begin again");
}

pub(in crate::store) async fn an_ended_token_ends_its_waits(world: &mut World) {
    let token = world.mint_ephemeral(None).await;
    let id = world.wait(&token, new_key()).await;
    world.revoke(&token).await;
    assert_eq!(world.enrollment(id).await.state, EnrollmentState::Ended);
    assert_eq!(world.approve(id).await, Deciding::Over(EnrollmentState::Ended));
    assert_eq!(world.deny(id, false).await, Deciding::Over(EnrollmentState::Ended));
    assert_eq!(world.store().waiting(world.now).await.unwrap(), Waiting::default());
    world.collect().await;
    assert_eq!(world.enrollment(id).await.state, EnrollmentState::Ended);
    world.pass(DAY * 8);
    assert_eq!(world.collect().await.enrollments, 1);
    assert_eq!(world.store().enrollment(id, world.now).await.unwrap(), None);
}

pub(in crate::store) async fn the_queue_is_bounded(world: &mut World) {
    let token = world.mint_persistent(None).await;
    for _ in 0..MOST {
        world.wait(&token, new_key()).await;
    }
    world.new_entries().await;
    assert_eq!(world.ask(&token, new_key()).await, FULL);
    world.expect_entries(&[]).await;
    let other = world.mint_persistent(None).await;
    let first = world.wait(&other, new_key()).await;
    let queue = world.store().waiting(world.now).await.unwrap();
    assert_eq!((queue.count, queue.oldest), (u64::from(MOST) + 1, Some(world.now)));
    assert_eq!(world.deny(first, false).await, Deciding::Done);
    assert_eq!(world.store().waiting(world.now).await.unwrap().count, u64::from(MOST));
}

pub(in crate::store) async fn a_full_fleet_lets_no_host_wait(world: &mut World) {
    world.node_limit = NodeLimit::Configured(Some(1));
    let token = world.mint_persistent(None).await;
    let (first, second) = (world.wait(&token, new_key()).await, world.wait(&token, new_key()).await);
    assert_eq!(world.approve(first).await, Deciding::Done);
    world.new_entries().await;
    assert_eq!(world.ask(&token, new_key()).await, Redeemed::Refused(RedeemRefusal::NodeLimit));
    assert_eq!(world.approve(second).await, Deciding::NodeLimit);
    world.expect_entries(&[]).await;
    assert_eq!(world.enrollment(second).await.state, EnrollmentState::Waiting, "it goes on waiting");
    assert_eq!(world.token(&token).await.unwrap().used, 1);
}

pub(in crate::store) async fn a_name_taken_meanwhile_leaves_the_host_waiting(world: &mut World) {
    let token = world.mint_persistent(Some(2)).await;
    let name = DnsName::parse("n1.example.org").unwrap();
    let named = |mut command: Redeem| {
        command.admission.host.name = Some(name.clone());
        command
    };
    let waits = named(world.gated(&token, new_key(), Vec::new()));
    let Redeemed::Waits(id) = world.store().redeem(waits).await.unwrap() else { panic!("it does not wait") };
    let taker = named(world.redemption(&token, new_key()));
    let taken_by = taker.admission.certificate.host;
    assert_eq!(world.store().redeem(taker).await.unwrap(), Redeemed::First);
    assert_eq!(world.approve(id).await, Deciding::NameTaken);
    assert_eq!(world.token(&token).await.unwrap().used, 1);
    world.revoke_host(taken_by).await;
    assert_eq!(world.approve(id).await, Deciding::Done);
    assert_eq!(world.token(&token).await.unwrap().used, 2);
}

pub(in crate::store) async fn a_rule_admits_up_to_its_cap(world: &mut World) {
    let rule = world.rule_for(2).await;
    let token = world.mint_persistent(None).await;
    let mut keys = Vec::new();
    for _ in 0..5 {
        let key = new_key();
        let command = world.gated(&token, key, vec![rule]);
        keys.push((key, world.store().redeem(command).await.unwrap()));
    }
    let admitted = keys.iter().filter(|(_, outcome)| *outcome == Redeemed::First).count();
    assert_eq!(admitted, 2, "{keys:?}");
    let host = world.store().pair(token.token.id, keys[0].0).await.unwrap().unwrap().host;
    world.revoke_host(host).await;
    let command = world.gated(&token, new_key(), vec![rule]);
    assert_eq!(
        world.store().redeem(command).await.unwrap(),
        Redeemed::First,
        "a revoked host leaves its place"
    );
    let stale = JudgedRule { revision: rule.revision + 1, ..rule };
    let command = world.gated(&token, new_key(), vec![stale]);
    assert_eq!(world.store().redeem(command).await.unwrap(), Redeemed::FactsChanged);
}

pub(in crate::store) async fn a_warning_admits_with_a_note(world: &mut World) {
    let token = world.mint_persistent(None).await;
    world.new_entries().await;
    let gate = Gate { rules: Vec::new(), otherwise: Otherwise::Warn };
    let command = Redeem { gate: Some(gate), ..world.redemption(&token, new_key()) };
    assert_eq!(world.store().redeem(command).await.unwrap(), Redeemed::First);
    let entries = world.new_entries().await;
    let entry = String::from_utf8_lossy(&entries[0].bytes);
    assert!(entry.contains("\"approval\":\"warn\""), "{entry}");
}

pub(in crate::store) async fn rules_and_waits_never_exceed_the_uses(world: &mut World) {
    let rule = world.rule_for(10).await;
    let token = world.mint_persistent(Some(12)).await;
    let store = world.shared();
    let outcomes = race(&store, (0..40).map(|_| world.gated(&token, new_key(), vec![rule]))).await;
    assert_eq!(firsts(&outcomes), 10);
    let waits = outcomes.iter().filter(|outcome| matches!(outcome, Redeemed::Waits(_))).count();
    assert_eq!(waits, 2, "the uses that are left");
    let token = world.token(&token).await.unwrap();
    assert_eq!(token.used, 10);
}

pub(in crate::store) async fn of_two_deciders_one_decides(world: &mut World) {
    let token = world.mint_persistent(None).await;
    for _ in 0..20 {
        let id = world.wait(&token, new_key()).await;
        let (approval, denial) = (world.approval(&world.enrollment(id).await), world.denial(id, false));
        let (one, other) = (world.shared(), world.shared());
        let (approved, denied) =
            tokio::join!(one.approve_enrollment(approval), other.deny_enrollment(denial));
        let done = [approved.unwrap(), denied.unwrap()].iter().filter(|end| **end == Deciding::Done).count();
        assert_eq!(done, 1);
    }
}

async fn race(store: &Arc<dyn Store>, commands: impl Iterator<Item = Redeem>) -> Vec<Redeemed> {
    let mut asking = tokio::task::JoinSet::new();
    for command in commands {
        let store = Arc::clone(store);
        asking.spawn(async move { store.redeem(command).await.unwrap() });
    }
    asking.join_all().await
}
