//! Lines for the operator after a change of the external URL.

use super::StartError;
use crate::service::Authority;
use crate::service::issuers::IssuerNeeds;
use crate::store::Store;

/// Lines about former external URLs: a change with this start, and the hosts and tokens that need them.
pub(super) async fn of_urls(
    authority: &Authority,
    store: &dyn Store,
    changed_from: Option<&str>,
) -> Result<Vec<String>, StartError> {
    let issuers = authority.trust_admin.list_issuers().await.map_err(StartError::of)?;
    let emergency = store.emergency_token().await.map_err(StartError::of)?;
    let emergency = emergency.map(|token| token.mint.token.issuer);
    let current = authority.trust.issuers().current().to_owned();
    let mut lines = changed_from.map(|former| changed(former, &current)).into_iter().collect::<Vec<_>>();
    for (issuer, needs) in issuers.iter().filter(|(issuer, _)| !issuer.current) {
        lines.extend(needed(&issuer.url, *needs, emergency.as_ref() == Some(&issuer.url)));
    }
    Ok(lines)
}

fn changed(former: &str, current: &str) -> String {
    format!(
        "the external URL has changed from {former} to {current}: new tokens name it, and hosts use it after their next renewal"
    )
}

/// The lines about a former URL.
fn needed(url: &str, needs: IssuerNeeds, emergency: bool) -> Vec<String> {
    let IssuerNeeds { live_hosts: hosts, live_persistent_tokens: tokens } = needs;
    let mut lines = Vec::new();
    if hosts > 0 {
        lines.push(format!(
            "{hosts} live {} {url}: keep its name in DNS until {} renewed over another URL",
            if hosts == 1 { "host still uses" } else { "hosts still use" },
            if hosts == 1 { "it has" } else { "they have" },
        ));
    }
    if tokens > 0 {
        let emergency = if emergency { ", the emergency token too" } else { "" };
        lines.push(format!(
            "live persistent tokens that name {url}: {tokens}{emergency}; `gatepass issuer retire` ends them"
        ));
    }
    if lines.is_empty() {
        lines
            .push(format!("no live host or persistent token uses {url}: run `gatepass issuer retire {url}`"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_former_url_names_its_hosts_and_tokens() {
        let needs = |live_hosts, live_persistent_tokens| IssuerNeeds { live_hosts, live_persistent_tokens };
        let both = needed("https://a.test", needs(2, 3), true).join("\n");
        assert!(
            both.contains(
                "2 live hosts still use https://a.test: keep its name in DNS until they have renewed"
            ),
            "{both}"
        );
        assert!(both.contains("https://a.test: 3, the emergency token too"), "{both}");
        assert!(needed("https://a.test", needs(1, 0), false)[0].starts_with("1 live host still uses"));
        let none = needed("https://a.test", needs(0, 0), false);
        assert_eq!(
            none,
            [
                "no live host or persistent token uses https://a.test: run `gatepass issuer retire https://a.test`"
            ]
        );
    }
}
