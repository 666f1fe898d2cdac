//! `gatepass bench list`.

use std::time::{Duration, Instant};

use clap::Args;
use serde_json::{Value, json};

use crate::cli::error::CliError;
use crate::cli::output::{self, Format, line};
use crate::cli::remote::Remote;
use crate::client::api::{Api, encode};
use crate::config::Environment;

/// Read the list of tokens page after page, and say how long the pages took
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass bench list --data-dir full
  gatepass bench list --data-dir full --query label=nowhere     a filter that nothing passes")]
pub(crate) struct List {
    #[command(flatten)]
    remote: Remote,
    /// Filters of the list, as its query has them
    #[arg(long, value_name = "QUERY")]
    query: Option<String>,
    /// Items of a page
    #[arg(long, default_value_t = 100, value_name = "N")]
    limit: u32,
    /// Stop after so many pages
    #[arg(long, default_value_t = usize::MAX, hide_default_value = true, value_name = "N")]
    pages: usize,
}

impl List {
    pub(super) async fn run(self, environment: &Environment) -> Result<(), CliError> {
        let api = self.remote.connect(environment)?;
        // The sign-in is no part of any page.
        api.get("/api/v1/clock").await?;
        let (times, items) = self.read(&api).await?;
        let summary = summary(&times, items);
        match self.remote.output {
            Format::Json => output::json(&summary),
            Format::Table => line(format!(
                "{} items in {} pages; milliseconds: first {}, median {}, p99 {}, most {}, last {}",
                summary["items"],
                summary["pages"],
                summary["first"],
                summary["median"],
                summary["p99"],
                summary["most"],
                summary["last"]
            )),
        }
    }

    async fn read(&self, api: &Api) -> Result<(Vec<Duration>, usize), CliError> {
        let filter = self.query.as_deref().map_or_else(String::new, |query| format!("&{query}"));
        let path = format!("/api/v1/enrollment-tokens?ended=true&limit={}{filter}", self.limit);
        let (mut times, mut items, mut cursor) = (Vec::new(), 0, String::new());
        while times.len() < self.pages {
            let began = Instant::now();
            let page = api.get(&format!("{path}{cursor}")).await?;
            times.push(began.elapsed());
            items += page["items"].as_array().map_or(0, Vec::len);
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={}", encode(next)),
                None => break,
            }
        }
        Ok((times, items))
    }
}

/// Times in milliseconds, to the microsecond.
fn summary(times: &[Duration], items: usize) -> Value {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let millis = |time: Option<&Duration>| time.map(|time| time.as_micros() as f64 / 1000.0);
    let at = |percent: usize| {
        millis(sorted.get((sorted.len() * percent / 100).min(sorted.len().saturating_sub(1))))
    };
    json!({
        "items": items, "pages": times.len(), "first": millis(times.first()), "last": millis(times.last()),
        "median": at(50), "p99": at(99), "most": millis(sorted.last()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_are_told_in_their_order_and_by_their_rank() {
        let times: Vec<_> = (1..=100).rev().map(Duration::from_millis).collect();
        let said = summary(&times, 7);
        assert_eq!((&said["first"], &said["last"]), (&json!(100.0), &json!(1.0)));
        assert_eq!(
            (&said["median"], &said["p99"], &said["most"]),
            (&json!(51.0), &json!(100.0), &json!(100.0))
        );
        assert_eq!((&said["pages"], &said["items"]), (&json!(100), &json!(7)));
        assert_eq!(summary(&[], 0)["median"], Value::Null);
    }
}
