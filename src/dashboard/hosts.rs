//! `/hosts`: the list of hosts. Tokens that wait for their host stand above it.

use super::form::Choice;
use super::frame::{self, Frame};
use super::grant::{self, TokenRow};
use super::list::{self, Heading, Listing, Rows};
use super::parts::{Icon, Mark, Moment, Tone, grouped};
use crate::http::api::paging::Ordered;
use crate::http::call::Call;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::http::request::{HostOrderWords, HostWords};
use crate::store::{
    EndedTokens, HostRecord, HostState, PageQuery, TokenFilter, TokenKind, TokenState, TokenType,
};

/// Number of unused tokens above the list.
const UNUSED: u32 = 5;
/// Maximum number of tokens that are judged for them: an unused token is usually among the newest.
const UNUSED_AMONG: u32 = 200;
/// The filters with a field of their own.
const FIELDS: [&str; 3] = ["search", "state", "role"];
/// The words of the filter by state, with the names of the choices.
const STATES: [(&str, &str); 7] = [
    ("", "Any state"),
    ("live", "Live"),
    ("active", "Active"),
    ("expiring", "Expiring"),
    ("lapsed", "Lapsed"),
    ("quarantined", "Quarantined"),
    ("revoked", "Revoked"),
];

#[derive(askama::Template)]
#[template(path = "hosts.html")]
struct HostsPage<'a> {
    frame: Frame<'a>,
    live: String,
    unused: Vec<TokenRow>,
    words: Listing,
    states: Vec<Choice>,
    roles: Vec<Choice>,
    others: Vec<(String, String)>,
    by_name: Heading,
    by_contact: Heading,
    by_expiry: Heading,
    rows: Vec<HostRow>,
    next: Option<String>,
    csv: String,
    fault: Option<String>,
}

/// A host in the list.
struct HostRow {
    id: String,
    short_id: String,
    name: String,
    state: Mark,
    ended: bool,
    roles: String,
    /// The name and the id of its policy.
    policy: Option<(String, String)>,
    seen: Moment,
    expires: Option<Moment>,
    token: String,
    token_name: String,
}

/// Shows a page of the hosts that match.
pub(super) async fn show(call: Call) -> Result<Reply, Problem> {
    let words = Listing::of(&call)?;
    let frame = Frame::of(&call, "Hosts", "/hosts").await?;
    let Rows { rows, next, fault, status } = rows(&call).await.into();
    let roles = call.authority.roles.iter().map(|(role, _)| (role.as_str(), role.as_str()));
    let roles = words.choices("role", [("", "Any role")].into_iter().chain(roles));
    let page = HostsPage {
        live: live(&call).await?,
        unused: unused(&call, &frame, &words).await?,
        states: words.choices("state", STATES),
        roles,
        others: words.others(&FIELDS),
        by_name: words.heading("Host", "name"),
        by_contact: words.heading("Last seen", "last_seen"),
        by_expiry: words.heading("Expires", "expires"),
        next: next.map(|cursor| words.after(&cursor)),
        csv: words.at("/api/v1/hosts", &[("limit", "1000"), ("format", "csv")]),
        fault,
        frame,
        words,
        rows,
    };
    frame::page(status, &page)
}

/// The rows of the page, and the cursor of the next one.
async fn rows(call: &Call) -> Result<(Vec<HostRow>, Option<String>), Problem> {
    let (paging, Ordered { filters, order }) = list::ordered::<HostWords, HostOrderWords>(call, "hosts")?;
    let now = call.authority.time.now();
    let page = call.authority.hosts.list_hosts(order.judge(filters.judge(now))?, paging.query()?).await?;
    let row = |host: HostRecord| {
        let state = host.state(now);
        HostRow {
            id: host.id.to_string(),
            short_id: grant::short(&host.id.to_string()),
            name: grant::host_name(&host),
            state: state_mark(state),
            ended: state == HostState::Revoked,
            roles: grant::roles(&host.facts.roles),
            policy: policy(&host).zip(host.facts.policy.map(|id| id.to_string())),
            seen: Moment::new(host.contact.at, now),
            expires: (state != HostState::Revoked).then(|| Moment::new(host.newest.not_after, now)),
            token: host.token.to_string(),
            token_name: token_name(&host),
        }
    };
    Ok((page.items.into_iter().map(row).collect(), paging.cursor_at(page.next)))
}

/// The number of hosts with a valid certificate.
async fn live(call: &Call) -> Result<String, Problem> {
    let counts = call.authority.overview.recent_count().await?;
    let live = HostState::LIVE.map(<&str>::from);
    let live = live.map(|state| counts.hosts.get(state).copied().unwrap_or(0));
    Ok(grouped(live.iter().sum()))
}

/// The newest unused tokens, above the beginning of the whole list.
async fn unused(call: &Call, frame: &Frame<'_>, words: &Listing) -> Result<Vec<TokenRow>, Problem> {
    if !frame.may.read_tokens || words.is_filtered() || !words.value("cursor").is_empty() {
        return Ok(Vec::new());
    }
    let (tokens, now) = (&call.authority.tokens, call.authority.time.now());
    let every = TokenFilter::every(TokenType::Enrollment, EndedTokens::All, now);
    let kinds = Some(vec![TokenKind::OneTime]);
    let filter = TokenFilter { states: Some(vec![TokenState::Pending]), kinds, ..every };
    let newest = PageQuery { after: None, limit: UNUSED, look_at: UNUSED_AMONG };
    let found = tokens.list_tokens(filter, newest).await?.items;
    let labels = tokens.minter_labels(&found).await?;
    Ok(found.iter().map(|token| TokenRow::new(token, &labels, now)).collect())
}

/// The word and the colour of a host's state.
pub(super) const fn state_mark(state: HostState) -> Mark {
    match state {
        HostState::Active => Mark(Tone::Good, "active"),
        HostState::Expiring => Mark(Tone::Warn, "expiring"),
        HostState::Lapsed => Mark(Tone::Warn, "lapsed"),
        HostState::Quarantined => Mark(Tone::Bad, "quarantined"),
        HostState::Revoked => Mark(Tone::Bad, "revoked"),
    }
}

/// The policy of a host: its name, or else the end of its id.
pub(super) fn policy(host: &HostRecord) -> Option<String> {
    let id = host.facts.policy?;
    Some(host.policy_name.as_ref().map_or_else(|| grant::short(&id.to_string()), ToString::to_string))
}

/// The token that admitted a host: its label, or else the end of its id.
pub(super) fn token_name(host: &HostRecord) -> String {
    let label = host.token_label.as_ref().filter(|label| !label.as_str().is_empty());
    label.map_or_else(|| grant::short(&host.token.to_string()), ToString::to_string)
}
