//! The events that readers get of commits.

use strum::VariantArray as _;

use super::*;
use crate::access::{Limits, Rights, UserRole};
use crate::clock::Timestamp;
use crate::id::{EnrollmentId, HostId, PolicyId, RuleId, SessionId, TokenId};
use crate::ledger::{Draft, Subjects};

const NOW: Timestamp = Timestamp::from_secs(1_900_000_000);

fn reader(name: &str, role: UserRole) -> Caller {
    let rights = Rights::of_role(role, Limits::ANY);
    Caller { actor: Actor::User(name.to_owned()), rights, ..Caller::SYSTEM }
}

fn draft(action: Action) -> Draft {
    Draft::done(action, NOW, "user:admin").with("label", "rack 7")
}

fn news(newest: u64, drafts: &[Draft]) -> News {
    let entries = drafts.iter().map(CommittedEntry::from).collect();
    let mut news = News::default();
    news.add(Arc::new(Commit { newest, entries }));
    news
}

/// The data of each event.
fn data(news: &News, role: UserRole) -> Vec<String> {
    let text = news.events(&reader("ops", role));
    let events = text.split_terminator("\n\n");
    events.map(|event| event.strip_prefix("event: change\ndata: ").unwrap().to_owned()).collect()
}

fn change(kind: &str, id: impl ToString, action: &str) -> String {
    format!(r#"{{"kind":"{kind}","id":"{}","action":"{action}"}}"#, id.to_string())
}

#[test]
fn an_enrollment_changes_host_token_and_rule() {
    let (host, token) = (HostId::generate(NOW), TokenId::generate(NOW));
    let (rule, enrollment) = (RuleId::generate(NOW), EnrollmentId::generate(NOW));
    let entry = draft(Action::HostEnrolled).about(Subjects::host(host).with_token(token));
    let action = "host_enrolled";
    let plain = [change("token", token, action), change("host", host, action)];
    assert_eq!(data(&news(7, std::slice::from_ref(&entry)), UserRole::Viewer), plain);
    let entry = entry.with("rule", rule.to_string()).with("enrollment", enrollment.to_string());
    let more = [
        change("token", token, action),
        change("host", host, action),
        change("enrollment", enrollment, action),
        change("rule", rule, action),
        r#"{"kind":"ledger","id":"7"}"#.to_owned(),
    ];
    assert_eq!(data(&news(7, &[entry]), UserRole::Analyst), more);
}

#[test]
fn a_viewer_gets_no_ledger_and_no_administration() {
    for action in Action::VARIANTS {
        let session = SessionId::of(b"a");
        let subjects = Subjects { user: Some("admin".to_owned()), ..Subjects::token(TokenId::generate(NOW)) };
        let entry = draft(*action).about(subjects).with("session", session.to_string());
        let text = news(1, &[entry]).events(&reader("ops", UserRole::Viewer));
        for kind in ["admin", "ledger", "session"] {
            assert!(!text.contains(&format!(r#""kind":"{kind}""#)), "{action}: {text}");
        }
        if action.as_str().ends_with("_refused") || *action == Action::TokenShown {
            assert_eq!(text, "", "{action}");
        }
    }
}

#[test]
fn no_event_has_a_text_of_an_entry() {
    for action in Action::VARIANTS {
        let policy = PolicyId::generate(NOW);
        let entry = draft(*action).about(Subjects::user("anna")).with("policy", policy.to_string());
        let text = news(1, &[entry]).events(&reader("ops", UserRole::Admin));
        assert!(!text.contains("rack 7") && !text.contains("anna"), "{action}: {text}");
    }
}

#[test]
fn a_session_event_reaches_its_own_user_only() {
    let session = SessionId::of(b"a");
    let entry = draft(Action::SessionEnded).about(Subjects::user("ops")).with("session", session.to_string());
    let news = news(1, &[entry]);
    assert!(news.concern_accounts());
    assert_eq!(data(&news, UserRole::Viewer), [change("session", session, "session_ended")]);
    assert_eq!(news.events(&reader("anna", UserRole::Viewer)), "");
}

#[test]
fn the_last_act_on_an_item_is_sent_once() {
    let token = TokenId::generate(NOW);
    let mut news = news(1, &[draft(Action::TokenCreated).about(Subjects::token(token))]);
    let entry = CommittedEntry::from(&draft(Action::TokenRevoked).about(Subjects::token(token)));
    news.add(Arc::new(Commit { newest: 3, entries: vec![entry] }));
    let both = [change("token", token, "token_revoked"), r#"{"kind":"ledger","id":"3"}"#.to_owned()];
    assert_eq!(data(&news, UserRole::Operator), both);
    assert!(!news.concern_accounts());
}

#[test]
fn many_or_missed_changes_are_one_reload() {
    let created = |_| draft(Action::TokenCreated).about(Subjects::token(TokenId::generate(NOW)));
    let viewer = reader("ops", UserRole::Viewer);
    let most = news(1, &(0..MOST).map(created).collect::<Vec<_>>());
    assert_eq!(most.events(&viewer).matches("event: change").count(), MOST);
    let mut more = news(1, &(0..=MOST).map(created).collect::<Vec<_>>());
    assert_eq!(more.events(&viewer), RELOAD);
    more = News::default();
    assert_eq!(more.events(&viewer), "");
    more.missed_some();
    assert_eq!(more.events(&viewer), RELOAD);
    assert!(more.concern_accounts());
}
