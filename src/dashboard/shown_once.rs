//! The answer with a new token: the only page that holds it.

use std::time::Duration;

use http::StatusCode;

use super::dialect::sentence;
use super::frame::{self, Frame};
use super::grant;
use super::parts::{Icon, Moment};
use crate::clock::Timestamp;
use crate::http::call::Call;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::id::TokenId;
use crate::name::{DnsName, Label};
use crate::secret::Secret;
use crate::service::installation::{NewHosts, Platform};
use crate::store::TokenKind;
use crate::token::MintedToken;

#[derive(askama::Template)]
#[template(path = "shown_once.html")]
struct ShownOncePage<'a> {
    frame: Frame<'a>,
    id: TokenId,
    label: String,
    allows: String,
    risk: Option<&'static str>,
    warning: Option<String>,
    in_cluster: bool,
    /// It can be shown again.
    readable: bool,
    expires: Option<Expiry>,
    command: String,
    others: Vec<(&'static str, String)>,
    token: &'a Secret<String>,
    again: Option<String>,
}

/// The end of the token.
struct Expiry {
    at: Moment,
    /// Seconds until then, if the page counts them down.
    left: Option<u64>,
}

/// The longest life that the page counts down.
const COUNTED: Duration = Duration::from_secs(3600);

impl Expiry {
    fn new(at: Timestamp, now: Timestamp) -> Self {
        let left = at.since(now);
        Self { at: Moment::new(at, now), left: (left <= COUNTED).then_some(left.as_secs()) }
    }
}

/// The platforms with their names on the page.
const PLATFORMS: [(Platform, &str); 4] = [
    (Platform::Vm, "On a VM or bare metal"),
    (Platform::Kubernetes, "In Kubernetes"),
    (Platform::CloudInit, "With cloud-init"),
    (Platform::Ansible, "With Ansible"),
];

/// The page of a new token. `again` is the address of the form with the same settings.
pub(super) async fn page(
    call: &Call,
    minted: &MintedToken,
    label: &Label,
    kind: TokenKind,
    again: Option<String>,
) -> Result<Reply, Problem> {
    let (authority, now) = (&call.authority, call.authority.time.now());
    let grant = minted.grant();
    let terms = &grant.terms;
    let server = authority.minting.unpinned_server();
    let names = &terms.bindings.dns_names;
    let name = names.first().and_then(|name| DnsName::parse(&name.to_string()).ok());
    let cluster = terms.bindings.cluster.as_ref();
    let hosts = NewHosts { server: server.as_deref(), cluster, name: name.as_ref(), label: None };
    let in_cluster = kind == TokenKind::Cluster;
    let first = if in_cluster { Platform::Kubernetes } else { Platform::Vm };
    let offered = |platform: Platform| platform != Platform::Kubernetes || hosts.cluster.is_some();
    let text = |platform: Platform| authority.installation.command(platform, &hosts);
    let others = PLATFORMS.into_iter().filter(|(platform, _)| *platform != first && offered(*platform));
    let page = ShownOncePage {
        id: grant.token.id,
        label: match label.as_str() {
            "" => format!("New {} token", kind.as_str()),
            label => label.to_owned(),
        },
        allows: grant::sentence(terms, now),
        risk: (terms.max_uses.is_none() && terms.expires_at.is_none()).then_some(
            "This token has no limit on the number of hosts and no expiry. Revoke it when the work is done.",
        ),
        warning: authority.capacity.warning().await.map(|warning| sentence(&warning)),
        in_cluster,
        readable: terms.persistent && terms.policy.is_some(),
        expires: terms.expires_at.map(|at| Expiry::new(at, now)),
        command: text(first),
        others: others.map(|(platform, name)| (name, text(platform))).collect(),
        token: minted.text(),
        again,
        frame: Frame::of(call, "New token", "/tokens").await?,
    };
    frame::page(StatusCode::CREATED, &page)
}
