//! The nouns that operations are grouped by.

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
    TOKENS = "enrollment tokens", "Mint, list, show and take back the tokens that hosts redeem.";
    SERVICE_TOKENS = "service tokens", "Tokens that carry roles to the door of one other service.";
    HOSTS = "hosts", "Enrolled machines, as operators see them.";
    ENROLLING = "enrolling", "What a host does: redeem a token, renew its certificate, leave.";
    ASKING = "asking about tokens", "For services that cannot verify by themselves, and for proxies.";
    PUBLISHED = "published", "What anyone may fetch: keys, CA certificates, revocations. Made ahead, tagged, compressed.";
    SESSION = "session", "Signing in and out, and who one is.";
    USERS = "users", "Who may sign in, and what for.";
    API_KEYS = "api keys", "Credentials of programs, with scopes and limits.";
    KEYS = "signing keys", "The keys that sign tokens and status lists.";
    AUTHORITY = "authority", "The CA, the external URLs, the clock, the catalogue of roles, the settings.";
    LEDGER = "ledger", "The hash-chained log of every decision.";
    OPERATION = "operation", "Health, metrics, this document.";
}
