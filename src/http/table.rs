//! The table of routes. Permissions, metric labels and the access log come from it.

use std::collections::BTreeMap;

use http::header::ACCEPT;
use http::{HeaderMap, Method};

use super::meters::Meters;
use super::problem::dialect::Dialect;
use super::problem::{NATIVE, Problem};
use super::query::{malformed, percent_decode};
use super::route::Route;
use super::{api, compat};

/// The result of a lookup by method and path.
pub enum Match<'t> {
    /// The row with its parameters.
    Route(&'t Route, Vec<(String, String)>),
    /// The path exists, but not for this method. The text lists the methods.
    WrongMethod(&'static Dialect, String),
    /// OPTIONS of a path that pages of other sites may read. The text lists the methods.
    Preflight(String),
    /// OPTIONS of the server itself (RFC 9110 section 9.3.7).
    Probe,
    /// Host, target or path are malformed.
    Refused(&'static Dialect, Problem),
    /// The path does not exist.
    Nothing(&'static Dialect),
}

impl Match<'_> {
    /// The dialect of the response, unless it has none.
    pub(super) fn dialect(&self) -> Option<&'static Dialect> {
        match self {
            Self::Route(route, _) => Some(route.dialect),
            Self::WrongMethod(dialect, _) | Self::Refused(dialect, _) | Self::Nothing(dialect) => {
                Some(dialect)
            }
            Self::Preflight(_) | Self::Probe => None,
        }
    }
}

/// The kind of client that a response is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// A person with a browser: the request prefers HTML.
    Person,
    /// Any other client.
    Program,
}

impl Reader {
    /// Reads the `Accept` header (RFC 9110 section 12.5.1). A person's browser names HTML, and prefers it to JSON.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let ranges = || {
            let lines = headers.get_all(ACCEPT).iter().filter_map(|line| line.to_str().ok());
            lines.flat_map(|line| line.split(',')).map(quality)
        };
        let best = |wanted: &[&str]| {
            let of = ranges().filter(|(range, _)| wanted.iter().any(|one| range.eq_ignore_ascii_case(one)));
            of.map(|(_, quality)| quality).fold(0.0, f32::max)
        };
        let html = best(&["text/html"]);
        let prefers_html = html > 0.0 && html >= best(&["application/json", "application/problem+json"]);
        if prefers_html { Self::Person } else { Self::Program }
    }

    /// True if rows of this dialect are for such a client.
    fn is_of(self, dialect: &Dialect) -> bool {
        dialect.page.is_some() == (self == Self::Person)
    }
}

/// A media range with its quality, 0 to 1.
fn quality(range: &str) -> (&str, f32) {
    let mut parts = range.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default();
    let quality =
        parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q="))?.parse().ok());
    (media_type, quality.unwrap_or(1.0))
}

/// Every route of the authority.
pub struct Table {
    routes: Vec<Route>,
    dialects: Vec<&'static Dialect>,
    paths: matchit::Router<Vec<(Method, usize)>>,
    unmatched: Meters,
}

impl Table {
    /// Builds the table.
    ///
    /// # Errors
    /// Two rows have the same path pattern: a mistake in this program.
    pub fn new(public_metrics: bool) -> Result<Self, matchit::InsertError> {
        Self::with_pages(public_metrics, Vec::new())
    }

    /// Builds the table with these pages of the dashboard.
    ///
    /// # Errors
    /// As [`Table::new`].
    pub fn with_pages(public_metrics: bool, pages: Vec<Route>) -> Result<Self, matchit::InsertError> {
        let mut routes = api::routes(public_metrics);
        routes.extend(compat::routes());
        routes.extend(pages);
        Self::of(routes)
    }

    /// Builds a table of these rows.
    pub(super) fn of(routes: Vec<Route>) -> Result<Self, matchit::InsertError> {
        let mut by_path: BTreeMap<&str, Vec<(Method, usize)>> = BTreeMap::new();
        for (place, route) in routes.iter().enumerate() {
            by_path.entry(route.path).or_default().push((route.method.clone(), place));
        }
        let mut paths = matchit::Router::new();
        for (path, methods) in by_path {
            paths.insert(path, methods)?;
        }
        let dialects = dialects(&routes);
        Ok(Self { routes, dialects, paths, unmatched: Meters::unmatched() })
    }

    /// Every row.
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// The meters of requests without a row.
    pub(super) const fn unmatched(&self) -> &Meters {
        &self.unmatched
    }

    /// Finds the row for this method and path, for a program. HEAD finds GET's.
    pub fn find(&self, method: &Method, path: &str) -> Match<'_> {
        self.find_for(Reader::Program, method, path)
    }

    /// Finds the row for this reader. A page may share its method and path with a row for programs.
    pub fn find_for(&self, reader: Reader, method: &Method, path: &str) -> Match<'_> {
        if *method == Method::OPTIONS && matches!(path, "/" | "*") {
            return Match::Probe;
        }
        let Ok(found) = self.paths.at(path) else { return Match::Nothing(self.dialect_for(reader, path)) };
        let wanted = if *method == Method::HEAD { &Method::GET } else { method };
        let fits = |place: usize| self.routes.get(place).is_some_and(|row| reader.is_of(row.dialect));
        let mut of_wanted = found.value.iter().filter(|(method, _)| method == wanted);
        let of_method = of_wanted.clone().find(|(_, place)| fits(*place)).or_else(|| of_wanted.next());
        let any = || {
            found
                .value
                .iter()
                .find(|(_, place)| self.routes.get(*place).is_some_and(|row| row.takes_any_method()))
        };
        let place = of_method.or_else(any).map(|(_, place)| *place);
        let Some(route) = place.and_then(|place| self.routes.get(place)) else {
            let mut rows = found.value.iter().filter_map(|(_, place)| self.routes.get(*place));
            return match *method == Method::OPTIONS && rows.any(Route::is_cross_origin) {
                true => Match::Preflight(allowed(found.value)),
                false => Match::WrongMethod(self.dialect_for(reader, path), allowed(found.value)),
            };
        };
        // The rest of a path belongs to a guarded service, which may take any text.
        let params = found.params.iter().filter(|(name, _)| *name != "rest");
        let decoded = params.map(|(name, value)| Ok((name.to_owned(), percent_decode(value)?.into_owned())));
        match decoded.collect::<Result<_, _>>() {
            Ok(params) => Match::Route(route, params),
            Err(error) => Match::Refused(route.dialect, malformed(error)),
        }
    }

    /// The dialect of errors at a path that has no row for the method.
    pub(super) fn dialect_for(&self, reader: Reader, path: &str) -> &'static Dialect {
        let covers = |dialect: &&&Dialect| dialect.page.is_none() && (dialect.covers)(path);
        let page = || self.dialects.iter().find(|dialect| dialect.page.is_some() && reader.is_of(dialect));
        self.dialects.iter().find(covers).or_else(page).copied().unwrap_or(&NATIVE)
    }
}

/// The methods of a path, for `Allow`.
fn allowed(methods: &[(Method, usize)]) -> String {
    let mut names = methods.iter().map(|(method, _)| method.as_str()).collect::<Vec<_>>();
    names.extend(names.contains(&"GET").then_some("HEAD"));
    names.sort_unstable();
    names.dedup();
    names.join(", ")
}

/// The dialects of these rows, each once. The native one covers every path and is left out.
fn dialects(routes: &[Route]) -> Vec<&'static Dialect> {
    let mut dialects: Vec<&Dialect> = Vec::new();
    for dialect in routes.iter().map(|route| route.dialect) {
        if dialect.name != NATIVE.name && dialects.iter().all(|other| other.name != dialect.name) {
            dialects.push(dialect);
        }
    }
    dialects
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::access::Permission;

    fn find(method: Method, path: &str) -> String {
        let table = Table::new(true).unwrap();
        match table.find(&method, path) {
            Match::Route(route, params) => format!("{} {:?}", route.path, params),
            Match::WrongMethod(dialect, allowed) => format!("405 {} {allowed}", dialect.name),
            Match::Preflight(allowed) => format!("204 {allowed}"),
            Match::Probe => String::from("204"),
            Match::Refused(dialect, _) => format!("400 {}", dialect.name),
            Match::Nothing(dialect) => format!("404 {}", dialect.name),
        }
    }

    #[test]
    fn a_header_that_prefers_html_comes_from_a_person() {
        let of = |accept: &[&'static str]| {
            let mut headers = HeaderMap::new();
            accept.iter().for_each(|line| {
                headers.append(ACCEPT, HeaderValue::from_static(line));
            });
            Reader::of(&headers) == Reader::Person
        };
        assert!(of(&["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"]));
        assert!(of(&["application/json;q=0.5", "TEXT/HTML; q=0.7"]));
        for other in ["*/*", "application/json", "text/html;q=0.5, application/json", "text/html;q=0", ""] {
            assert!(!of(&[other]), "{other}");
        }
        assert!(!of(&[]));
    }

    #[test]
    fn a_path_finds_its_row_and_head_finds_gets() {
        assert_eq!(find(Method::HEAD, "/livez"), "/livez []");
        assert_eq!(find(Method::GET, "/api/v1/hosts/a%20b"), "/api/v1/hosts/{id} [(\"id\", \"a b\")]");
        assert_eq!(find(Method::GET, "/api/v1/hosts/a%+fb"), "400 native");
        let guarded = find(Method::GET, "/api/v1/authorize-with/role=a/100%");
        assert!(guarded.ends_with("[(\"demand\", \"role=a\")]"), "{guarded}");
    }

    #[test]
    fn unknown_paths_use_the_dialect_of_their_prefix() {
        assert_eq!(find(Method::GET, "/nothing"), "404 native");
        assert_eq!(find(Method::PUT, "/livez"), "405 native GET, HEAD");
        let ece = "/api/v1/platform/configuration/security/enrollment-tokens";
        assert_eq!(find(Method::PUT, ece), "405 ece GET, HEAD, POST");
        assert_eq!(find(Method::GET, "/api/v1/platform/configuration/security/other"), "404 ece");
        assert_eq!(find(Method::GET, "/api/v1/users/auth/_login"), "405 ece POST");
        assert_eq!(find(Method::GET, "/api/v1/users/auth/_other"), "404 ece");
        assert_eq!(find(Method::PUT, "/api/v1/user"), "405 ece GET, HEAD");
        assert_eq!(find(Method::GET, "/oauth2/introspect"), "405 oauth POST");
    }

    #[test]
    fn only_these_routes_are_open_to_anyone() {
        let table = Table::new(true).unwrap();
        let open = table.routes().iter().filter(|route| route.permission == Permission::Anyone);
        let open = open.map(|route| route.path).collect::<Vec<_>>();
        let expected = [
            "/readyz",
            "/metrics",
            "/openapi.json",
            "/openapi-ece.json",
            "/openapi-fleet.json",
            "/api/v1/authorize",
            "/api/v1/authorize-with/{demand}",
            "/api/v1/authorize-with/{demand}/",
            "/api/v1/authorize-with/{demand}/{*rest}",
            "/",
            "/livez",
            "/.well-known/oauth-authorization-server",
            "/.well-known/jwks.json",
            "/ca/root.pem",
            "/ca/chain.pem",
            "/ca/root/{fingerprint}",
            "/ca/crl/{ski}",
            "/ca/crl.pem",
            "/ca/bundle.pem",
            "/status",
            "/status/{list}",
            "/status/events",
            "/status/{list}/events",
            "/api/status",
            "/s/{space}/api/status",
        ];
        assert_eq!(open, expected);
    }
}
