//! Entity tags of things that administrators change (RFC 9110 sections 8.8.3 and 13.1.1): `"7"` is a revision.

use http::header::IF_MATCH;
use utoipa::IntoParams;

use super::head::Head;
use super::reply::Reply;

/// A revision that no thing has: they begin at 1.
const NONE: u64 = 0;

/// The revision that a change demands; `None`: any.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoParams)]
#[into_params(names("If-Match"), parameter_in = Header)]
pub(super) struct IfMatch(
    /// The `ETag` of the thing, as it was read.
    #[param(value_type = Option<String>, example = "\"7\"")]
    pub(super) Option<u64>,
);

impl IfMatch {
    /// The revision that the request demands. A tag that is no revision matches none.
    pub(super) fn of(head: &Head) -> Self {
        let mut tags = head.headers().get_all(IF_MATCH).iter();
        let Some(tag) = tags.next() else { return Self(None) };
        let (tag, others) = (tag.to_str().unwrap_or_default().trim(), tags.next().is_some());
        let revision = || tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok();
        match (tag, others) {
            ("*", false) => Self(None),
            (_, false) => Self(Some(revision().unwrap_or(NONE))),
            (_, true) => Self(Some(NONE)),
        }
    }
}

/// The response with the entity tag of `revision`.
pub(super) fn tagged(reply: Reply, revision: u64) -> Reply {
    reply.header("etag", &format!("\"{revision}\""))
}
