//! The keys of hosts at outputs, in words.

use serde_json::Value;

use crate::cli::output::text_at;
use crate::text::printable;

/// The states of a key that a server names, the good one first.
const STATES: [&str; 5] = ["ready", "preparing", "unreachable", "refused", "invalid"];

/// The numbers of the states that have any, such as `3 ready, 1 refused`. `Null` if there are no numbers.
pub(in crate::cli) fn by_state(keys: &Value) -> Value {
    if !keys.is_object() {
        return Value::Null;
    }
    let number = |state: &&str| keys[*state].as_u64().filter(|number| *number > 0);
    let some = STATES.iter().filter_map(|state| Some(format!("{} {state}", number(state)?)));
    let some = some.collect::<Vec<_>>().join(", ");
    Value::from(if some.is_empty() { String::from("none") } else { some })
}

/// The number of keys that are to be invalidated, and the beginning of the longest wait.
pub(in crate::cli) fn to_invalidate(keys: &Value) -> Value {
    match keys["to_invalidate"].as_u64() {
        None => Value::Null,
        Some(0) => Value::from("none"),
        Some(number) => {
            Value::from(format!("{number}, the oldest since {}", text_at(keys, "oldest_to_invalidate")))
        }
    }
}

/// The number of keys that a cluster did not make.
pub(in crate::cli) fn failing(keys: &Value) -> u64 {
    ["unreachable", "refused"].iter().filter_map(|state| keys[*state].as_u64()).sum()
}

/// The state of a host's key at each output, such as `logs: ready`.
pub(in crate::cli) fn of_host(outputs: &Value) -> Vec<String> {
    let state = |output: &Value| match (output["state"].as_str(), text_at(output, "since")) {
        (None, _) => String::from("not requested"),
        (Some("ready"), _) => String::from("ready"),
        (Some(state), since) => format!("{} since {since}", printable(state)),
    };
    let outputs = outputs.as_array().into_iter().flatten();
    outputs.map(|output| format!("{}: {}", text_at(output, "name"), state(output))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn states_with_keys_are_named() {
        let keys = json!({ "ready": 3, "preparing": 0, "refused": 2, "unreachable": 1, "to_invalidate": 4 });
        assert_eq!(by_state(&keys), "3 ready, 1 unreachable, 2 refused");
        assert_eq!((by_state(&json!({})), by_state(&Value::Null)), (json!("none"), Value::Null));
        assert_eq!((failing(&keys), failing(&Value::Null)), (3, 0));
    }

    #[test]
    fn the_oldest_wait_stands_beside_the_number() {
        let keys = json!({ "to_invalidate": 4, "oldest_to_invalidate": "2026-11-30T08:00:00.307Z" });
        assert_eq!(to_invalidate(&keys), "4, the oldest since 2026-11-30T08:00:00Z");
        assert_eq!(to_invalidate(&json!({ "to_invalidate": 0 })), "none");
        assert_eq!(to_invalidate(&Value::Null), Value::Null);
    }

    #[test]
    fn only_a_bad_state_has_its_beginning() {
        let since = "2026-11-30T08:00:00Z";
        let outputs = json!([
            { "name": "logs", "state": "ready", "since": since },
            { "name": "far", "state": "refused", "since": since },
            { "name": "new", "state": null, "since": null },
        ]);
        let expected = ["logs: ready", "far: refused since 2026-11-30T08:00:00Z", "new: not requested"];
        assert_eq!(of_host(&outputs), expected);
        assert!(of_host(&Value::Null).is_empty());
    }
}
