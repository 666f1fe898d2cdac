//! The lists published at one moment. A round of signing replaces them as a whole, so that no reader sees half of it.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use utoipa::ToSchema;

use super::made_for;
use crate::clock::Timestamp;
use crate::id::{KeyId, ListId};
use crate::service::document::Document;
use crate::service::verification::issuers::Issuers;
use crate::token::{KeyRing, STATUS_LIST_TTL};

/// The lists of every external URL.
#[derive(Debug, Default)]
pub struct Published {
    /// The lists of the current URL come first.
    pub(super) places: Vec<IssuerLists>,
    pub(super) made_for: Option<(KeyId, Vec<String>)>,
    /// Signing time of the oldest list.
    pub(super) signed_at: Option<Timestamp>,
    /// Maximum age of its lists, random so that authorities do not sign in step.
    pub(super) renew_after: Duration,
}

/// The lists of one external URL: tokens name them under the URL that they were minted for.
#[derive(Debug)]
pub struct IssuerLists {
    /// The external URL.
    pub issuer: Arc<str>,
    pub(super) lists: HashMap<ListId, Arc<SignedList>>,
    /// The addresses of the lists.
    pub aggregation: Document,
}

/// One list, signed for one external URL.
#[derive(Debug)]
pub struct SignedList {
    /// Its address: the `sub` in it, and the `uri` that tokens name.
    pub uri: String,
    /// The signed list (`application/statuslist+jwt`).
    pub document: Document,
    /// Time of signing.
    pub signed_at: Timestamp,
}

/// The addresses of all lists (draft-ietf-oauth-status-list-21 section 9.3).
#[derive(Serialize, ToSchema)]
#[schema(as = StatusListIndex)]
pub struct StatusListUris<'a> {
    /// The address of each list.
    #[schema(example = json!(["https://gate.example.org/status/0198c0de-0000-7000-8000-000000000001"]))]
    pub status_lists: Vec<&'a str>,
}

impl Published {
    /// The lists of the external URL whose host (and port) is `host`; of the current URL for any other host.
    ///
    /// Returns `None` before the first signing.
    pub fn place(&self, host: &str) -> Option<&IssuerLists> {
        self.places.iter().find(|place| place.is_at(host)).or_else(|| self.places.first())
    }

    /// The number of lists.
    pub fn lists(&self) -> usize {
        self.places.iter().map(|place| place.lists.len()).sum()
    }

    /// Returns true if every list has to be signed again.
    pub(super) fn is_due(&self, ring: &KeyRing, issuers: &Issuers, now: Timestamp) -> bool {
        let aged = self.signed_at.is_none_or(|at| now.since(at) >= self.renew_after);
        aged || self.made_for.as_ref() != Some(&made_for(ring, issuers))
    }

    /// Returns true if exactly these lists are published.
    pub(super) fn holds_exactly(&self, lists: &BTreeSet<ListId>) -> bool {
        let mut places = self.places.iter();
        places.all(|place| {
            place.lists.len() == lists.len() && lists.iter().all(|list| place.lists.contains_key(list))
        })
    }

    /// The signed list with this id, under `issuer`.
    pub(super) fn find(&self, issuer: &str, list: ListId) -> Option<&Arc<SignedList>> {
        self.at(issuer)?.lists.get(&list)
    }

    /// Every signed list, with its external URL.
    pub(super) fn signed(&self) -> impl Iterator<Item = (&str, ListId, &Arc<SignedList>)> {
        self.places.iter().flat_map(IssuerLists::signed)
    }

    /// Signing time of the oldest list.
    pub(super) fn oldest(&self) -> Option<Timestamp> {
        self.signed().map(|(.., list)| list.signed_at).min()
    }

    /// The lists of `issuer`.
    pub(super) fn at(&self, issuer: &str) -> Option<&IssuerLists> {
        self.places.iter().find(|place| *place.issuer == *issuer)
    }
}

impl IssuerLists {
    /// The lists of `issuer`, none so far.
    pub(super) fn empty(issuer: Arc<str>) -> Self {
        Self { issuer, lists: HashMap::new(), aggregation: document("application/json", "") }
    }

    /// The signed list with this id.
    pub fn list(&self, list: ListId) -> Option<&Arc<SignedList>> {
        self.lists.get(&list)
    }

    fn signed(&self) -> impl Iterator<Item = (&str, ListId, &Arc<SignedList>)> {
        self.lists.iter().map(|(list, signed)| (&*self.issuer, *list, signed))
    }

    /// The ids of the lists.
    pub(super) fn ids(&self) -> impl Iterator<Item = ListId> {
        self.lists.keys().copied()
    }

    /// Returns true if `host`, a value of the Host field (RFC 9110 section 7.2), belongs to this URL.
    fn is_at(&self, host: &str) -> bool {
        let own = self.issuer.split_once("://").map_or("", |(_, rest)| rest);
        own.eq_ignore_ascii_case(host.strip_suffix(":443").unwrap_or(host))
    }
}

/// The addresses of the lists of a URL.
pub(super) fn aggregation(place: &IssuerLists) -> Document {
    let mut status_lists = place.lists.values().map(|list| list.uri.as_str()).collect::<Vec<_>>();
    status_lists.sort_unstable();
    document("application/json", serde_json::to_vec(&StatusListUris { status_lists }).unwrap_or_default())
}

/// A published document of this room. Caches may keep it for as long as a list's `ttl` says.
pub(super) fn document(media_type: &'static str, bytes: impl Into<Bytes>) -> Document {
    let max_age = u32::try_from(STATUS_LIST_TTL.as_secs()).unwrap_or(0);
    Document::new(media_type, max_age, bytes).compressed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_host_gets_the_current_url() {
        let empty = |issuer: &str| IssuerLists::empty(issuer.into());
        let places = vec![empty("https://new.example.org"), empty("https://old.example.org:8443")];
        let published = Published { places, ..Published::default() };
        let at = |host| published.place(host).unwrap().issuer.to_string();
        for host in ["new.example.org", "NEW.example.org:443", "", "elsewhere", "old.example.org"] {
            assert_eq!(at(host), "https://new.example.org", "{host}");
        }
        assert_eq!(at("Old.example.org:8443"), "https://old.example.org:8443");
        assert!(Published::default().place("new.example.org").is_none());
    }
}
