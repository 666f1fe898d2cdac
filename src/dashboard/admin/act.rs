//! The page that asks before an act.

use tokio::sync::Mutex;

use super::{ADMIN, Section, sections};
use crate::dashboard::frame::{self, Frame};
use crate::dashboard::parts::{Icon, grouped};
use crate::dashboard::refusal::{self, Refusal};
use crate::http::call::Call;
use crate::http::problem::Problem;
use crate::http::reply::Reply;

/// One act at a time: a form that is sent twice at once does its work once.
pub(super) static TURN: Mutex<()> = Mutex::const_new(());

/// An act, as its page asks for it.
#[derive(Default)]
pub(super) struct Act {
    /// The question.
    pub(super) title: String,
    /// The address that the form is sent to.
    pub(super) action: String,
    /// The page that it leads back to.
    pub(super) back: String,
    /// The page of the administration that it belongs to.
    pub(super) section: &'static str,
    /// Fields that the reader does not see.
    pub(super) hidden: Vec<(String, String)>,
    /// The consequences.
    pub(super) sentences: Vec<String>,
    /// The heading of the choices.
    pub(super) legend: &'static str,
    /// The choices, such as those about the tokens of a deleted user.
    pub(super) picks: Vec<Pick>,
    /// True if the form asks for the current password.
    pub(super) password: bool,
    /// True if nobody loses anything.
    pub(super) harmless: bool,
    /// The word on the button.
    pub(super) button: &'static str,
}

/// One of several choices.
pub(super) struct Pick {
    pub(super) field: &'static str,
    pub(super) value: &'static str,
    pub(super) text: String,
    pub(super) checked: bool,
}

#[derive(askama::Template)]
#[template(path = "admin_act.html")]
struct ActPage<'a> {
    frame: Frame<'a>,
    sections: Vec<Section>,
    act: Act,
    faults: Vec<String>,
}

impl Act {
    /// The page, with the refusal of an earlier try.
    pub(super) async fn page(self, call: &Call, refused: Option<Refusal>) -> Result<Reply, Problem> {
        let (status, faults) = refusal::parts(refused);
        let frame = Frame::of(call, self.title.as_str(), ADMIN).await?;
        let sections = sections(call, self.section);
        frame::page(status, &ActPage { frame, sections, act: self, faults })
    }
}

/// The choices of the tokens that a user or a key minted.
pub(super) fn minted(number: u64) -> Vec<Pick> {
    let pick = |value, text: String| Pick { field: "tokens", value, text, checked: value == "keep" };
    let these = counted(number, "live enrollment token");
    match number {
        0 => Vec::new(),
        _ => vec![
            pick("keep", format!("Keep {these}, minted by the user or key")),
            pick("revoke", format!("Revoke {these}, minted by the user or key")),
        ],
    }
}

/// A number of things.
pub(super) fn counted(number: u64, thing: &str) -> String {
    let (number, plural) = (grouped(number), if number == 1 { "" } else { "s" });
    format!("{number} {thing}{plural}")
}
