//! The acts of a person without a mouse.

use fantoccini::actions::{InputSource as _, KeyAction, KeyActions};
use fantoccini::key::Key;

use super::session::{Browser, complete};

/// More stops than any page has.
const MOST_STOPS: usize = 200;

/// The label or name of the focused element, and whether its focus can be seen.
const FOCUSED: &str = "
    const tidy = text => (text ?? '').replace(/\\s+/g, ' ').trim();
    const element = document.activeElement, style = getComputedStyle(element);
    const shown = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0 || style.boxShadow !== 'none';
    const label = [...element.labels?.[0]?.childNodes ?? []].map(node => node.nodeType === Node.TEXT_NODE ? node.data : '').join('');
    return [tidy(label || element.getAttribute('aria-label') || element.innerText || element.value), shown];";

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
        let mut stops = Vec::new();
        for _ in 0..MOST_STOPS {
            self.press(Key::Tab);
            let focused = self.execute(FOCUSED, &[]);
            let stop = focused[0].as_str().unwrap_or_default().to_owned();
            assert!(focused[1] == true, "the focus on {stop} does not show");
            if stop == name {
                return;
            }
            stops.push(stop);
        }
        panic!("Tab does not reach {name}, only {stops:?}");
    }
}
