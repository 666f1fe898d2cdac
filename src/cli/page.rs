//! Links to pages of the dashboard.

use serde_json::{Value, json};

use crate::token::UnverifiedToken;

/// The URL of a page at the server that a token names, **unverified**. A token in another form names none.
pub(super) fn link(token: &str, path: &str) -> Option<String> {
    let grant = UnverifiedToken::parse(token.trim()).ok()?.unverified_grant().ok()?;
    Some(format!("{}{path}", grant.token.issuer))
}

/// Adds the URL of an enrollment token's page to the answer that has its id.
pub(super) fn add_link(answer: &mut Value, token: &str) {
    let path = answer["token_id"].as_str().map(|id| format!("/tokens/{id}"));
    if let Some(page) = path.and_then(|path| link(token, &path)) {
        answer["page"] = json!(page);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_in_another_form_has_no_page() {
        for token in ["", "eyJ.a.b", "MDEyMzQ1Njc4OQ=="] {
            assert_eq!(link(token, "/approvals/1"), None, "{token}");
            let mut answer = json!({ "token_id": "1" });
            add_link(&mut answer, token);
            assert_eq!(answer, json!({ "token_id": "1" }));
        }
    }
}
