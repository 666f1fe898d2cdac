//! The acts of a person with a mouse: open, read, click, fill in.

use fantoccini::elements::{Element, ElementRef};
use serde_json::{Value, json};
use url::Position;

use super::super::served::{PASSWORD, eventually};
use super::session::{Browser, complete};

/// The key of an element's id in WebDriver's JSON.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// The functions that find elements by their names.
pub(super) const NAMES: &str = include_str!("names.js");

impl Browser {
    /// Opens the page at `path`, with all that it loads.
    pub(in crate::outside) fn open(&self, path: &str) {
        complete(self.client.goto(&format!("{}{path}", self.origin))).unwrap();
    }

    /// Loads the page again. A page that answered a form sends the form again.
    pub(in crate::outside) fn reload(&self) {
        complete(self.client.refresh()).unwrap();
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
        eventually(&format!("a click on {name}"), || complete(self.find("clickable", name)?.click()).ok());
    }

    /// Fills in the field with this label.
    pub(in crate::outside) fn fill(&self, label: &str, value: &str) {
        let field = self.field(label);
        complete(field.clear()).unwrap();
        complete(field.send_keys(value)).unwrap();
    }

    /// Ticks the box or the choice with this label.
    pub(in crate::outside) fn tick(&self, label: &str) {
        complete(self.field(label).click()).unwrap();
    }

    /// The content of the field with this label.
    pub(in crate::outside) fn value(&self, label: &str) -> String {
        complete(self.field(label).prop("value")).unwrap().unwrap_or_default()
    }

    /// The content of the element with this id, with its line ends.
    pub(in crate::outside) fn content(&self, id: &str) -> String {
        let content = self.execute("return document.getElementById(arguments[0]).textContent", &[json!(id)]);
        content.as_str().unwrap().to_owned()
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

    fn field(&self, label: &str) -> Element {
        eventually(&format!("a field {label}"), || self.find("field", label))
    }

    /// The element with a name, by a function of `NAMES`.
    fn find(&self, function: &str, name: &str) -> Option<Element> {
        let found = self.try_execute(&format!("{NAMES}; return {function}(arguments[0])"), &[json!(name)])?;
        let id = found[ELEMENT].as_str()?.to_owned();
        Some(Element::from_element_id(self.client.clone(), ElementRef::from(id)))
    }
}
