//! Passwords in forms. They are kept apart from the values that a refused form shows again.

use crate::dashboard::form::Values;
use crate::http::call::Call;
use crate::http::form::Form;
use crate::http::problem::Problem;
use crate::secret::Secret;

/// The fields that hold passwords.
const PASSWORDS: [&str; 3] = [CURRENT, NEW, AGAIN];
const CURRENT: &str = "current_password";
const NEW: &str = "password";
const AGAIN: &str = "again";

/// The passwords of a form.
pub(super) struct Passwords {
    /// The current password of the user that sends the form.
    pub(super) current: Option<Secret<String>>,
    new: Option<Secret<String>>,
    again: Option<Secret<String>>,
}

impl Passwords {
    /// The new password, which the form has twice.
    ///
    /// # Errors
    /// 400: they differ.
    pub(super) fn typed_twice(self) -> Result<Secret<String>, Problem> {
        let text = |secret: &Option<Secret<String>>| secret.as_ref().map(|secret| secret.expose().clone());
        match text(&self.new) == text(&self.again) {
            true => Ok(self.new.unwrap_or_default()),
            false => Err(Problem::bad_request("the new passwords differ: type the same one twice")),
        }
    }
}

/// The form of a request, with its passwords apart.
pub(super) fn form(call: &Call) -> Result<(Values, Passwords), Problem> {
    let form = Form::parse(&call.body)?;
    let secret = |name: &str| form.get(name).map(|text| Secret::new(text.to_owned()));
    let passwords = Passwords { current: secret(CURRENT), new: secret(NEW), again: secret(AGAIN) };
    let mut pairs = form.into_pairs();
    pairs.retain(|(name, _)| !PASSWORDS.contains(&name.as_str()));
    Ok((Values::of(pairs), passwords))
}
