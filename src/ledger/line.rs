//! The log line of an entry: the act in words, with its subjects and the facts that an operator looks for.

use serde_json::Value;
use tracing::Level;

use super::{Draft, Outcome};

/// Maximum number of characters of a fact in a line.
const MOST_CHARS: usize = 256;

impl Draft {
    /// Logs the act, after its commit. A person's words are quoted and escaped. The other facts cannot hold a space.
    pub fn log(&self) {
        let (subjects, origin, act) = (&self.subjects, &self.origin, self.action.as_str().replace('_', " "));
        macro_rules! line {
            ($level:expr) => {
                tracing::event!(
                    target: "gatepass::act",
                    $level,
                    host = subjects.host.map(display),
                    token = subjects.token.map(display),
                    key = subjects.signing_key.map(display),
                    serial = subjects.serial.map(display),
                    user = subjects.user.as_deref().map(display),
                    api_key = subjects.api_key.map(display),
                    rule = self.fact("rule").map(display),
                    policy = self.fact("policy").map(display),
                    label = self.fact("label"),
                    batch = self.fact("batch").map(display),
                    name = self.fact("name").map(display),
                    roles = self.fact("roles").map(display),
                    roles_before = self.fact("roles_before").map(display),
                    role = self.fact("role").map(display),
                    max_uses = self.fact("max_uses").map(display),
                    expires_at = self.fact("expires_at").map(display),
                    issuer = self.fact("issuer").map(display),
                    replaces = self.fact("replaces").map(display),
                    replaced_by = self.fact("replaced_by").map(display),
                    newest_serial = self.fact("newest_serial").map(display),
                    newest_seen_at = self.fact("newest_seen_at").map(display),
                    newest_seen_from = self.fact("newest_seen_from").map(display),
                    hosts = self.fact("hosts").map(display),
                    hosts_revoked = self.fact("hosts_revoked").map(display),
                    tokens = self.fact("tokens").map(display),
                    pairs = self.fact("pairs").map(display),
                    certificates = self.fact("certificates").map(display),
                    sessions = self.fact("sessions").map(display),
                    api_keys = self.fact("api_keys").map(display),
                    compromised = self.fact("compromised").map(display),
                    alarm = self.fact("alarm").map(display),
                    signs = self.fact("use").map(display),
                    issuing_ski = self.fact("issuing_ski").map(display),
                    trust_domain = self.fact("trust_domain").map(display),
                    settings = self.fact("after").map(display),
                    scopes = self.fact("scopes").map(display),
                    count = self.fact("count").map(display),
                    reason = Some(&self.reason).filter(|reason| !reason.is_empty()).map(display),
                    from = origin.address.map(display),
                    actor = %origin.actor,
                    request = origin.request.map(display),
                    "{act}"
                )
            };
        }
        match self.outcome {
            Outcome::Done => line!(Level::INFO),
            Outcome::Refused => line!(Level::WARN),
        }
    }

    /// The detail `name` as text, unless it is empty.
    fn fact(&self, name: &str) -> Option<String> {
        let text = match self.detail.get(name)? {
            Value::Null => return None,
            Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(","),
            value => plain(value),
        };
        (!text.is_empty()).then(|| clipped(text))
    }
}

/// The value without the quotes of JSON.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The first characters of a text that is too long for a line, and an ellipsis.
fn clipped(mut text: String) -> String {
    if let Some((at, _)) = text.char_indices().nth(MOST_CHARS) {
        text.truncate(at);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use parking_lot::Mutex;
    use serde_json::json;

    use super::*;
    use crate::clock::Timestamp;
    use crate::id::{HostId, TokenId};
    use crate::ledger::{Action, Subjects};

    const NOW: Timestamp = Timestamp::from_secs(1_900_000_000);

    /// The lines of one test.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(draft: &Draft) -> String {
        let lines = Lines::default();
        let sink = lines.clone();
        let log = tracing_subscriber::fmt().without_time().with_ansi(false).with_writer(move || sink.clone());
        tracing::subscriber::with_default(log.finish(), || draft.log());
        String::from_utf8(lines.0.lock().clone()).unwrap()
    }

    #[test]
    fn an_act_is_one_line_of_facts() {
        let (host, token) = (HostId::generate(NOW), TokenId::generate(NOW));
        let draft =
            Draft::done(Action::HostEnrolled, NOW, "token:x").about(Subjects::host(host).with_token(token));
        let draft =
            draft.with("label", "ci pool").with("roles", json!(["proxy", "director"])).with("name", ());
        let line = format!(
            " INFO gatepass::act: host enrolled host={host} token={token} label=\"ci pool\" roles=proxy,director actor=token:x\n"
        );
        assert_eq!(logged(&draft), line);
    }

    #[test]
    fn a_refusal_is_a_warning_with_its_reason() {
        let draft = Draft::refused(Action::SignInRefused, NOW, "anyone", "wrong_password");
        let line = " WARN gatepass::act: sign in refused count=7 reason=wrong_password actor=anyone\n";
        assert_eq!(logged(&draft.with("count", 7)), line);
    }

    #[test]
    fn words_of_people_are_escaped_and_limited() {
        let draft = |label: &str| Draft::done(Action::TokenCreated, NOW, "system").with("label", label);
        let forged = logged(&draft("x\"\n INFO token revoked \u{1b}[31m\u{202e}"));
        assert_eq!(forged.lines().count(), 1, "{forged}");
        assert!(forged.contains(r#"label="x\"\n INFO token revoked \u{1b}[31m\u{202e}""#), "{forged}");
        let long = logged(&draft(&"é".repeat(10_000)));
        assert!(long.contains(&format!("label=\"{}…\"", "é".repeat(MOST_CHARS))), "{long}");
    }
}
