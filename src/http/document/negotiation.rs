//! What a caller has, and what it takes.

use http::HeaderValue;
use http::header::GetAll;

/// Whether `If-None-Match` names this tag, weakly or not, or any (RFC 9110 section 13.1.2).
pub(super) fn has(values: GetAll<'_, HeaderValue>, etag: &HeaderValue) -> bool {
    let Ok(etag) = etag.to_str() else { return false };
    members(values).any(|member| member == "*" || member.strip_prefix("W/").unwrap_or(member) == etag)
}

/// Whether `Accept-Encoding` takes gzip: by name or by `*`, with a weight above zero. Who says nothing gets no coding, as
/// scripts that save what they get do not expect one.
pub(super) fn takes_gzip(values: GetAll<'_, HeaderValue>) -> bool {
    let (mut named, mut any) = (None, None);
    for member in members(values) {
        let (coding, parameters) = member.split_once(';').unwrap_or((member, ""));
        let coding = coding.trim();
        let taken = Some(above_zero(parameters));
        if coding.eq_ignore_ascii_case("gzip") || coding.eq_ignore_ascii_case("x-gzip") {
            named = taken;
        } else if coding == "*" {
            any = taken;
        }
    }
    named.or(any).unwrap_or(false)
}

/// A weight that makes no sense is none: the coding is not taken (RFC 9110 section 12.4.2).
fn above_zero(parameters: &str) -> bool {
    let Some((name, value)) = parameters.split_once('=') else { return parameters.trim().is_empty() };
    let weight = value.trim().parse::<f32>();
    name.trim().eq_ignore_ascii_case("q") && weight.is_ok_and(|weight| weight > 0.0 && weight <= 1.0)
}

/// The members of a list over all its header lines (RFC 9110 section 5.6.1).
fn members(values: GetAll<'_, HeaderValue>) -> impl Iterator<Item = &str> {
    let lines = values.into_iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim).filter(|member| !member.is_empty())
}
