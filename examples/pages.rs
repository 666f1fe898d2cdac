//! Reads the list of tokens or hosts page by page and prints the time that the pages took.
//!
//! ```sh
//! GATEPASS_PASSWORD=… cargo run --release --example pages -- --server https://localhost:8443 --ca root.pem
//! ```

use std::error::Error;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Parser;
use gatepass::client::api::{Api, Credential};
use gatepass::client::ca_file::read_certificates;
use gatepass::config::Environment;
use gatepass::connect::{Connector, Trust};
use gatepass::secret::Secret;
use gatepass::text::percent_encoded;

/// Read the list of tokens or hosts page by page and print the time that the pages took
#[derive(Parser)]
#[command(
    name = "pages",
    after_long_help = "The password comes from GATEPASS_PASSWORD.

Examples:
  pages --server https://localhost:8443 --ca full/root.pem
  pages --server https://localhost:8443 --ca full/root.pem --query label=nowhere     a filter without a match
  pages --server https://localhost:8443 --ca full/root.pem --list hosts --query sort=name"
)]
struct Pages {
    /// URL of the server
    #[arg(long, value_name = "URL")]
    server: String,
    /// The authority's root certificate, PEM
    #[arg(long, value_name = "FILE")]
    ca: PathBuf,
    /// User name
    #[arg(long, default_value = "admin", value_name = "NAME")]
    user: String,
    /// The list: enrollment-tokens or hosts
    #[arg(long, default_value = "enrollment-tokens", value_name = "LIST")]
    list: String,
    /// Filters and order, as a query string
    #[arg(long, value_name = "QUERY")]
    query: Option<String>,
    /// Items per page
    #[arg(long, default_value_t = 100, value_name = "N")]
    limit: u32,
    /// Maximum number of pages
    #[arg(long, default_value_t = usize::MAX, hide_default_value = true, value_name = "N")]
    pages: usize,
}

impl Pages {
    fn api(&self) -> Result<Api, Box<dyn Error>> {
        let trust = Trust::Roots(read_certificates(&self.ca)?);
        let environment = Environment::of_process();
        let password = environment.get("GATEPASS_PASSWORD").ok_or("set GATEPASS_PASSWORD")?;
        let credential =
            Credential::Basic { user: self.user.clone(), password: Secret::new(password.to_owned()) };
        Ok(Api::new(Connector::new(&self.server, trust, None)?, credential))
    }

    /// The time of each page, and the number of items.
    async fn read(&self, api: &Api) -> Result<(Vec<Duration>, usize), Box<dyn Error>> {
        let filter = self.query.as_deref().map_or_else(String::new, |query| format!("&{query}"));
        let ended = if self.list == "enrollment-tokens" { "ended=true&" } else { "" };
        let path = format!("/api/v1/{}?{ended}limit={}{filter}", self.list, self.limit);
        let (mut times, mut items, mut cursor) = (Vec::new(), 0, String::new());
        while times.len() < self.pages {
            let began = Instant::now();
            let page = api.get(&format!("{path}{cursor}")).await?;
            times.push(began.elapsed());
            items += page["items"].as_array().map_or(0, Vec::len);
            match page["next"].as_str() {
                Some(next) => cursor = format!("&cursor={}", percent_encoded(next)),
                None => break,
            }
        }
        Ok((times, items))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let pages = Pages::parse();
    let api = pages.api()?;
    // Signs in before the first page is timed.
    api.get("/api/v1/clock").await?;
    let (times, items) = pages.read(&api).await?;
    println!("{}", summary(&times, items));
    Ok(())
}

fn summary(times: &[Duration], items: usize) -> String {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let millis = |time: Option<&Duration>| time.map_or(0.0, |time| time.as_micros() as f64 / 1000.0);
    let at = |percent: usize| {
        millis(sorted.get((sorted.len() * percent / 100).min(sorted.len().saturating_sub(1))))
    };
    format!(
        "{items} items in {} pages; milliseconds: first {}, median {}, p99 {}, most {}, last {}",
        times.len(),
        millis(times.first()),
        at(50),
        at(99),
        millis(sorted.last()),
        millis(times.last())
    )
}
