//! The looks of a page: colours, width, zoom, and script off.

use serde_json::json;

use super::session::Browser;

/// The colour scheme that the reader prefers.
#[derive(Clone, Copy)]
pub(super) enum Colours {
    Light,
    Dark,
}

impl Colours {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// A colour scheme and the width of the window in CSS pixels.
#[derive(Clone, Copy)]
pub(super) struct Look {
    pub(super) colours: Colours,
    pub(super) width: u32,
    /// Pixels of the screen for a pixel of the page: 2 at a zoom of 200 %.
    pub(super) scale: u32,
}

const WIDE: u32 = 1440;
const NARROW: u32 = 360;

/// The look of a new browser.
pub(super) const FIRST: Look = Look { colours: Colours::Light, width: WIDE, scale: 1 };

/// The looks that are checked and photographed.
pub(super) const LOOKS: [Look; 4] = [
    FIRST,
    Look { colours: Colours::Dark, ..FIRST },
    Look { width: NARROW, ..FIRST },
    Look { colours: Colours::Dark, width: NARROW, scale: 1 },
];

/// The looks whose lines must fit: the narrowest window, and 200 % zoom.
pub(super) const TIGHT: [Look; 2] =
    [Look { width: 320, ..FIRST }, Look { width: WIDE / 2, scale: 2, ..FIRST }];

impl Browser {
    /// Shows pages in this look, without motion.
    pub(super) fn look_as(&self, look: Look) {
        let features = json!([
            { "name": "prefers-color-scheme", "value": look.colours.name() },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ]);
        self.devtools("Emulation.setEmulatedMedia", &json!({ "features": features }));
        let metrics =
            json!({ "width": look.width, "height": 900, "deviceScaleFactor": look.scale, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", &metrics);
    }

    /// Keeps pages from running script.
    pub(super) fn switch_script_off(&self) {
        self.devtools("Emulation.setScriptExecutionDisabled", &json!({ "value": true }));
    }
}
