//! `gatepass host list --watch`.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::cells::HOSTS;
use crate::cli::error::CliError;
use crate::cli::listing::Listing;
use crate::cli::poll::{Feed, poll};
use crate::client::api::Api;
use crate::config::Environment;

/// Prints the hosts of the list at `path`, oldest first, and then those that are new or change.
pub(super) async fn watch(
    list: &Listing,
    api: &Api,
    environment: &Environment,
    path: &str,
    limit: usize,
) -> Result<(), CliError> {
    let mut changes = Changes::default();
    let ask = async |api: &Api| Ok(changes.among(api.list(path, limit).await?));
    poll(api, &mut Feed::new(list, environment, &HOSTS), ask).await
}

/// The facts of an item whose change is shown. A host in contact changes nothing by that.
fn facts(item: &Value) -> Value {
    let mut facts = item.clone();
    facts["last_seen_at"] = json!(null);
    facts["last_seen_from"] = json!(null);
    facts
}

/// The items that are new or have changed since the last time.
#[derive(Default)]
struct Changes(HashMap<String, Value>);

impl Changes {
    /// Returns the new and changed ones of `items`, oldest first, and keeps all.
    fn among(&mut self, items: Vec<Value>) -> Vec<Value> {
        let changed = |item: &Value| {
            let id = item["id"].as_str().unwrap_or_default().to_owned();
            let facts = facts(item);
            self.0.insert(id, facts.clone()) != Some(facts)
        };
        items.into_iter().rev().filter(changed).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_changes_are_shown_again() {
        let mut changes = Changes::default();
        let host = |id: &str, state: &str, seen: u32| json!({"id": id, "state": state, "last_seen_at": seen});
        let first = vec![host("b", "active", 1), host("a", "active", 1)];
        assert_eq!(changes.among(first.clone()), [first[1].clone(), first[0].clone()]);
        assert!(changes.among(first).is_empty());
        let later = vec![host("c", "active", 2), host("b", "revoked", 2), host("a", "active", 2)];
        assert_eq!(changes.among(later.clone()), [later[1].clone(), later[0].clone()]);
    }
}
