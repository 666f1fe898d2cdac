//! The frame around every page: header, navigation, the session's CSRF token.

use std::fmt;

use askama::Template;
use askama::filters::HtmlSafe;
use http::StatusCode;

use super::dialect::CSRF_FIELD;
use super::parts::grouped;
use crate::access::session::CsrfToken;
use crate::access::{Actor, Permission};
use crate::http::call::Call;
use crate::http::problem::Problem;
use crate::http::reply::Reply;

/// The facts of the frame.
pub(super) struct Frame<'a> {
    /// The title of the page.
    pub(super) title: String,
    /// The path of the section in the navigation.
    pub(super) section: &'static str,
    /// The external URL without its scheme.
    pub(super) server: String,
    pub(super) version: &'static str,
    /// The signed-in user and its role.
    pub(super) user: String,
    pub(super) role: &'static str,
    /// The acts that the user may do.
    pub(super) may: May,
    /// Number of hosts that wait for approval.
    pub(super) waiting: u64,
    /// The newest ledger entry that the page may show.
    pub(super) newest: u64,
    csrf: Option<&'a CsrfToken>,
}

/// The acts that a user may do: the others are not offered.
#[derive(Clone, Copy)]
pub(super) struct May {
    pub(super) read_tokens: bool,
    pub(super) write_tokens: bool,
    pub(super) read_hosts: bool,
    pub(super) write_hosts: bool,
    pub(super) read_policies: bool,
    pub(super) write_policies: bool,
    pub(super) read_ledger: bool,
}

/// A link of the navigation.
pub(super) struct NavLink {
    pub(super) path: &'static str,
    pub(super) name: &'static str,
    pub(super) icon: &'static str,
    /// Number of hosts that wait there.
    pub(super) waiting: Option<String>,
}

impl<'a> Frame<'a> {
    /// The frame of a page in `section`.
    pub(super) async fn of(
        call: &'a Call,
        title: impl Into<String>,
        section: &'static str,
    ) -> Result<Self, Problem> {
        let user = call.authority.accounts.user_of(&call.caller.actor).await?;
        let Actor::User(name) = &call.caller.actor else {
            return Err(Problem::unauthenticated("sign in"));
        };
        let issuers = call.authority.trust.issuers();
        let server = issuers.current();
        Ok(Self {
            title: title.into(),
            section,
            server: server.strip_prefix("https://").unwrap_or(server).to_owned(),
            version: env!("CARGO_PKG_VERSION"),
            user: name.clone(),
            role: user.map_or("", |user| user.role.into()),
            may: May::of(call),
            waiting: match call.may(Permission::ReadHosts) {
                true => call.authority.overview.waiting_hosts().await?,
                false => 0,
            },
            newest: call.newest,
            csrf: call.live_session().and_then(|session| session.csrf.as_ref()),
        })
    }

    /// The field of a form that repeats the CSRF token.
    pub(super) const fn csrf(&self) -> CsrfField<'a> {
        CsrfField(self.csrf)
    }

    /// The sections that the user may open.
    pub(super) fn links(&self) -> Vec<NavLink> {
        let links = [
            (true, "/", "Overview", "overview"),
            (self.may.read_hosts, "/hosts", "Hosts", "host"),
            (self.may.read_tokens, "/tokens", "Tokens", "token"),
            (self.may.read_hosts, "/approvals", "Approvals", "approval"),
            (self.may.read_policies, "/rules", "Rules", "rule"),
            (self.may.read_policies, "/policies", "Policies", "policy"),
            (self.may.read_ledger, "/ledger", "Ledger", "ledger"),
            (true, "/admin", "Administration", "admin"),
        ];
        let offered = links.into_iter().filter(|(offered, ..)| *offered);
        offered.map(|(_, path, name, icon)| NavLink { path, name, icon, waiting: self.waits(path) }).collect()
    }

    /// The number beside the link to the queue, if hosts wait.
    fn waits(&self, path: &str) -> Option<String> {
        (self.waiting > 0 && path == "/approvals").then(|| grouped(self.waiting))
    }
}

impl May {
    fn of(call: &Call) -> Self {
        Self {
            read_tokens: call.may(Permission::ReadTokens),
            write_tokens: call.may(Permission::WriteTokens),
            read_hosts: call.may(Permission::ReadHosts),
            write_hosts: call.may(Permission::WriteHosts),
            read_policies: call.may(Permission::ReadPolicies),
            write_policies: call.may(Permission::WritePolicies),
            read_ledger: call.may(Permission::ReadLedger),
        }
    }
}

/// The hidden field with the CSRF token. The token consists of base64url characters.
pub(super) struct CsrfField<'a>(Option<&'a CsrfToken>);

impl fmt::Display for CsrfField<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let token = self.0.map_or("", |token| token.expose().as_str());
        write!(f, "<input type=\"hidden\" name=\"{CSRF_FIELD}\" value=\"{token}\">")
    }
}

impl HtmlSafe for CsrfField<'_> {}

/// The answer with this page. Caches must not store it.
pub(super) fn page(status: StatusCode, page: &impl Template) -> Result<Reply, Problem> {
    let html = page.render().map_err(|_| Problem::internal())?;
    Ok(Reply::bytes(status, "text/html; charset=utf-8", html).header("cache-control", "no-store"))
}

/// The same with status 200.
pub(super) fn ok(template: &impl Template) -> Result<Reply, Problem> {
    page(StatusCode::OK, template)
}
