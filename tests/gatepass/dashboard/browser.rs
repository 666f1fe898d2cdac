//! A browser without script. It keeps the session cookie, and sends forms as a page of the site does.

use gatepass::text::percent_encoded;
use http::header::{ACCEPT, COOKIE, ORIGIN};

use crate::support::authority::PASSWORD;
use crate::support::client::Client;
use crate::support::{Running, Said};

/// A browser in which a user is signed in.
pub(crate) struct Browser {
    client: Client,
    cookie: String,
}

impl Browser {
    /// Signs in as the admin.
    pub(crate) async fn admin(at: &Running) -> Self {
        Self::sign_in(at, "admin", PASSWORD).await
    }

    /// Signs in with the form.
    pub(crate) async fn sign_in(at: &Running, user: &str, password: &str) -> Self {
        let client = at.stranger().header(ORIGIN, &at.url).header(ACCEPT, "text/html");
        let form = encoded([("username", user), ("password", password)]);
        let said = client.post_form("/sign-in", form).await;
        assert_eq!(said.status, 303, "{}", said.text);
        let cookie = said.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap();
        Self { client: client.header(COOKIE, cookie), cookie: cookie.to_owned() }
    }

    /// Opens a page. A redirect is not followed.
    pub(crate) async fn get(&self, path: &str) -> Said {
        self.client.get(path).await
    }

    /// Opens `page`, and sends its form to `action` with the form's hidden fields and these.
    pub(crate) async fn submit(&self, page: &str, action: &str, fields: &[(&str, &str)]) -> Said {
        let shown = self.get(page).await;
        assert_eq!(shown.status, 200, "{}", shown.text);
        let hidden = hidden_fields(&shown.text, action);
        let hidden = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        self.client.post_form(action, encoded(hidden.chain(fields.iter().copied()))).await
    }

    /// Sends a form made by hand, with the CSRF token of the session.
    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Said {
        let account = self.get("/account").await;
        let hidden = hidden_fields(&account.text, "/sign-out");
        let (name, token) = hidden.iter().find(|(name, _)| name == "csrf_token").expect("a CSRF token");
        let fields = fields.iter().copied().chain([(name.as_str(), token.as_str())]);
        self.client.post_form(path, encoded(fields)).await
    }

    /// The hidden fields of the form on `page` that is sent to `action`.
    pub(crate) async fn hidden(&self, page: &str, action: &str) -> Vec<(String, String)> {
        hidden_fields(&self.get(page).await.text, action)
    }

    /// The session cookie, for requests that this browser would not send.
    pub(crate) fn cookie(&self) -> &str {
        &self.cookie
    }

    /// Sends a form made by hand, with these fields alone.
    pub(crate) async fn post_bare(&self, path: &str, fields: &[(&str, &str)]) -> Said {
        self.client.post_form(path, encoded(fields.iter().copied())).await
    }
}

/// The fields as the body of a form.
fn encoded<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let pairs = fields.into_iter().map(|(name, value)| {
        let (name, value) = (percent_encoded(name), percent_encoded(value));
        format!("{name}={value}")
    });
    pairs.collect::<Vec<_>>().join("&")
}

/// The hidden fields of the form that is sent to `action`.
pub(super) fn hidden_fields(page: &str, action: &str) -> Vec<(String, String)> {
    let begin = format!("method=\"post\" action=\"{action}\"");
    let form = page.split_once(&begin).unwrap_or_else(|| panic!("no form for {action}: {page}")).1;
    let form = form.split("</form>").next().unwrap();
    let inputs = form.split("<input").skip(1).map(|input| input.split('>').next().unwrap());
    let hidden = inputs.filter(|input| input.contains("type=\"hidden\""));
    hidden.map(|input| (attribute(input, "name"), attribute(input, "value"))).collect()
}

/// The value of an attribute, without the escapes of askama.
fn attribute(tag: &str, name: &str) -> String {
    let value = tag.split_once(&format!(" {name}=\"")).map_or("", |(_, rest)| rest);
    unescaped(value.split('"').next().unwrap())
}

/// The text without the escapes of askama.
pub(super) fn unescaped(text: &str) -> String {
    let escapes = [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&")];
    escapes.iter().fold(text.to_owned(), |text, (escape, plain)| text.replace(escape, plain))
}
