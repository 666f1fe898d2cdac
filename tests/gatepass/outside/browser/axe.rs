//! axe-core over a page: WCAG 2.2 AA and best practice.

use serde_json::Value;

use super::super::tool;
use super::session::Browser;

/// The violations, each with its rule, element and help.
const RUN: &str = "
    axe.run(document, {
        runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
        resultTypes: ['violations'],
    }).then(found => found.violations.flatMap(({ id, help, helpUrl, nodes }) =>
        nodes.map(node => `${id}: ${help}: ${node.html} (${node.failureSummary}) ${helpUrl}`)))";

/// The program's text.
fn program() -> String {
    let file = tool::node_modules("axe-core").join("axe-core/axe.min.js");
    std::fs::read_to_string(file).unwrap()
}

/// axe in a world of one page.
pub(super) struct Axe<'a> {
    browser: &'a Browser,
    world: Value,
}

impl<'a> Axe<'a> {
    /// axe beside the page that is open, where its policy does not apply.
    pub(super) fn on(browser: &'a Browser) -> Self {
        let world = browser.world();
        browser.evaluate(&world, &format!("{};undefined", program()));
        Self { browser, world }
    }

    /// Everything that it finds in the page as it looks now.
    pub(super) fn findings(&self) -> Vec<String> {
        let found = self.browser.evaluate(&self.world, RUN);
        found.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
    }
}
