//! The groups of operations.

use serde_json::{Value, json};

macro_rules! tags {
    ($($tag:ident = $name:literal, $description:literal;)*) => {
        $(#[doc = $description] pub(in crate::http) const $tag: &str = $name;)*

        /// Every tag with its description.
        pub(super) fn all() -> Value {
            json!([$({ "name": $name, "description": $description }),*])
        }
    };
}

tags! {
    TOKENS = "enrollment tokens", "Mint, list, show and revoke the tokens that hosts redeem.";
    SERVICE_TOKENS = "service tokens", "Tokens with roles for one other service.";
    HOSTS = "hosts", "Enrolled machines, for operators.";
    ENROLLING = "enrolling", "The host's side: redeem a token, renew the certificate, check in, get access tokens, leave.";
    ASKING = "asking about tokens", "For services without offline verification, and for proxies.";
    PUBLISHED = "published", "Public documents: keys, CA certificates, revocations. Prepared in advance, tagged, compressed.";
    RULES = "auto-approve rules", "The hosts that are admitted without a person.";
    POLICIES = "policies", "The roles, certificates and settings of hosts.";
    OUTPUTS = "outputs", "The destinations to which hosts send their data, with their credentials.";
    SESSION = "session", "Sign in, sign out, show the session.";
    USERS = "users", "Users with their roles and limits.";
    API_KEYS = "api keys", "Credentials of programs, with scopes and limits.";
    KEYS = "signing keys", "The keys that sign tokens and status lists.";
    AUTHORITY = "authority", "The CA, the external URLs, the clock, the catalogue of roles, the settings.";
    LEDGER = "ledger", "The hash-chained log of every decision.";
    OPERATION = "operation", "Health, metrics, this document.";
    ROLES_TOKENS = "roles tokens", "Elastic Cloud Enterprise's enrollment tokens.";
    FLEET_TOKENS = "enrollment API keys", "Elastic Fleet's enrollment tokens.";
    AGENT_POLICIES = "agent policies", "Policies, in the words of Elastic Fleet.";
    KIBANA_STATUS = "status", "The state that Kibana's clients ask for.";
    ECE_SIGN_IN = "sign-in", "The sign-in of Elastic Cloud Enterprise's clients.";
}
