//! The URIs and the trust domain of the configuration.

/// Parses the URI of a service that tokens are minted for. It is absolute and has no fragment (RFC 3986 section 4.3), and
/// is compared byte for byte (RFC 7519 section 4.1.3).
pub(super) fn audience(text: &str) -> Result<String, String> {
    let (scheme, rest) = text.split_once(':').unwrap_or(("", ""));
    let mut letters = scheme.bytes();
    let is_scheme = letters.next().is_some_and(|byte| byte.is_ascii_alphabetic())
        && letters.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    match () {
        () if text.len() > MAX_AUDIENCE_BYTES => {
            Err(format!("{text:?} is longer than {MAX_AUDIENCE_BYTES} bytes"))
        }
        () if !text.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Err(format!("{text:?} has other characters than a URI may have"))
        }
        () if text.contains('#') => Err(format!("{text:?} has a fragment")),
        () if !is_scheme || rest.trim_matches('/').is_empty() => Err(format!("{text:?} is no absolute URI")),
        () => Ok(text.to_owned()),
    }
}

/// A longer audience would leave a token too little room for roles.
const MAX_AUDIENCE_BYTES: usize = 256;

/// Parses a SPIFFE trust domain (SPIFFE ID section 2.1): lower-case letters, digits, `.`, `-`, `_`.
///
/// # Errors
/// The text has another character, is empty or too long.
pub fn trust_domain(text: &str) -> Result<String, String> {
    let good =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'_');
    if (1..=253).contains(&text.len()) && text.bytes().all(good) {
        return Ok(text.to_owned());
    }
    Err(format!("{text:?} is not a trust domain: lower-case letters, digits, '.', '-' and '_'"))
}

/// Parses the URL of the directory with the CRL of each issuing CA. It has no TLS: fetching a CRL to check a certificate
/// must not need the check of another certificate (RFC 5280 section 8).
pub(super) fn crl_base(text: &str) -> Result<String, String> {
    let good = text.bytes().all(|byte| byte.is_ascii_graphic()) && text.len() <= 1024;
    let Some(rest) = text.strip_prefix("http://").filter(|rest| good && !rest.trim_matches('/').is_empty())
    else {
        return Err(format!("{text:?} is not a URL that begins with http://"));
    };
    let plain = text.split(['?', '#']).next().unwrap_or(text).trim_end_matches('/');
    let directory = plain.rsplit_once('/').map_or(plain, |(directory, _)| directory);
    let is_file = CRL_ENDS.iter().any(|end| plain.to_ascii_lowercase().ends_with(end)) && rest.contains('/');
    match () {
        () if is_file => Err(format!(
            "{text:?} is one file, but each issuing CA has its own CRL: write the directory of the CRLs, such as \
             {directory:?}; certificates then name <ski>.der in it"
        )),
        () if text.contains(['?', '#']) => Err(format!(
            "{text:?} has a query or a fragment: write {plain:?}; certificates then name <ski>.der in it"
        )),
        () => Ok(plain.to_owned()),
    }
}

/// Parses the URL of the binary. Hosts run what they fetch there, so it has TLS.
pub(super) fn install_url(text: &str) -> Result<String, String> {
    match text.strip_prefix("https://").is_some_and(|rest| is_word(rest) && !rest.starts_with('/')) {
        true => Ok(text.to_owned()),
        false => Err(format!("{text:?} is not a URL that begins with https://")),
    }
}

/// Parses the place of a Helm chart.
pub(super) fn chart(text: &str) -> Result<String, String> {
    match is_word(text) && !text.starts_with('-') {
        true => Ok(text.to_owned()),
        false => Err(format!("{text:?} is not a reference, a URL or a path of a chart")),
    }
}

/// Returns true for a word that each shell and file of an install command can quote.
fn is_word(text: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_graphic() && !b"'\"\\`{}#".contains(&byte);
    (1..=1024).contains(&text.len()) && text.bytes().all(good)
}

/// The ends of the names of CRL files.
const CRL_ENDS: [&str; 3] = [".der", ".crl", ".pem"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server_url::ServerUrl;

    #[test]
    fn the_base_of_crls_is_a_directory() {
        let base = "http://crl.example.org/gatepass";
        assert_eq!(crl_base(base), Ok(base.to_owned()));
        assert_eq!(crl_base("http://crl.example.org/gatepass/"), Ok(base.to_owned()));
        assert_eq!(crl_base("http://gatepass.crl"), Ok("http://gatepass.crl".to_owned()), "a host");
        for file in ["ca.der", "CA.CRL", "crl.pem", "ca.der?x=1"] {
            let told = crl_base(&format!("{base}/{file}")).unwrap_err();
            assert!(told.contains(&format!("such as {base:?}")) && told.contains("<ski>.der"), "{told}");
        }
        for end in ["?ca=1", "#1"] {
            let told = crl_base(&format!("{base}{end}")).unwrap_err();
            assert!(told.contains(&format!("write {base:?}")), "{told}");
        }
        for other in ["https://crl.example.org", "http://", "http:///", "http://a b"] {
            assert!(crl_base(other).is_err(), "{other}");
        }
    }

    #[test]
    fn an_install_url_has_tls_and_no_quotes() {
        for good in ["https://files.example.org/gatepass", "https://files.example.org/g?sig=a%2Fb&x=1"] {
            assert_eq!(install_url(good), Ok(good.to_owned()));
        }
        for bad in [
            "http://files.example.org/g",
            "https://",
            "https:///g",
            "https://a/b c",
            "https://a/'b",
            "https://a/{{b}}",
        ] {
            assert!(install_url(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_chart_is_no_flag() {
        for good in ["oci://registry.example.org/charts/gatepass", "./chart", "repo/gatepass"] {
            assert_eq!(chart(good), Ok(good.to_owned()));
        }
        for bad in ["", "--debug", "a b"] {
            assert!(chart(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_ipv6_trust_domain_has_no_colons() {
        let url = ServerUrl::parse("https://[2001:db8::1]:8443").unwrap();
        assert!(trust_domain(&url.default_trust_domain()).is_ok());
    }
}
