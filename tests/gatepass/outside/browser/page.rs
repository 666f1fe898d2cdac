//! The acts of a person with a mouse: open, read, click, fill in.

use fantoccini::elements::{Element, ElementRef};
use serde_json::{Value, json};
use url::Position;

use super::super::served::{PASSWORD, eventually};
use super::session::{Browser, complete};

/// The key of an element's id in WebDriver's JSON.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Finds the shown link or button with a name, in the open dialog if there is one.
const CLICKABLE: &str = "
    const tidy = text => (text ?? '').replace(/\\s+/g, ' ').trim();
    const name = element => tidy(element.getAttribute('aria-label') || element.innerText || element.value);
    const all = (document.querySelector('dialog[open]') ?? document)
        .querySelectorAll('a[href], button, summary, input[type=submit]');
    return [...all].find(element => name(element) === arguments[0] && element.checkVisibility());";

/// Finds the field with a label, whose hint is no part of its name.
const FIELD: &str = "
    const tidy = text => (text ?? '').replace(/\\s+/g, ' ').trim();
    const labels = (document.querySelector('dialog[open]') ?? document).querySelectorAll('label');
    const own = label => tidy([...label.childNodes].map(node => node.nodeType === Node.TEXT_NODE ? node.data : '').join(''));
    const label = [...labels].find(label => own(label) === arguments[0] && label.checkVisibility());
    return label?.control;";

impl Browser {
    /// Opens the page at `path`, with all that it loads.
    pub(in crate::outside) fn open(&self, path: &str) {
        complete(self.client.goto(&format!("{}{path}", self.origin))).unwrap();
    }

    /// The path of the page, with its query and fragment.
    pub(in crate::outside) fn path(&self) -> String {
        let url = complete(self.client.current_url()).unwrap();
        url[Position::BeforePath..].to_owned()
    }

    /// The shown text of the page.
    pub(in crate::outside) fn text(&self) -> String {
        let text = self.execute("return document.body.innerText", &[]);
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until the page shows `text`.
    pub(in crate::outside) fn wait_for(&self, text: &str) {
        let shows = "return document.body.innerText.includes(arguments[0])";
        eventually(&format!("the page to show {text}"), || {
            // Between two pages it fails.
            let shown = self.try_execute(shows, &[json!(text)])?;
            (shown == true).then_some(())
        });
    }

    /// Waits until the page is the one at `path`.
    pub(in crate::outside) fn wait_for_path(&self, path: &str) {
        eventually(&format!("the page to be {path}"), || (self.path() == path).then_some(()));
    }

    /// Clicks the link or button with this name.
    pub(in crate::outside) fn click(&self, name: &str) {
        // A live page may exchange the element between the two.
        eventually(&format!("a click on {name}"), || complete(self.find(CLICKABLE, name)?.click()).ok());
    }

    /// Fills in the field with this label.
    pub(in crate::outside) fn fill(&self, label: &str, value: &str) {
        let field = eventually(&format!("a field {label}"), || self.find(FIELD, label));
        complete(field.clear()).unwrap();
        complete(field.send_keys(value)).unwrap();
    }

    /// The content of the field with this label.
    pub(in crate::outside) fn value(&self, label: &str) -> String {
        let field = eventually(&format!("a field {label}"), || self.find(FIELD, label));
        complete(field.prop("value")).unwrap().unwrap_or_default()
    }

    /// Fills in the form of the sign-in page and sends it.
    pub(in crate::outside) fn sign_in(&self, user: &str, password: &str) {
        self.open("/sign-in");
        self.fill("User name", user);
        self.fill("Password", password);
        self.click("Sign in");
    }

    /// Signs in the first admin.
    pub(in crate::outside) fn sign_in_admin(&self) {
        self.sign_in("admin", PASSWORD);
        self.wait_for_path("/");
    }

    /// The result of a script of the test.
    pub(super) fn execute(&self, script: &str, arguments: &[Value]) -> Value {
        complete(self.client.execute(script, arguments.to_vec())).unwrap()
    }

    fn try_execute(&self, script: &str, arguments: &[Value]) -> Option<Value> {
        complete(self.client.execute(script, arguments.to_vec())).ok()
    }

    fn find(&self, script: &str, name: &str) -> Option<Element> {
        let found = self.try_execute(script, &[json!(name)])?;
        let id = found[ELEMENT].as_str()?.to_owned();
        Some(Element::from_element_id(self.client.clone(), ElementRef::from(id)))
    }
}
