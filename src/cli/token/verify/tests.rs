//! Tokens of both kinds and their status lists, judged from files.

use std::time::Duration;

use clap::Parser as _;

use super::*;
use crate::id::{ListId, StatusRef, TokenId};
use crate::name::Role;
use crate::token::{Grant, KeyRing, ServiceGrant, StatusList, Terms, TokenRef, mint, mint_service};

const ISSUER: &str = "https://gate.example.org:8443";
const JOBS: &str = "https://jobs.example.org";

#[derive(clap::Parser)]
struct VerifyLine {
    #[command(flatten)]
    verify: TokenVerify,
}

/// A directory with a key set, a token of each kind, and their status list.
struct VerifyFiles {
    dir: tempfile::TempDir,
    ring: KeyRing,
    now: Timestamp,
    list: ListId,
}

impl VerifyFiles {
    fn new() -> Self {
        // The command reads the clock itself.
        let now = SystemClock::now().whole_second();
        let files = Self {
            dir: tempfile::tempdir().unwrap(),
            ring: KeyRing::generate(),
            now,
            list: ListId::generate(now),
        };
        files.write("jwks", &files.ring.verifying().to_jwks());
        let minted = mint_service(&files.service(), &files.ring, now).unwrap();
        files.write("service", minted.text().expose());
        files.write("enrollment", mint(&files.enrollment(), &files.ring, now).unwrap().text().expose());
        files.write_list(&StatusList::default(), now);
        files
    }

    fn service(&self) -> ServiceGrant {
        ServiceGrant {
            token: self.token(5),
            audience: JOBS.to_owned(),
            issued_at: self.now,
            not_before: self.now,
            expires_at: self.now.plus(Duration::from_secs(900)),
            roles: vec![Role::parse("proxy").unwrap()],
        }
    }

    fn enrollment(&self) -> Grant {
        let ServiceGrant { issued_at, not_before, expires_at, roles, .. } = self.service();
        let terms = Terms { roles, expires_at: Some(expires_at), max_uses: Some(1), ..Terms::default() };
        Grant { token: self.token(6), issued_at, not_before, root: None, terms }
    }

    fn token(&self, index: u32) -> TokenRef {
        let status = StatusRef { list: self.list, index };
        TokenRef { id: TokenId::generate(self.now), issuer: ISSUER.to_owned(), status }
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.dir.path().join(name), format!("{text}\n")).unwrap();
    }

    fn write_list(&self, list: &StatusList, at: Timestamp) {
        self.write("list", &list.sign(&self.uri(), &self.ring, at).unwrap());
    }

    fn uri(&self) -> String {
        format!("{ISSUER}/status/{}", self.list)
    }

    /// Runs the command on the token in the file of that name.
    fn verify(&self, token: &str, more: &[&str]) -> Result<(), CliError> {
        let path = |name: &str| self.dir.path().join(name).display().to_string();
        let more = more.iter().map(|word| if *word == "list" { path("list") } else { (*word).to_owned() });
        let line = ["verify", "--jwks", &path("jwks"), "--token-file", &path(token)].map(str::to_owned);
        let parsed = VerifyLine::try_parse_from(line.into_iter().chain(more));
        parsed.map_err(|error| error.to_string()).unwrap().verify.run(&Environment::default())
    }

    fn refusal(&self, token: &str, more: &[&str]) -> (u8, String) {
        let error = self.verify(token, more).unwrap_err();
        (error.exit_code(), error.to_string())
    }
}

#[test]
fn a_service_token_is_good_for_its_audience_alone() {
    let files = VerifyFiles::new();
    files.verify("service", &["--audience", JOBS]).unwrap();
    files.verify("service", &["--audience", "urn:other", "--audience", JOBS, "--issuer", ISSUER]).unwrap();
    let (code, why) = files.refusal("service", &["--audience", "urn:other"]);
    assert!(code == 1 && why.contains("token_wrong_audience"), "{why}");
    let (code, why) = files.refusal("service", &["--audience", JOBS, "--issuer", "https://other"]);
    assert!(code == 1 && why.contains("token_wrong_issuer"), "{why}");
    let (code, why) = files.refusal("service", &[]);
    assert!(code == 2 && why.contains("--audience"), "there is no default audience: {why}");
}

#[test]
fn an_enrollment_token_is_good_without_an_audience_alone() {
    let files = VerifyFiles::new();
    files.verify("enrollment", &[]).unwrap();
    let (code, why) = files.refusal("enrollment", &["--audience", JOBS]);
    assert!(code == 1 && why.contains("token_wrong_type"), "{why}");
    let own = format!("{ISSUER}/enroll");
    assert!(files.refusal("enrollment", &["--audience", &own]).1.contains("token_wrong_type"));
}

#[test]
fn the_list_in_the_file_reports_revocations() {
    let files = VerifyFiles::new();
    let with_list =
        |token, audience: &[&'static str]| files.verify(token, &[audience, &["--status", "list"]].concat());
    with_list("service", &["--audience", JOBS]).unwrap();
    with_list("enrollment", &[]).unwrap();
    for (status, code) in [
        (Status::Revoked, "token_revoked"),
        (Status::Suspended, "token_suspended"),
        (Status::UsedUp, "token_used"),
    ] {
        let mut list = StatusList::default();
        list.set(5, status);
        files.write_list(&list, files.now);
        let error = with_list("service", &["--audience", JOBS]).unwrap_err();
        assert!(error.exit_code() == 1 && error.to_string().contains(code), "{error}");
        with_list("enrollment", &[]).unwrap();
    }
}

#[test]
fn only_the_tokens_own_current_list_is_accepted() {
    let files = VerifyFiles::new();
    let refusal = || files.refusal("service", &["--audience", JOBS, "--status", "list"]);
    let other = format!("{ISSUER}/status/{}", ListId::generate(files.now));
    files.write("list", &StatusList::default().sign(&other, &files.ring, files.now).unwrap());
    assert_eq!(refusal().0, 1);
    files.write_list(&StatusList::default(), files.now.minus(Duration::from_secs(3600)));
    assert!(refusal().1.contains("expired"), "{}", refusal().1);
    let stranger = StatusList::default().sign(&files.uri(), &KeyRing::generate(), files.now).unwrap();
    files.write("list", &stranger);
    assert_eq!(refusal().0, 1);
    // A list of four entries ends before index 5.
    files.write_list(&StatusList::from_bytes(vec![0]).unwrap(), files.now);
    assert!(refusal().1.contains("no entry 5"), "{}", refusal().1);
    files.write_list(&StatusList::default(), files.now);
    files.verify("service", &["--audience", JOBS, "--status", "list"]).unwrap();
}
