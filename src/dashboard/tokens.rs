//! `/tokens`: the list of tokens.

use super::form::Choice;
use super::frame::{self, Frame};
use super::grant::TokenRow;
use super::list::{self, Heading, Listing, Rows};
use super::parts::{Icon, grouped};
use crate::http::api::paging::Ordered;
use crate::http::call::Call;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::http::request::{TokenOrderWords, TokenWords};
use crate::store::{TokenKind, TokenType};

/// The states that the list can be filtered by, each with the words of the API.
const STATES: [(&str, &str); 6] = [
    ("pending,active", "Live"),
    ("used,exhausted", "Used up"),
    ("expired", "Expired"),
    ("suspended", "Suspended"),
    ("revoked", "Revoked"),
    ("", "Live and recently ended"),
];

#[derive(askama::Template)]
#[template(path = "tokens.html")]
struct TokensPage<'a> {
    frame: Frame<'a>,
    live: String,
    words: Listing,
    states: Vec<Choice>,
    kinds: Vec<Choice>,
    /// Filters without a field of their own.
    others: Vec<(String, String)>,
    created: Heading,
    expires: Heading,
    rows: Vec<TokenRow>,
    next: Option<String>,
    fault: Option<String>,
}

/// Shows the list.
pub(super) async fn show(call: Call) -> Result<Reply, Problem> {
    let words = Listing::of(&call)?;
    let frame = Frame::of(&call, "Tokens", "/tokens").await?;
    let counts = call.authority.overview.recent_count().await?;
    let live = ["pending", "active"].map(|state| counts.tokens.get(state).copied().unwrap_or(0));
    let Rows { rows, next, fault, status } = rows(&call).await.into();
    let kinds = [TokenKind::OneTime, TokenKind::Cluster, TokenKind::Rollout, TokenKind::Roles];
    let kinds = kinds.into_iter().chain([
        TokenKind::ReEnrollment,
        TokenKind::Policy,
        TokenKind::Emergency,
        TokenKind::Custom,
    ]);
    let kinds = [("", "Any kind")].into_iter().chain(kinds.map(|kind| (kind.as_str(), kind.as_str())));
    let page = TokensPage {
        live: grouped(live.iter().sum()),
        states: words.choices("state", STATES),
        kinds: words.choices("kind", kinds),
        others: words.others(&["search", "state", "kind"]),
        created: words.heading("Created", "created"),
        expires: words.heading("Expires", "expires"),
        next: next.map(|cursor| words.after(&cursor)),
        fault,
        frame,
        words,
        rows,
    };
    frame::page(status, &page)
}

/// The rows of the page, and the cursor of the next one.
async fn rows(call: &Call) -> Result<(Vec<TokenRow>, Option<String>), Problem> {
    let (paging, Ordered { filters, order }) =
        list::ordered::<TokenWords, TokenOrderWords>(call, "enrollment-tokens")?;
    let (authority, now) = (&call.authority, call.authority.time.now());
    let retention = authority.settings.spans.load().retention;
    let filter = order.judge(filters.judge(TokenType::Enrollment, now, retention))?;
    let page = authority.tokens.list_tokens(filter, paging.query()?).await?;
    let labels = authority.tokens.minter_labels(&page.items).await?;
    let rows = page.items.iter().map(|token| TokenRow::new(token, &labels, now)).collect();
    Ok((rows, paging.cursor_at(page.next)))
}
