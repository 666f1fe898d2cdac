//! Labels of the API keys among actors, for people who read lists.

use std::collections::BTreeMap;

use super::ServiceError;
use crate::id::ApiKeyId;
use crate::name::Label;
use crate::store::Store;

/// The labels of API keys, by the actor's name in the ledger. Other actors and deleted keys have none.
#[derive(Clone, Debug, Default)]
pub struct ActorLabels(BTreeMap<String, Option<Label>>);

impl ActorLabels {
    /// Reads the label of each API key among `actors` once.
    pub(super) async fn of<'a>(
        store: &dyn Store,
        actors: impl Iterator<Item = &'a str>,
    ) -> Result<Self, ServiceError> {
        let mut labels = BTreeMap::new();
        for actor in actors {
            let id = actor.strip_prefix("api_key:").and_then(ApiKeyId::parse);
            if let Some(id) = id.filter(|_| !labels.contains_key(actor)) {
                let key = store.api_key(id).await?;
                labels.insert(actor.to_owned(), key.map(|stored| stored.key.terms.label));
            }
        }
        Ok(Self(labels))
    }

    /// The label of an actor.
    pub fn get(&self, actor: &str) -> Option<Label> {
        self.0.get(actor).cloned().flatten()
    }
}
