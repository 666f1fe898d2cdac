//! What a verifier knows, as text: a service that restarts while the authority cannot be reached goes on with it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Verifier;
use super::keys::Keys;
use super::lists::Lists;
use crate::clock::Timestamp;
use crate::token::{KeyError, LEEWAY, Status, StatusListError, VerifyingKeys};

/// Why a snapshot was not taken over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// It is none.
    #[error("this is no snapshot of a verifier: remove the file, the next one is written anew")]
    Malformed,
    /// It is of a verifier of another authority.
    #[error("the snapshot is of the authority {found}: give each service a file of its own")]
    OtherIssuer {
        /// That authority.
        found: String,
    },
    /// It was taken in the future, so that nobody can tell how old it is.
    #[error("the snapshot was taken in the future, at {at}: check the clock of this machine")]
    FromTheFuture {
        /// When.
        at: Timestamp,
    },
    /// Its keys are not good.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// One of its lists is not good.
    #[error(transparent)]
    List(#[from] StatusListError),
}

/// Times are Unix milliseconds. Keys and lists stand as the authority signed and published them: they are checked again.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Snapshot {
    issuer: String,
    jwks: String,
    jwks_confirmed_at: i64,
    lists: Vec<List>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    uri: String,
    signed: String,
    confirmed_at: i64,
    /// Index, status, moment.
    pushed: Vec<(u32, u8, i64)>,
}

impl Verifier {
    /// Everything this verifier knows; `None` before it knows keys. There is nothing secret in it, but whoever can change
    /// it decides what the service believes: keep it where only the service can write.
    pub fn snapshot(&self) -> Option<String> {
        let keys = self.keys.load_full()?;
        let lists = self.lists.load_full();
        let list = |known: &super::lists::KnownList| List {
            uri: known.uri.clone(),
            signed: known.text.to_string(),
            confirmed_at: known.confirmed_at().millis(),
            pushed: known
                .pushed
                .iter()
                .map(|(index, status, at)| (*index, status.bits(), at.millis()))
                .collect(),
        };
        let snapshot = Snapshot {
            issuer: self.issuer().to_owned(),
            jwks: keys.jwks.clone(),
            jwks_confirmed_at: keys.confirmed_at().millis(),
            lists: lists.iter().map(list).collect(),
        };
        serde_json::to_string(&snapshot).ok()
    }

    /// Goes on from a snapshot. Everything in it is as old as it was: [`Verifier::max_staleness`] counts on from there.
    ///
    /// # Errors
    /// [`SnapshotError`]; nothing is taken over then.
    ///
    /// ```
    /// use gatepass::verifier::Verifier;
    /// # let (jwks, uri, list, token) = gatepass::verifier::example();
    /// # let now = gatepass::clock::SystemClock::now();
    /// # let verifier = Verifier::new("https://gate.example.org:8443", "https://jobs.example.org");
    /// # verifier.update_keys(&jwks, now)?;
    /// # verifier.update_list(&uri, &list, now)?;
    /// let kept = verifier.snapshot().ok_or("it knows nothing yet")?;
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
        for List { uri, signed, confirmed_at, pushed } in &snapshot.lists {
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
