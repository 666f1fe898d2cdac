//! Memory follows the database when another node has changed it.

use std::time::Duration;

use gatepass::admission::{Applicant, PolicyTerms, Rule, RuleCluster, RuleTerms};
use gatepass::id::{PolicyId, RuleId};
use gatepass::ledger::{Action, Draft};
use gatepass::name::Label;
use gatepass::service::keys::files::make_key;
use gatepass::service::vault::Vault;
use gatepass::store::{
    ChangePolicy, ChangeSettings, CreateRule, HowToRevoke, KeyState, RetireIssuer, RevokeToken, RotateKeys,
    RuleRecord, TokenRevocation, TokenType,
};
use gatepass::token::KeyUse;
use serde_json::json;

use crate::support::Running;

fn entry(action: Action, at: &Running) -> Draft {
    Draft::done(action, at.clock_reading(), "system")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_setting_is_in_force_after_a_reload() {
    let at = Running::start().await;
    let span = Duration::from_secs(420);
    let changes = vec![("default_ttl", Some(420_000))];
    let command = ChangeSettings { changes, entry: entry(Action::SettingsChanged, &at) };
    at.store.change_settings(command).await.unwrap();
    let spans = &at.authority.settings.spans;
    assert_ne!(spans.load().default_ttl, span);
    spans.reload(at.store.as_ref()).await.unwrap();
    assert_eq!(spans.load().default_ttl, span);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_created_rule_decides_after_a_reload() {
    let at = Running::start().await;
    let terms = RuleTerms {
        cluster_id: RuleCluster::Any,
        label: Label::parse("every host").unwrap(),
        allowed_roles: Vec::new(),
        max_nodes: None,
        addresses: Vec::new(),
        names: Vec::new(),
        examples: Vec::new(),
    };
    let created_at = at.clock_reading();
    let rule = Rule { id: RuleId::generate(created_at), revision: 1, policies: None, terms };
    let id = rule.id;
    let rule = RuleRecord { rule, created_at, created_by: "system".to_owned() };
    at.store.create_rule(CreateRule { rule, entry: entry(Action::RuleCreated, &at) }).await.unwrap();
    let rules = &at.authority.rules.rules;
    let matching = || rules.load().matching(&Applicant::default(), None).collect::<Vec<_>>();
    assert_eq!(matching(), []);
    rules.reload(at.store.as_ref()).await.unwrap();
    assert_eq!(matching(), [(id, 1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_policy_is_in_memory_after_a_reload() {
    let at = Running::start().await;
    let made = at.admin().post("/api/v1/policies", &json!({ "name": "edge" })).await.json;
    let id = PolicyId::parse(made["id"].as_str().unwrap()).unwrap();
    let policies = &at.authority.policies.policies;
    let before = policies.get(id).unwrap();
    let terms = PolicyTerms { ephemeral_hosts: true, ..before.terms.clone() };
    let entry = entry(Action::PolicyChanged, &at);
    at.store.change_policy(ChangePolicy { policy: id, revision: 1, terms, entry }).await.unwrap();
    assert_eq!(policies.get(id), Some(before));
    policies.reload(at.store.as_ref()).await.unwrap();
    let after = policies.get(id).unwrap();
    assert_eq!((after.revision, after.terms.ephemeral_hosts), (2, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_key_signs_after_a_reload() {
    let at = Running::start().await;
    let trust = &at.authority.trust;
    let (current, prepared) = {
        let ring = trust.ring();
        (ring.current(KeyUse::Enrollment).key_id(), ring.prepared(KeyUse::Enrollment))
    };
    let (now, vault) = (at.clock_reading(), Vault::open(&at.data_dir().join("keys")).unwrap());
    let next = make_key(&vault, KeyUse::Enrollment, KeyState::Prepared, now).unwrap();
    let command = RotateKeys { next, entry: entry(Action::KeyRotated, &at) };
    at.store.rotate_keys(command).await.unwrap();
    assert_eq!(trust.ring().current(KeyUse::Enrollment).key_id(), current);
    trust.reload(at.store.as_ref()).await.unwrap();
    assert_eq!(trust.ring().current(KeyUse::Enrollment).key_id(), prepared);
    // Tokens minted from here on are signed with the new key, and the store records them.
    at.mint_once().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retired_external_url_is_refused_after_a_reload() {
    let former = Running::start().await;
    let issuer = former.url.clone();
    let at = former.restart().await;
    let command = RetireIssuer {
        issuer: issuer.clone(),
        even_needed: true,
        emergency: None,
        entry: entry(Action::IssuerRetired, &at),
    };
    at.store.retire_issuer(command).await.unwrap();
    assert!(at.authority.trust.issuers().accepted().contains(&issuer));
    at.authority.trust.reload(at.store.as_ref()).await.unwrap();
    assert_eq!(at.authority.trust.issuers().accepted(), std::slice::from_ref(&at.url));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_emergency_token_raises_no_alarm_after_reload() {
    let at = Running::start().await;
    let token = at.store.emergency_token().await.unwrap().unwrap().mint.token.id;
    let command = RevokeToken {
        token,
        token_type: TokenType::Enrollment,
        how: HowToRevoke { even_emergency: true, ..HowToRevoke::default() },
        entry: entry(Action::TokenRevoked, &at),
    };
    let revoked = at.store.revoke_token(command).await.unwrap();
    assert_eq!(revoked, TokenRevocation::Revoked { hosts: 0 });
    assert!(at.authority.trust.is_emergency(token));
    at.authority.trust.reload(at.store.as_ref()).await.unwrap();
    assert!(!at.authority.trust.is_emergency(token));
}
