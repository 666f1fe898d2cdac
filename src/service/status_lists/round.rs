//! One round of signing. It reads the bits in memory, not the store.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::made_for;
use super::published::{IssuerLists, Published, SignedList, aggregation, document};
use crate::clock::Timestamp;
use crate::id::{ListId, random};
use crate::service::document::Document;
use crate::service::verification::issuers::Issuers;
use crate::store::Store;
use crate::token::{KeyRing, StatusList, StatusListError, status_uri};

/// The input of a round.
pub(super) struct SigningRound {
    pub(super) store: Arc<dyn Store>,
    pub(super) ring: Arc<KeyRing>,
    pub(super) issuers: Arc<Issuers>,
    /// The lists published before.
    pub(super) before: Arc<Published>,
    /// Every list.
    pub(super) lists: BTreeSet<ListId>,
    /// The changed lists; `None` to sign all.
    pub(super) changed: Option<BTreeSet<ListId>>,
    pub(super) now: Timestamp,
}

impl SigningRound {
    /// The next lists to publish, and the number of lists signed for them.
    pub(super) fn sign(self) -> Result<(Published, u64), StatusListError> {
        let mut signed = 0;
        let mut places = self.empty_places();
        for list in &self.lists {
            let mut bits = None;
            for place in &mut places {
                let kept = self.before.find(&place.issuer, *list).filter(|_| self.may_keep(*list));
                if let Some(kept) = kept {
                    place.lists.insert(*list, Arc::clone(kept));
                    continue;
                }
                let bits = bits.get_or_insert_with(|| self.store.revocations().list(*list));
                // The list was dropped since the round began.
                let Some(bits) = bits else { continue };
                place.lists.insert(*list, Arc::new(self.sign_list(bits, *list, &place.issuer)?));
                signed += 1;
            }
        }
        for place in &mut places {
            place.aggregation = self.aggregation(place);
        }
        Ok((self.publish(places), signed))
    }

    fn may_keep(&self, list: ListId) -> bool {
        self.changed.as_ref().is_some_and(|changed| !changed.contains(&list))
    }

    fn empty_places(&self) -> Vec<IssuerLists> {
        let place = |issuer: &str| {
            let before = self.before.at(issuer);
            IssuerLists::empty(before.map_or_else(|| Arc::from(issuer), |place| Arc::clone(&place.issuer)))
        };
        self.issuers.current_first().map(place).collect()
    }

    fn sign_list(
        &self,
        bits: &StatusList,
        list: ListId,
        issuer: &str,
    ) -> Result<SignedList, StatusListError> {
        let uri = status_uri(issuer, list);
        let document = document("application/statuslist+jwt", bits.sign(&uri, &self.ring, self.now)?);
        Ok(SignedList { uri, document, signed_at: self.now })
    }

    /// The aggregation document; the one before if its text is the same.
    fn aggregation(&self, place: &IssuerLists) -> Document {
        let made = aggregation(place);
        match self.before.at(&place.issuer) {
            Some(before) if before.aggregation.plain.bytes == made.plain.bytes => before.aggregation.clone(),
            _ => made,
        }
    }

    fn publish(&self, places: Vec<IssuerLists>) -> Published {
        let renew_after = if self.changed.is_none() { span() } else { self.before.renew_after };
        let made_for = Some(made_for(&self.ring, &self.issuers));
        let published = Published { made_for, signed_at: None, renew_after, places };
        Published { signed_at: Some(published.oldest().unwrap_or(self.now)), ..published }
    }
}

/// Two to three minutes: a list that is valid for ten minutes is signed three times in that time.
fn span() -> Duration {
    let [byte] = random::<1>();
    Duration::from_secs(120) + Duration::from_secs(60).mul_f64(f64::from(byte) / 255.0)
}
