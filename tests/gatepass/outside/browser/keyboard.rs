//! The acts of a person without a mouse.

use fantoccini::actions::{InputSource as _, KeyAction, KeyActions};
use fantoccini::key::Key;

use super::page::NAMES;
use super::session::{Browser, complete};

/// More stops than any page has.
const MOST_STOPS: usize = 200;

impl Browser {
    /// Presses and releases a key.
    pub(in crate::outside) fn press(&self, key: Key) {
        self.type_char(char::from(key));
    }

    /// Types a text into the focused field.
    pub(in crate::outside) fn type_text(&self, text: &str) {
        text.chars().for_each(|letter| self.type_char(letter));
    }

    fn type_char(&self, value: char) {
        let keys = KeyActions::new("keyboard".to_owned());
        let keys = keys.then(KeyAction::Down { value }).then(KeyAction::Up { value });
        complete(self.client.perform_actions(keys)).unwrap();
    }

    /// Presses Tab until the element with this label or name has the focus. Each stop must show its focus.
    pub(in crate::outside) fn tab_to(&self, name: &str) {
        let mut stops = vec![self.focus()];
        while stops.last().is_none_or(|stop| stop != name) {
            assert!(stops.len() < MOST_STOPS, "Tab does not reach {name}, only {stops:?}");
            self.press(Key::Tab);
            stops.push(self.focus());
        }
    }

    /// The label or name of the element that has the focus; empty if it is the page.
    pub(super) fn focus(&self) -> String {
        let focused = self.execute(&format!("{NAMES}; return focused()"), &[]);
        let stop = focused[0].as_str().unwrap_or_default();
        assert!(focused[1] == true, "the focus on {stop} does not show");
        stop.to_owned()
    }
}
