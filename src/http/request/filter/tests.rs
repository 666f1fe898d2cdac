use super::*;
use crate::store::{HostState, TokenState};

const NOW: Timestamp = Timestamp::from_secs(1_900_000_000);
const WEEK: Duration = Duration::from_secs(7 * 86_400);

fn tokens(words: TokenWords) -> Result<TokenFilter, RequestError> {
    words.judge(TokenType::Enrollment, NOW, WEEK)
}

fn some(word: &str) -> Option<String> {
    Some(word.to_owned())
}

#[test]
fn an_empty_filter_shows_live_and_recently_ended_tokens() {
    let expected = TokenFilter::every(TokenType::Enrollment, EndedTokens::Since(NOW.minus(WEEK)), NOW);
    assert_eq!(tokens(TokenWords::default()), Ok(expected));
    let all = tokens(TokenWords { ended: Some(true), ..TokenWords::default() }).unwrap();
    assert_eq!(all.ended, EndedTokens::All);
}

#[test]
fn a_bare_name_is_a_user_unless_reserved() {
    let minter = |word| tokens(TokenWords { minter: some(word), ..TokenWords::default() }).unwrap().minter;
    assert_eq!(minter("admin"), some("user:admin"));
    assert_eq!(minter("user:admin"), some("user:admin"));
    assert_eq!(minter("api_key:1"), some("api_key:1"));
    assert_eq!(minter("system"), some("system"));
}

#[test]
fn a_bare_id_is_an_api_key() {
    let minter = |word| tokens(TokenWords { minter: some(word), ..TokenWords::default() }).unwrap().minter;
    let id = "0190a0b0-0000-7000-8000-000000000000";
    assert_eq!(minter(id), Some(format!("api_key:{id}")));
    assert_eq!(minter(&format!("user:{id}")), Some(format!("user:{id}")), "though somebody be called so");
}

#[test]
fn states_are_separated_by_commas() {
    let words = TokenWords { state: some("used, expired"), ..TokenWords::default() };
    assert_eq!(tokens(words).unwrap().states, Some(vec![TokenState::Used, TokenState::Expired]));
    let hosts = HostWords { state: some("revoked"), ..HostWords::default() };
    assert_eq!(hosts.judge(NOW).unwrap().states, Some(vec![HostState::Revoked]));
    let hosts = HostWords { state: some("live,expired,quarantined"), ..HostWords::default() };
    assert_eq!(hosts.judge(NOW).unwrap().states, Some(HostState::NOT_REVOKED.to_vec()));
}

#[test]
fn one_error_lists_every_wrong_field() {
    let words = TokenWords {
        state: some("live"),
        role: some("No Role"),
        label: some(""),
        unused_for: some("forever"),
        ..TokenWords::default()
    };
    let Err(RequestError::Fields(faults)) = tokens(words) else { panic!("taken") };
    let fields = faults.iter().map(|fault| fault.field.as_str()).collect::<Vec<_>>();
    assert_eq!(fields, ["state", "role", "label", "unused_for"]);
    let words = HostWords { token: some("x"), state: some(""), ..HostWords::default() };
    let Err(RequestError::Fields(faults)) = words.judge(NOW) else { panic!("taken") };
    assert_eq!(faults.iter().map(|fault| fault.field.as_str()).collect::<Vec<_>>(), ["state", "token"]);
}

#[test]
fn flags_are_read_from_queries_and_from_bodies() {
    let read = |json: &str| serde_json::from_str::<TokenWords>(json).map(|words| words.persistent);
    assert_eq!(read(r#"{"persistent":true}"#).unwrap(), Some(true));
    assert_eq!(read(r#"{"persistent":"false"}"#).unwrap(), Some(false));
    assert_eq!(read("{}").unwrap(), None);
    assert!(read(r#"{"persistent":"yes"}"#).is_err());
    assert!(read(r#"{"persistent":1}"#).is_err());
}

#[test]
fn states_have_the_names_of_responses() {
    for state in TokenState::VARIANTS {
        assert_eq!(serde_json::to_value(state).unwrap(), <&str>::from(*state));
    }
    for state in HostState::VARIANTS {
        let name = <&str>::from(*state);
        assert_eq!(serde_json::to_value(state).unwrap(), name);
        let words = HostWords { state: some(name), ..HostWords::default() };
        assert_eq!(words.judge(NOW).unwrap().states, Some(vec![*state]));
    }
}
