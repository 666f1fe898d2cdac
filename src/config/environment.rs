//! The one reader of the process's environment variables.

use std::collections::BTreeMap;
use std::path::PathBuf;

use zeroize::Zeroizing;

/// The variables that gatepass looks at: its own (`GATEPASS_…`) and where people keep their configuration.
///
/// Some of them hold secrets, so it has no `Debug`, and its memory is overwritten when it goes.
#[derive(Default)]
pub struct Environment(BTreeMap<String, Zeroizing<String>>);

impl Environment {
    /// The environment of this process. A variable that is not Unicode counts as an empty one.
    pub fn of_process() -> Self {
        // `vars` panics at any variable that is not Unicode.
        let vars = std::env::vars_os();
        Self::from_pairs(vars.filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().unwrap_or_default()))
        }))
    }

    /// An environment of these variables, those that gatepass does not look at left out.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>) -> Self {
        let pairs = pairs.into_iter().map(|(name, value)| (name.into(), Zeroizing::new(value.into())));
        Self(
            pairs
                .filter(|(name, _)| {
                    name.starts_with("GATEPASS_") || name == "XDG_CONFIG_HOME" || name == "HOME"
                })
                .collect(),
        )
    }

    /// The value of a variable; an empty one counts as not set.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.as_str()).filter(|value| !value.is_empty())
    }

    /// Returns whether a variable is set but empty, which `get` does not show.
    pub fn is_empty(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|value| value.trim().is_empty())
    }

    /// The directory of this user's configuration: `$XDG_CONFIG_HOME`, otherwise `$HOME/.config`.
    pub fn config_home(&self) -> Option<PathBuf> {
        let xdg = self.get("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        xdg.or_else(|| Some(PathBuf::from(self.get("HOME")?).join(".config")))
    }

    /// The variables that set a field: `GATEPASS_<SECTION>__<KEY>`.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.0.iter().filter(|(name, _)| name.starts_with("GATEPASS_") && name.contains("__"));
        all.map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_variables_that_concern_gatepass_are_kept() {
        let environment =
            Environment::from_pairs([("GATEPASS_SERVER", "https://a"), ("AWS_SECRET", "x"), ("HOME", "/h")]);
        assert_eq!(environment.get("GATEPASS_SERVER"), Some("https://a"));
        assert_eq!(environment.get("AWS_SECRET"), None);
        assert_eq!(environment.config_home(), Some(PathBuf::from("/h/.config")));
    }

    #[test]
    fn an_empty_variable_counts_as_not_set() {
        let environment = Environment::from_pairs([("GATEPASS_TOKEN", "")]);
        assert_eq!(environment.get("GATEPASS_TOKEN"), None);
        assert!(environment.is_empty("GATEPASS_TOKEN") && !environment.is_empty("GATEPASS_USER"));
    }
}
