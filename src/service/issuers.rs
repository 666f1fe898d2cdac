//! Listing and retiring external URLs.

use serde::Serialize;
use utoipa::ToSchema;

use super::keys::TrustAdmin;
use super::{Caller, KeysError, RequestError, ServiceError};
use crate::ledger::Action;
use crate::server_url::ServerUrl;
use crate::store::{IssuerRecord, RetireIssuer, Retired, Retirement};

/// The hosts and tokens that need an external URL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct IssuerNeeds {
    /// Number of live hosts that last reached the server at the URL, or at its name if no other URL has the name.
    #[schema(example = 12)]
    pub live_hosts: u64,
    /// Number of live persistent tokens that name the URL.
    #[schema(example = 2)]
    pub live_persistent_tokens: u64,
}

impl TrustAdmin {
    /// Returns the external URLs that are not retired, each with the hosts and tokens that need it.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn list_issuers(&self) -> Result<Vec<(IssuerRecord, IssuerNeeds)>, ServiceError> {
        // Without it the counts are at most a minute old.
        let _ = self.unwritten.write().await;
        let (store, now) = (&self.base.store, self.base.time.now());
        let (issuers, tokens) = (store.issuers().await?, store.issuer_needs(now).await?);
        let reached = store.reached_urls(now).await?;
        let reached =
            reached.into_iter().filter_map(|(url, hosts)| Some((ServerUrl::parse(&url?).ok()?, hosts)));
        let reached = reached.collect::<Vec<_>>();
        let needs = |issuer: &IssuerRecord| IssuerNeeds {
            live_hosts: self.hosts_at(&issuer.url, &issuers, &reached),
            live_persistent_tokens: tokens
                .iter()
                .find(|(url, _)| *url == issuer.url)
                .map_or(0, |(_, tokens)| *tokens),
        };
        Ok(issuers.iter().map(|issuer| (issuer.clone(), needs(issuer))).collect())
    }

    /// Counts the hosts that a retirement of `url` would cut off from the name that they use, or that use the URL itself.
    fn hosts_at(&self, url: &str, issuers: &[IssuerRecord], reached: &[(ServerUrl, u64)]) -> u64 {
        let Ok(retired) = ServerUrl::parse(url) else { return 0 };
        let name = retired.server_name();
        let others = issuers.iter().filter(|issuer| issuer.url != url);
        let mut others = others.filter_map(|issuer| ServerUrl::parse(&issuer.url).ok());
        let stays = self.names.is_fixed(name) || others.any(|other| other.server_name() == name);
        let counted = |at: &ServerUrl| *at == retired || (!stays && at.server_name() == name);
        reached.iter().filter(|(at, _)| counted(at)).map(|(_, hosts)| hosts).sum()
    }

    /// Retires a former external URL: tokens that name it are refused from now on, and its name leaves the server's
    /// certificate. If `confirmed`, its live persistent tokens are revoked. If the emergency token is one of them, a new one is
    /// minted and its file rewritten. Returns also the number of live hosts that used the URL.
    ///
    /// # Errors
    /// The URL is the current one, needed or unknown, the clock is in doubt, or a file or the store cannot be written.
    pub async fn retire_issuer(
        &self,
        caller: &Caller,
        url: &str,
        confirmed: bool,
    ) -> Result<(Retired, u64), ServiceError> {
        let _one_at_a_time = self.trust.change().await;
        let at = self.base.time.trusted()?;
        let needs =
            self.list_issuers().await?.into_iter().find(|(issuer, _)| issuer.url == url && !issuer.current);
        let needs = needs.map(|(_, needs)| needs).unwrap_or_default();
        if needs != IssuerNeeds::default() && !confirmed {
            return Err(KeysError::IssuerNeeded(needs).into());
        }
        let ending = self.base.store.emergency_token().await?;
        let ends = ending.is_some_and(|token| token.mint.token.issuer == url);
        // The current URL cannot be retired, so the new token never names the retired one.
        let ends = ends && confirmed && self.trust.issuers().current() != url;
        let emergency = self.emergency.prepare(ends, &self.trust.ring(), at).await?;
        let successor = emergency.as_ref().map(|mint| mint.record.token.id);
        let entry =
            caller.did(Action::IssuerRetired, at).with("issuer", url).with("live_hosts", needs.live_hosts);
        let command = RetireIssuer { issuer: url.to_owned(), even_needed: confirmed, emergency, entry };
        let outcome = self.base.store.retire_issuer(command).await?;
        self.emergency.conclude(successor, outcome);
        match outcome {
            Retirement::Retired(retired) => {
                self.trust.reload(self.base.store.as_ref()).await?;
                Ok((retired, needs.live_hosts))
            }
            Retirement::Needed { tokens: live_persistent_tokens } => {
                Err(KeysError::IssuerNeeded(IssuerNeeds { live_persistent_tokens, ..needs }).into())
            }
            Retirement::InUse => Err(KeysError::IssuerInUse.into()),
            Retirement::Unknown => Err(RequestError::not_found("external URL", url).into()),
        }
    }
}
