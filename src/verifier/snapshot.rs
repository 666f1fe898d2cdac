//! The state of a verifier as text, for a restart while the authority cannot be reached.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Verifier;
use super::keys::Keys;
use super::lists::Lists;
use crate::clock::Timestamp;
use crate::token::{KeyError, LEEWAY, Status, StatusListError, VerifyingKeys};

/// A snapshot was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// The text is not a snapshot.
    #[error("this is not a snapshot of a verifier: remove the file, a new one is written")]
    Malformed,
    /// The snapshot belongs to another authority.
    #[error("the snapshot is of the authority {found}: give each service a file of its own")]
    OtherIssuer {
        /// The other authority.
        found: String,
    },
    /// The snapshot was taken in the future, so its age is unknown.
    #[error("the snapshot was taken in the future, at {at}: check the clock of this machine")]
    FromTheFuture {
        /// The time in it.
        at: Timestamp,
    },
    /// Its keys are refused.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// One of its lists is refused.
    #[error(transparent)]
    List(#[from] StatusListError),
}

/// Times are in Unix milliseconds. Keys and lists are the published texts, and are checked again.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Snapshot {
    issuer: String,
    jwks: String,
    jwks_confirmed_at: i64,
    lists: Vec<SnapshotList>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SnapshotList {
    uri: String,
    signed: String,
    confirmed_at: i64,
    /// Index, status, time.
    pushed: Vec<(u32, u8, i64)>,
}

impl Verifier {
    /// The keys and lists of this verifier; `None` before it has keys.
    ///
    /// The text is not secret, but a user who can change it can make the service accept any token. Keep it where only the
    /// service can write.
    pub fn snapshot(&self) -> Option<String> {
        let keys = self.keys.load_full()?;
        let lists = self.lists.load_full();
        let list = |known: &super::lists::KnownList| SnapshotList {
            uri: known.uri.clone(),
            signed: known.text.to_string(),
            confirmed_at: known.confirmed_at.get().millis(),
            pushed: known
                .pushed
                .iter()
                .map(|(index, status, at)| (*index, status.bits(), at.millis()))
                .collect(),
        };
        let snapshot = Snapshot {
            issuer: self.issuer().to_owned(),
            jwks: keys.jwks.clone(),
            jwks_confirmed_at: keys.confirmed_at.get().millis(),
            lists: lists.iter().map(list).collect(),
        };
        serde_json::to_string(&snapshot).ok()
    }

    /// Resumes from a snapshot. Keys and lists keep their age: [`Verifier::max_staleness`] counts on.
    ///
    /// # Errors
    /// [`SnapshotError`]; the verifier is unchanged then.
    ///
    /// ```
    /// use gatepass::verifier::Verifier;
    /// # let (jwks, uri, list, token) = gatepass::verifier::example();
    /// # let now = gatepass::clock::SystemClock::now();
    /// # let verifier = Verifier::new("https://gate.example.org:8443", "https://jobs.example.org");
    /// # verifier.update_keys(&jwks, now)?;
    /// # verifier.update_list(&uri, &list, now)?;
    /// let kept = verifier.snapshot().ok_or("it has no keys yet")?;
    /// // After a restart, while the authority cannot be reached:
    /// let verifier = Verifier::new("https://gate.example.org:8443", "https://jobs.example.org");
    /// verifier.resume(&kept, now)?;
    /// assert!(verifier.verify(&token, now).is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn resume(&self, snapshot: &str, now: Timestamp) -> Result<(), SnapshotError> {
        let snapshot: Snapshot = serde_json::from_str(snapshot).map_err(|_| SnapshotError::Malformed)?;
        if snapshot.issuer != self.issuer() {
            return Err(SnapshotError::OtherIssuer { found: snapshot.issuer.chars().take(256).collect() });
        }
        let keys_at = past(snapshot.jwks_confirmed_at, now)?;
        let verifying = VerifyingKeys::parse_jwks(&snapshot.jwks)?;
        let mut lists = Lists::default();
        for SnapshotList { uri, signed, confirmed_at, pushed } in &snapshot.lists {
            let id = self.list_at(uri).map_err(|_| SnapshotError::Malformed)?;
            let pushed = pushed
                .iter()
                .map(|(index, bits, at)| Ok((*index, Status::from_bits(*bits), past(*at, now)?)));
            let pushed = pushed.collect::<Result<Vec<_>, SnapshotError>>()?;
            lists = lists.resumed(id, uri, signed, &verifying, &pushed, past(*confirmed_at, now)?)?;
        }
        let _one = self.changing.lock();
        self.keys.store(Some(Arc::new(Keys::new(verifying, &snapshot.jwks, self.hot_tokens, keys_at))));
        self.lists.store(Arc::new(lists));
        Ok(())
    }
}

fn past(millis: i64, now: Timestamp) -> Result<Timestamp, SnapshotError> {
    let at = Timestamp::from_millis(millis);
    if at > now.plus(LEEWAY) { Err(SnapshotError::FromTheFuture { at }) } else { Ok(at) }
}

/// See [`super::example`].
#[expect(clippy::expect_used, reason = "what was made a moment ago is sound")]
pub(super) fn example() -> (String, String, String, String) {
    use crate::clock::SystemClock;
    use crate::id::{ListId, StatusRef, TokenId};
    use crate::name::Role;
    use crate::token::{KeyRing, ServiceGrant, StatusList, TokenRef, mint_service, status_uri};

    let (ring, now) = (KeyRing::generate(), SystemClock::now());
    let (issuer, at) = ("https://gate.example.org:8443", now.whole_second());
    let list = ListId::generate(now);
    let uri = status_uri(issuer, list);
    let grant = ServiceGrant {
        token: TokenRef {
            id: TokenId::generate(now),
            issuer: issuer.to_owned(),
            status: StatusRef { list, index: 7 },
        },
        audience: "https://jobs.example.org".to_owned(),
        issued_at: at,
        not_before: at,
        expires_at: at.plus(std::time::Duration::from_secs(900)),
        roles: vec![Role::parse("allocator").expect("a role")],
    };
    let token = mint_service(&grant, &ring, now).expect("a good grant").into_text().expose().clone();
    let list = StatusList::default().sign(&uri, &ring, now).expect("a key in memory signs");
    (ring.verifying().to_jwks(), uri, list, token)
}
