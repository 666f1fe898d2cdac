//! The fields that a form changes: those whose value differs from the shown one. So a form drops nothing that it does not show.

use serde_json::{Map, Value};

use super::form::Values;
use crate::service::FieldError;

/// A form that was shown with some values, and came back with others.
pub(super) struct Edit<'v> {
    shown: &'v Values,
    sent: &'v Values,
    /// The faults of texts that cannot be read.
    pub(super) faults: Vec<FieldError>,
}

impl<'v> Edit<'v> {
    pub(super) const fn new(shown: &'v Values, sent: &'v Values) -> Self {
        Self { shown, sent, faults: Vec::new() }
    }

    /// The same with the faults that were found before.
    pub(super) const fn with(faults: Vec<FieldError>, shown: &'v Values, sent: &'v Values) -> Self {
        Self { shown, sent, faults }
    }

    pub(super) fn fault(&mut self, field: &str, message: impl Into<String>) {
        self.faults.push(FieldError::new(field, message));
    }

    /// The other text of a field: `Some(None)` if it was emptied, `None` if the form leaves it.
    pub(super) fn text(&self, name: &str) -> Option<Option<String>> {
        let (was, now) = (self.shown.get(name), self.sent.get(name));
        (was != now).then(|| now.map(str::to_owned))
    }

    /// The other text of a field that always has one.
    pub(super) fn needed(&self, name: &str) -> Option<String> {
        self.text(name).map(Option::unwrap_or_default)
    }

    /// The other lines of a text area.
    pub(super) fn lines(&self, name: &str) -> Option<Vec<String>> {
        self.text(name).map(|_| self.sent.lines(name))
    }

    /// The other state of a box.
    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        let (was, now) = (self.shown.is_on(name), self.sent.is_on(name));
        (was != now).then_some(now)
    }

    /// The other names of a group of boxes: those that stay in their order, and then the new ones. A form that did not offer
    /// the group leaves it.
    pub(super) fn boxes(&self, group: &str) -> Option<Vec<String>> {
        if !self.sent.is_on(&format!("offers.{group}")) {
            return None;
        }
        let (was, sent) = (self.shown.boxes(group), self.sent.boxes(group));
        let stays = was.iter().filter(|name| sent.contains(name));
        let comes = sent.iter().filter(|name| !was.contains(name));
        let now = stays.chain(comes).cloned().collect::<Vec<_>>();
        (now != was).then_some(now)
    }

    /// The other JSON object of a text area.
    pub(super) fn object(&mut self, name: &str) -> Option<Option<Map<String, Value>>> {
        let Some(text) = self.text(name)? else { return Some(None) };
        match serde_json::from_str(&text) {
            Ok(object) => Some(Some(object)),
            Err(error) => {
                let place = format!("line {}, column {}", error.line(), error.column());
                self.fault(name, format!("not a JSON object: see {place}"));
                None
            }
        }
    }
}

/// A JSON object as the text area shows it.
pub(super) fn json(object: &Map<String, Value>) -> String {
    serde_json::to_string_pretty(object).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pairs: &[(&str, &str)]) -> Values {
        Values::of(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn a_field_that_is_left_is_no_change() {
        let shown = values(&[("name", "edge"), ("ca", "a\nb"), ("note", "x"), ("kept", "on")]);
        let sent = values(&[("name", "edge"), ("ca", " a\r\nb\r\n"), ("kept", "on"), ("new", "on")]);
        let edit = Edit::new(&shown, &sent);
        assert_eq!((edit.text("name"), edit.text("ca"), edit.text("note")), (None, None, Some(None)));
        assert_eq!((edit.flag("kept"), edit.flag("new"), edit.flag("none")), (None, Some(true), None));
    }

    #[test]
    fn a_group_that_is_not_offered_stays() {
        let shown = values(&[("output.b", "on"), ("output.a", "on")]);
        let sent = [("output.a", "on"), ("output.b", "on"), ("output.c", "on")];
        let offered = values(&[&[("offers.output", "on")], &sent[..]].concat());
        let names = ["b", "a", "c"].map(str::to_owned).to_vec();
        assert_eq!(Edit::new(&shown, &offered).boxes("output"), Some(names));
        assert_eq!(Edit::new(&shown, &values(&sent)).boxes("output"), None);
        let same = values(&[("offers.output", "on"), sent[0], sent[1]]);
        assert_eq!(Edit::new(&shown, &same).boxes("output"), None);
    }

    #[test]
    fn the_place_of_broken_json_is_named() {
        let (shown, sent) = (values(&[]), values(&[("settings", "{ \"secret\": }"), ("schema", "[]")]));
        let mut edit = Edit::new(&shown, &sent);
        assert_eq!((edit.object("settings"), edit.object("schema"), edit.object("none")), (None, None, None));
        let messages = edit.faults.iter().map(|fault| fault.message.as_str()).collect::<Vec<_>>();
        assert_eq!(messages[0], "not a JSON object: see line 1, column 13");
        assert!(!messages.concat().contains("secret"), "{messages:?}");
    }
}
