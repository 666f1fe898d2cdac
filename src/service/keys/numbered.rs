//! The files of numbered keys: `fleet-1.key`, `seal-1.key`. Each key is a file in the vault, and a row in the store.
//!
//! The file is on disk before the row, and its name in a list before that. After a crash, the next start destroys the file of
//! a listed key without a row. A retired key's file is destroyed after its row changed, at the latest at the next start.

use crate::secret::Secret;
use crate::service::ServiceError;
use crate::service::vault::{Vault, VaultError};

/// The number of the first key.
const FIRST: u32 = 1;

/// The files of the keys of one use.
pub(super) struct NumberedFiles {
    /// The use, as `keys list` names it.
    pub(super) usage: &'static str,
    /// Makes the text of a new key.
    pub(super) generate: fn() -> Secret<String>,
}

impl NumberedFiles {
    /// The name of a key's file.
    pub(super) fn name(&self, number: u32) -> String {
        format!("{}-{number}.key", self.usage)
    }

    /// The name of the list with the key that is being made.
    fn next(&self) -> String {
        format!("{}.next.json", self.usage)
    }

    /// The number of the key with this file.
    fn number(&self, name: &str) -> Option<u32> {
        let digits = name.strip_prefix(self.usage)?.strip_prefix('-')?.strip_suffix(".key")?;
        digits.parse().ok().filter(|number| self.name(*number) == name)
    }

    /// Writes the file of the first key, unless an earlier try has.
    pub(super) fn make_first(&self, vault: &Vault) -> Result<(), VaultError> {
        match vault.holds(&self.name(FIRST)) {
            true => Ok(()),
            false => self.make(vault, FIRST),
        }
    }

    fn make(&self, vault: &Vault, number: u32) -> Result<(), VaultError> {
        vault.save(&self.name(number), &(self.generate)())
    }

    /// Lists the number of a new key, and writes its file.
    pub(super) fn make_next(&self, vault: &Vault, number: u32) -> Result<(), VaultError> {
        vault.save_json(&self.next(), &[number])?;
        self.make(vault, number)
    }

    /// Destroys the files of retired keys, and that of a listed key that is not `live`. Then it ends the list. Any other
    /// unknown key is left alone: it may belong to a newer database.
    pub(super) fn destroy_retired(&self, vault: &Vault, live: &[u32]) -> Result<(), ServiceError> {
        let Some(newest) = live.iter().max() else { return Ok(()) };
        let listed = match vault.holds(&self.next()) {
            true => vault.load_json::<Vec<u32>>(&self.next())?,
            false => Vec::new(),
        };
        let names = vault.names()?;
        let earlier = names.iter().filter_map(|name| self.number(name)).filter(|number| number < newest);
        for number in earlier.chain(listed).filter(|number| !live.contains(number)) {
            vault.destroy(&self.name(number))?;
        }
        Ok(vault.remove(&self.next())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: NumberedFiles = NumberedFiles { usage: "x", generate: || Secret::new("text".to_owned()) };

    #[test]
    fn only_the_files_of_retired_keys_are_destroyed() {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::open(&dir.path().join("keys")).unwrap();
        (1..=4).try_for_each(|number| FILES.make(&vault, number)).unwrap();
        for other in ["token-x.pem", "x-01.key", "xx-1.key"] {
            vault.save(other, &(FILES.generate)()).unwrap();
        }
        let left = || {
            FILES.destroy_retired(&vault, &[2, 3]).unwrap();
            let mut names = vault.names().unwrap();
            names.sort_unstable();
            names
        };
        let others = ["token-x.pem", "x-01.key"];
        assert_eq!(left(), [&others[..], &["x-2.key", "x-3.key", "x-4.key", "xx-1.key"]].concat());
        vault.save_json("x.next.json", &[3, 4]).unwrap();
        let kept = [&others[..], &["x-2.key", "x-3.key", "xx-1.key"]].concat();
        assert_eq!(left(), kept, "a crash left the fourth");
    }
}
