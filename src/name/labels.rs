//! Labels of policies and hosts: named texts that select and describe, and decide nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use super::{Label, LabelName, NameError};

/// At most 32 texts, each with a name of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Labels(BTreeMap<LabelName, Label>);

impl Labels {
    /// Maximum number of labels.
    pub const MOST: usize = 32;

    /// Checks each name and text.
    ///
    /// # Errors
    /// Each fault with the name of its label. The name is empty if there are too many labels.
    pub fn parse(given: &BTreeMap<String, String>) -> Result<Self, Vec<(String, String)>> {
        if given.len() > Self::MOST {
            let message = format!("{} labels; at most {} are allowed", given.len(), Self::MOST);
            return Err(vec![(String::new(), message)]);
        }
        let (mut labels, mut faults) = (BTreeMap::new(), Vec::new());
        for (name, text) in given {
            let label = LabelName::parse(name).and_then(|name| Ok((name, Label::parse(text)?)));
            match label {
                Ok((name, text)) => drop(labels.insert(name, text)),
                Err(error) => faults.push((name.clone(), NameError::to_string(&error))),
            }
        }
        if faults.is_empty() { Ok(Self(labels)) } else { Err(faults) }
    }

    /// Every name with its text, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&LabelName, &Label)> {
        self.0.iter()
    }
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let given = BTreeMap::deserialize(deserializer)?;
        let fault = |faults: Vec<(String, String)>| {
            faults.into_iter().next().map(|(_, message)| message).unwrap_or_default()
        };
        Self::parse(&given).map_err(|faults| serde::de::Error::custom(fault(faults)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(count: usize) -> BTreeMap<String, String> {
        (0..count).map(|number| (format!("n{number}"), String::from("x"))).collect()
    }

    #[test]
    fn labels_are_bounded_and_checked_by_name() {
        assert_eq!(Labels::parse(&given(32)).unwrap().iter().count(), 32);
        assert_eq!(Labels::parse(&given(33)).unwrap_err()[0].0, "");
        let wrong = [("", "x"), ("a b", "x"), ("site", "a\u{202e}b")];
        let wrong = wrong.map(|(name, text)| (name.to_owned(), text.to_owned()));
        let faults = Labels::parse(&BTreeMap::from(wrong)).unwrap_err();
        assert_eq!(faults.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["", "a b", "site"]);
    }

    #[test]
    fn labels_are_read_back_as_written() {
        let labels = Labels::parse(&BTreeMap::from([("example.org/site".into(), "eu 1".into())])).unwrap();
        let text = serde_json::to_string(&labels).unwrap();
        assert_eq!(text, r#"{"example.org/site":"eu 1"}"#);
        assert_eq!(serde_json::from_str::<Labels>(&text).unwrap(), labels);
    }
}
