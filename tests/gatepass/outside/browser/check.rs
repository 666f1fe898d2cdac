//! The bars of every page, checked together: one run names all findings and leaves pictures.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::axe::Axe;
use super::html;
use super::look::{FIRST, LOOKS, TIGHT};
use super::session::Browser;

/// The pictures of the pages; git ignores the folder.
const PICTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/screenshots");

/// The pixels by which the page is wider than the window, and the innermost elements that reach out of it.
const OVERFLOW: &str = "
    (() => {
        const over = document.scrollingElement.scrollWidth - innerWidth;
        if (over <= 0) return [];
        const clips = element => element && (getComputedStyle(element).overflowX !== 'visible' || clips(element.parentElement));
        const wide = [...document.body.querySelectorAll('*')].filter(element =>
            element.getBoundingClientRect().right > innerWidth && !clips(element.parentElement));
        const inner = wide.filter(element => !wide.some(other => other !== element && element.contains(other)));
        return [`${over} px wider than the window, by ${inner.slice(0, 3).map(one => one.outerHTML.slice(0, 160))}`];
    })()";

/// Motion that goes on though the reader asked for none.
const MOTION: &str = "
    document.getAnimations().filter(one => one.playState === 'running').map(one =>
        `moves in spite of prefers-reduced-motion: ${one.effect.target.outerHTML.slice(0, 160)}`)";

impl Browser {
    /// Opens each page; everything that is wrong with them. The first word of a pair names the pictures.
    pub(super) fn findings_in(&self, pages: &[(&str, String)]) -> Vec<String> {
        let mut found = Vec::new();
        for (name, path) in pages {
            self.open(path);
            assert_eq!(&self.path(), path, "{name} leads elsewhere");
            found.extend(self.findings(name));
        }
        found
    }

    /// Checks the page that is open.
    pub(super) fn check(&self, name: &str) {
        none(&self.findings(name));
    }

    /// Everything that is wrong with the page that is open. Leaves its pictures.
    pub(super) fn findings(&self, name: &str) -> Vec<String> {
        let source = html::findings(&self.source());
        let mut found: Vec<String> = source.iter().map(|one| format!("{name}: {one}")).collect();
        let axe = Axe::on(self);
        let world = self.world();
        for look in LOOKS {
            self.look_as(look);
            let at = format!("{name}-{}-{}", look.colours.name(), look.width);
            found.extend(self.list(&world, MOTION).iter().map(|one| format!("{at}: {one}")));
            found.extend(axe.findings().iter().map(|one| format!("{at}: {one}")));
            self.photograph(&at);
        }
        for look in TIGHT {
            self.look_as(look);
            let over = self.list(&world, OVERFLOW);
            found.extend(over.iter().map(|one| format!("{name} at {} px: {one}", look.width)));
        }
        self.look_as(FIRST);
        found
    }

    /// The texts that an expression finds in the page.
    fn list(&self, world: &Value, expression: &str) -> Vec<String> {
        let found = self.evaluate(world, expression);
        found.as_array().unwrap().iter().map(|one| one.as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Keeps a picture of the whole page.
    pub(super) fn photograph(&self, name: &str) {
        let size = self.devtools("Page.getLayoutMetrics", &json!({}))["cssContentSize"].clone();
        let clip = json!({ "x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1 });
        let asked = json!({ "captureBeyondViewport": true, "clip": clip });
        let picture = self.devtools("Page.captureScreenshot", &asked);
        let bytes = STANDARD.decode(picture["data"].as_str().unwrap()).unwrap();
        keep(name, &bytes);
    }
}

/// Fails if anything was found.
pub(super) fn none(found: &[String]) {
    assert!(found.is_empty(), "{} findings:\n{}", found.len(), found.join("\n"));
}

/// Writes a picture into the folder.
pub(super) fn keep(name: &str, picture: &[u8]) {
    let folder = PathBuf::from(PICTURES);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(format!("{name}.png")), picture).unwrap();
}
