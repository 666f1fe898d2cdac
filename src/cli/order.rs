//! Flags of the order and search of a list.

use clap::Args;

use super::flags::parameters;

/// Flags that sort a list, or search in it.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct OrderFlags {
    /// Sort by this value
    #[arg(long, value_name = "KEY", allow_hyphen_values = true)]
    sort: Option<String>,
    /// Only those that match this text
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
}

impl OrderFlags {
    /// The names of the flags, for clap.
    pub(crate) const NAMES: [&str; 2] = ["sort", "search"];

    /// The query parameters; empty without flags.
    pub(crate) fn query(&self) -> Vec<String> {
        let Self { sort, search } = self;
        parameters([("sort", sort), ("search", search)])
    }
}
