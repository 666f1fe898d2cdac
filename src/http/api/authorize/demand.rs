//! The demand of a proxy on the guarded request.

use http::StatusCode;

use crate::http::problem::Problem;
use crate::http::query::{decode_pairs, decode_query};
use crate::name::Role;
use crate::service::FieldError;
use crate::service::verification::audience;

/// The part of the URL that holds the demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DemandSource {
    /// The query string.
    Query,
    /// A segment of the path, in the form of a query.
    Segment,
}

impl DemandSource {
    /// The status that allows a request. Envoy, which appends the path of the guarded request, accepts 200 only;
    /// nginx and Traefik accept any 2xx.
    pub(super) const fn yes(self) -> StatusCode {
        match self {
            Self::Query => StatusCode::NO_CONTENT,
            Self::Segment => StatusCode::OK,
        }
    }
}

/// The required roles, all of them, and the required audience.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Demand {
    pub(super) roles: Vec<Role>,
    audience: Option<String>,
}

impl Demand {
    /// Reads the demand. Unknown parameters are refused: a misspelt demand must not be ignored.
    pub(super) fn read(place: DemandSource, query: &str, segment: &str) -> Result<Self, Problem> {
        let pairs = match place {
            DemandSource::Query => decode_query(query)?,
            // The path's own escapes are decoded already.
            DemandSource::Segment => decode_pairs(segment, str::to_owned),
        };
        let (mut demand, mut faults) = (Self::default(), Vec::new());
        for (name, value) in pairs {
            match name.as_str() {
                "role" => match value.split(',').map(Role::parse).collect::<Result<Vec<_>, _>>() {
                    Ok(roles) => demand.roles.extend(roles),
                    Err(error) => faults.push(FieldError::new("role", error.to_string())),
                },
                "audience" if demand.audience.is_none() => demand.audience = Some(value),
                "audience" => {
                    faults.push(FieldError::new("audience", "is repeated: a token is for one service"))
                }
                _ => faults.push(FieldError::new(name, "unknown parameter: use role and audience")),
            }
        }
        if faults.is_empty() { Ok(demand) } else { Err(Problem::invalid_fields(faults)) }
    }

    /// The required audience: the one in the demand, or the only one in the configuration.
    pub(super) fn audience<'a>(&self, configured: &'a [String]) -> Result<&'a str, Problem> {
        let wrong = |why: String| Problem::invalid_field("audience", why);
        let Some(asked) = &self.audience else {
            return audience::only(configured)
                .map_err(|cause| wrong(format!("{cause}: name the guarded one")));
        };
        let found = configured.iter().find(|known| *known == asked).map(String::as_str);
        found.ok_or_else(|| wrong("is not in tokens.audiences of the configuration".to_owned()))
    }

    /// The first required role that is missing.
    pub(super) fn missing(&self, roles: &[Role]) -> Option<&Role> {
        self.roles.iter().find(|needed| !roles.contains(needed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn audience(query: &str, configured: &[&str]) -> Result<String, String> {
        let configured = configured.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let demand = Demand::read(DemandSource::Query, query, "").map_err(|problem| problem.detail)?;
        demand.audience(&configured).map(str::to_owned).map_err(|problem| problem.detail)
    }

    #[test]
    fn the_audience_is_named_or_the_only_one() {
        assert_eq!(audience("", &["urn:a"]).as_deref(), Ok("urn:a"));
        assert_eq!(audience("audience=urn%3Ab", &["urn:a", "urn:b"]).as_deref(), Ok("urn:b"));
        for (query, configured, why) in [
            ("", &[][..], "no service is configured"),
            ("", &["urn:a", "urn:b"], "several"),
            ("audience=urn:c", &["urn:a"], "not in tokens.audiences"),
            ("audience=urn:a&audience=urn:a", &["urn:a"], "one service"),
        ] {
            assert!(audience(query, configured).unwrap_err().contains(why), "{query}");
        }
    }

    #[test]
    fn every_role_that_is_named_is_needed() {
        let role = |name: &str| Role::parse(name).unwrap();
        for query in ["role=proxy&role=director", "role=proxy,director", "role=proxy%2Cdirector"] {
            let demand = Demand::read(DemandSource::Query, query, "").unwrap();
            assert_eq!(demand.missing(&[role("proxy"), role("director"), role("allocator")]), None);
            assert_eq!(demand.missing(&[role("proxy")]), Some(&role("director")), "{query}");
        }
    }

    #[test]
    fn a_misspelt_demand_is_refused() {
        for query in [
            "roles=proxy",
            "role=Proxy",
            "role=",
            "role=proxy,",
            "role=,",
            "rest",
            "role=proxy/guarded/path?x=y",
            "role=%+f",
        ] {
            assert!(Demand::read(DemandSource::Query, query, "").is_err(), "{query}");
            assert!(Demand::read(DemandSource::Segment, "", query).is_err(), "{query}");
        }
    }

    #[test]
    fn only_the_place_of_the_row_is_read() {
        let segment = Demand::read(DemandSource::Segment, "role=a", "role=b&audience=https://x/+1").unwrap();
        assert_eq!(segment.missing(&[]), Some(&Role::parse("b").unwrap()));
        assert_eq!(segment.audience.as_deref(), Some("https://x/+1"));
    }
}
