//! The one reader of the process's environment variables.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;

use zeroize::Zeroizing;

/// Variables of the user, the terminal and the service manager, besides gatepass's own.
const OTHERS: [&str; 6] =
    ["CREDENTIALS_DIRECTORY", "HOME", "NOTIFY_SOCKET", "NO_COLOR", "TERM", "XDG_CONFIG_HOME"];

/// Variables for the way to a server: proxies, and certificates to check it with.
const NETWORK: [&str; 8] = [
    "ALL_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "all_proxy",
    "https_proxy",
    "no_proxy",
];

/// Variables that commands of the operator may see. None of them holds a secret.
const FOR_HOOKS: [&str; 10] =
    ["HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "SHELL", "TMPDIR", "TZ", "USER", "XDG_RUNTIME_DIR"];

/// The variables that gatepass looks at: its own (`GATEPASS_…`), the place of the user's configuration, those of the
/// service manager, proxies and roots.
///
/// Some of them hold secrets, so it has no `Debug`, and its memory is overwritten when it goes.
#[derive(Default)]
pub struct Environment(BTreeMap<String, Zeroizing<Vec<u8>>>);

impl Environment {
    /// The environment of this process.
    pub fn of_process() -> Self {
        // `vars` panics at any variable that is not Unicode.
        let vars = std::env::vars_os();
        Self::from_pairs(vars.filter_map(|(name, value)| Some((name.into_string().ok()?, value))))
    }

    /// An environment of these variables, those that gatepass does not look at left out.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (impl Into<String>, impl Into<OsString>)>) -> Self {
        let pairs =
            pairs.into_iter().map(|(name, value)| (name.into(), Zeroizing::new(value.into().into_vec())));
        Self(
            pairs
                .filter(|(name, _)| {
                    let name = name.as_str();
                    name.starts_with("GATEPASS_")
                        || [&OTHERS[..], &NETWORK, &FOR_HOOKS].concat().contains(&name)
                })
                .collect(),
        )
    }

    /// The value of a variable. One that is empty or not Unicode counts as not set.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.raw(name)?.to_str()
    }

    /// The value of a variable that holds a path. It may be any bytes; an empty one counts as not set.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.raw(name).map(PathBuf::from)
    }

    fn raw(&self, name: &str) -> Option<&OsStr> {
        self.0.get(name).filter(|value| !value.is_empty()).map(|value| OsStr::from_bytes(value))
    }

    /// Returns whether a variable is set but empty or not Unicode, which `get` does not show.
    pub fn is_empty(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|value| std::str::from_utf8(value).unwrap_or_default().trim().is_empty())
    }

    /// The directory of this user's configuration: `$XDG_CONFIG_HOME`, otherwise `$HOME/.config`.
    pub fn config_home(&self) -> Option<PathBuf> {
        let xdg = self.path("XDG_CONFIG_HOME").filter(|path| path.is_absolute());
        xdg.or_else(|| Some(self.path("HOME")?.join(".config")))
    }

    /// The variables for the way to a server that are set.
    pub fn for_network(&self) -> impl Iterator<Item = (&'static str, &str)> {
        NETWORK.into_iter().filter_map(|name| Some((name, self.get(name)?)))
    }

    /// The variables that a command of the operator may see: a list, so that no secret of this process gets there.
    pub fn for_hooks(&self) -> Vec<(OsString, OsString)> {
        let set = FOR_HOOKS.iter().filter_map(|name| Some((name.into(), self.raw(name)?.to_owned())));
        set.collect()
    }

    /// The variables that set a field: `GATEPASS_<SECTION>__<KEY>`.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&str, &OsStr)> {
        let all = self.0.iter().filter(|(name, _)| name.starts_with("GATEPASS_") && name.contains("__"));
        all.map(|(name, value)| (name.as_str(), OsStr::from_bytes(value)))
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
    fn a_path_may_be_any_bytes() {
        let environment = Environment::from_pairs([("HOME", OsString::from_vec(b"/h\xe4".to_vec()))]);
        assert_eq!(environment.get("HOME"), None);
        assert_eq!(environment.path("HOME").unwrap().as_os_str().as_bytes(), b"/h\xe4");
        assert_eq!(environment.config_home().unwrap().as_os_str().as_bytes(), b"/h\xe4/.config");
        assert_eq!(environment.for_hooks()[0].1.as_bytes(), b"/h\xe4");
    }

    #[test]
    fn an_empty_variable_counts_as_not_set() {
        let environment = Environment::from_pairs([("GATEPASS_TOKEN", "")]);
        assert_eq!(environment.get("GATEPASS_TOKEN"), None);
        assert!(environment.is_empty("GATEPASS_TOKEN") && !environment.is_empty("GATEPASS_USER"));
    }
}
