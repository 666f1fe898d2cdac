//! Opens pages of the dashboard again and again, and prints the processor time that the server took for one.
//!
//! ```sh
//! GATEPASS_PASSWORD=… cargo run --release --example dashboard -- --server https://localhost:8443 --ca full/root.pem --pid "$(pidof gatepass)"
//! ```

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use clap::Parser;
use gatepass::client::ca_file::read_certificates;
use gatepass::config::Environment;
use gatepass::connect::{Connector, Trust};
use gatepass::text::percent_encoded;
use http::header::{ACCEPT, CONTENT_TYPE, COOKIE, ORIGIN, SET_COOKIE};
use http::{HeaderName, HeaderValue, Method};

/// Pages whose cost is printed, unless others are given.
const PAGES: [&str; 8] = [
    "/",
    "/tokens",
    "/tokens?sort=expires",
    "/tokens?search=rack",
    "/hosts",
    "/hosts?sort=-last_seen",
    "/add-host",
    "/account",
];

/// Open pages of the dashboard and print the processor time of the server for one
#[derive(Parser)]
#[command(
    name = "dashboard",
    after_long_help = "The password comes from GATEPASS_PASSWORD.

Example:
  dashboard --server https://localhost:8443 --ca full/root.pem --pid 4711"
)]
struct Dashboard {
    /// URL of the server
    #[arg(long, value_name = "URL")]
    server: String,
    /// The authority's root certificate, PEM
    #[arg(long, value_name = "FILE")]
    ca: PathBuf,
    /// Process id of the server on this machine
    #[arg(long, value_name = "PID")]
    pid: u32,
    /// User name
    #[arg(long, default_value = "admin", value_name = "NAME")]
    user: String,
    /// Number of requests for each page in a round; the median of five rounds counts
    #[arg(long, default_value_t = 200, value_name = "N")]
    requests: u32,
    /// Pages to open
    #[arg(value_name = "PATH")]
    pages: Vec<String>,
}

impl Dashboard {
    /// The header with the session cookie of the user.
    async fn sign_in(&self, connector: &Connector) -> Result<(HeaderName, HeaderValue), Box<dyn Error>> {
        let environment = Environment::of_process();
        let password = environment.get("GATEPASS_PASSWORD").ok_or("set GATEPASS_PASSWORD")?;
        let form = format!("username={}&password={}", percent_encoded(&self.user), percent_encoded(password));
        let headers = [
            (ORIGIN, HeaderValue::from_str(&self.server)?),
            (CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded")),
        ];
        let said = connector.request(Method::POST, "/sign-in", &headers, Some(form.into())).await?;
        let cookie =
            said.headers.get(SET_COOKIE).ok_or("the server did not accept user name and password")?;
        let cookie = cookie.to_str()?.split(';').next().unwrap_or_default();
        Ok((COOKIE, HeaderValue::from_str(cookie)?))
    }

    /// Milliseconds of processor time for one request in each round, sorted, and the length of the page.
    async fn measure(
        &self,
        connector: &Connector,
        cookie: &(HeaderName, HeaderValue),
        page: &str,
    ) -> Result<(Vec<f64>, usize), Box<dyn Error>> {
        let headers = [cookie.clone(), (ACCEPT, HeaderValue::from_static("text/html"))];
        let (mut rounds, mut length) = (Vec::new(), 0);
        for _ in 0..5 {
            let before = ticks(self.pid)?;
            for _ in 0..self.requests {
                let said = connector.request(Method::GET, page, &headers, None).await?;
                if said.status != http::StatusCode::OK {
                    return Err(format!("{page} answers {}", said.status).into());
                }
                length = said.body.len();
            }
            // The kernel counts in hundredths of a second.
            rounds.push((ticks(self.pid)? - before) as f64 * 10.0 / f64::from(self.requests));
        }
        rounds.sort_by(f64::total_cmp);
        Ok((rounds, length))
    }
}

/// The processor time of a process: user and system, in ticks (proc(5), fields 14 and 15 of `stat`).
fn ticks(pid: u32) -> Result<u64, Box<dyn Error>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let fields = stat.rsplit_once(')').ok_or("an unknown form of /proc/PID/stat")?.1.split_whitespace();
    let times = fields.skip(11).take(2).map(str::parse::<u64>).collect::<Result<Vec<_>, _>>()?;
    Ok(times.iter().sum())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let dashboard = Dashboard::parse();
    let connector = Connector::new(&dashboard.server, Trust::Roots(read_certificates(&dashboard.ca)?), None)?;
    let cookie = dashboard.sign_in(&connector).await?;
    let default = || PAGES.map(str::to_owned).to_vec();
    let pages = if dashboard.pages.is_empty() { default() } else { dashboard.pages.clone() };
    println!("{:<28} {:>10} {:>10} {:>10}", "page", "bytes", "median ms", "most ms");
    for page in pages {
        let (rounds, length) = dashboard.measure(&connector, &cookie, &page).await?;
        println!("{page:<28} {length:>10} {:>10.2} {:>10.2}", rounds[2], rounds[4]);
    }
    Ok(())
}
