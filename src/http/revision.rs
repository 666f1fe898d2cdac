//! Entity tags of things that administrators change (RFC 9110 sections 8.8.3 and 13.1.1): `"7"` is a revision.

use http::header::IF_MATCH;

use super::head::Head;
use super::reply::Reply;

/// A revision that no thing has: they begin at 1.
const NONE: u64 = 0;

/// The revision that `If-Match` demands; `None` for any. A tag that is no revision matches none.
pub(super) fn expected(head: &Head) -> Option<u64> {
    let mut tags = head.headers().get_all(IF_MATCH).iter();
    let tag = tags.next()?;
    let (tag, others) = (tag.to_str().unwrap_or_default().trim(), tags.next().is_some());
    let revision = || tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok();
    if tag == "*" && !others { None } else { Some(revision().filter(|_| !others).unwrap_or(NONE)) }
}

/// The response with the entity tag of `revision`.
pub(super) fn tagged(reply: Reply, revision: u64) -> Reply {
    reply.header("etag", &format!("\"{revision}\""))
}
