//! `gatepass renew`: a new certificate for this host, once or repeatedly.

mod daemon;

use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use super::enroll::{ROWS, note_fresh};
use super::error::CliError;
use super::notify::ServiceManager;
use super::output::{self, Format, one};
use super::remote::network;
use super::signals;
use crate::client::daemon::PolicyOut;
use crate::client::first_use::{Fresh, first_use};
use crate::client::hook::{Hook, Hooks, PolicyFlags, Variables};
use crate::client::host::ThisHost;
use crate::client::policy_file::PolicyFile;
use crate::client::renew::Renewed;
use crate::client::renewal::{Occasion, OwedHook, renew_if_due, renew_now};
use crate::clock::{Clock as _, SystemClock};
use crate::config::Environment;

/// Renew this host's certificate
///
/// It asks the servers in host.json until one leads to the authority, and stores the authority's current URL.
/// With --daemon it keeps running and renews at two thirds of each certificate's lifetime, or at the renewal point of its
/// policy, with jitter. After a failure it retries with growing pauses, or when the server asks for it. SIGHUP makes it read
/// the identity again, check in and try a renewal that is due.
///
/// The daemon checks in every five minutes, or as the server asks. It reports its version and whether renewals and hooks
/// succeed. It renews at once if the server asks for it, and writes the policy of the host to --policy-out.
///
/// Hooks make services read the new files. A hook that fails, or that a crash or a stop cuts off, is owed. The daemon runs it
/// again with growing pauses. So does the next `gatepass renew` with the same flags.
#[derive(Args)]
#[command(after_long_help = "Examples:
  gatepass renew
  gatepass renew --daemon --reload-unit nginx.service
  gatepass renew --daemon --on-renew 'haproxy-reload' --hook-timeout 5m
  gatepass renew --daemon --signal HUP --pid-file /run/nginx.pid
  gatepass renew --daemon --policy-out /etc/app/policy.json --policy-hook 'systemctl reload app'
  17 * * * *  gatepass renew --if-due --reload-unit postfix      a line for cron; it prints nothing if nothing is due

A hook sees PATH, HOME, USER, LOGNAME, SHELL, LANG, LC_ALL, TZ, TMPDIR and XDG_RUNTIME_DIR, and the absolute path of the directory \
in GATEPASS_CERT_DIR, or for --policy-hook the file in GATEPASS_POLICY_FILE. It runs in a process group of its own, which ends at the time limit and when gatepass stops.

Exit codes: 0 renewed, nothing due, or stopped by a signal; 1 refused (revoked, expired), or failed, or the hook failed; 2 usage; 75 \
try again later (the server was not reached or is busy); 77 the daemon ended because its host is revoked: do not start it again")]
pub(crate) struct RenewCommand {
    #[command(flatten)]
    host: ThisHost,
    /// Keep running and renew each certificate in time
    #[arg(long, conflicts_with = "if_due")]
    daemon: bool,
    /// Renew only if it is due, and run the hook only if it is owed, for cron and timers
    #[arg(long)]
    if_due: bool,
    #[command(flatten)]
    hooks: Hooks,
    #[command(flatten)]
    policy: PolicyFlags,
    /// Output format
    #[arg(short = 'o', long = "output", value_enum, default_value_t, value_name = "FORMAT")]
    output: Format,
}

impl RenewCommand {
    /// Runs the command.
    pub(crate) async fn run(mut self, environment: &Environment) -> Result<(), CliError> {
        self.host.network = network(environment);
        let variables = Variables(environment.for_hooks());
        if self.policy.policy_out.is_some() && !self.daemon {
            let why = "--policy-out is for --daemon: only the daemon checks in";
            return Err(CliError::Usage(why.to_owned()));
        }
        let policy = policy_out(self.policy, self.hooks.reload.hook_timeout, variables.clone())?;
        let hook = Hook::after_renewal(self.hooks, &self.host.cert_dir, variables);
        match self.daemon {
            true => daemon::run(self.host, (hook, policy), &ServiceManager::of(environment)).await,
            false => once(&self.host, hook.as_ref(), self.if_due, self.output).await,
        }
    }
}

/// The file of the policy, and its hook.
fn policy_out(
    flags: PolicyFlags,
    hook_timeout: Duration,
    variables: Variables,
) -> Result<Option<PolicyOut>, CliError> {
    let PolicyFlags { policy_out, policy_hook } = flags;
    let Some(path) = policy_out else { return Ok(None) };
    let file = PolicyFile::new(&path).map_err(CliError::of_host)?;
    let hook = Hook::after_policy(policy_hook, hook_timeout, &path, variables);
    Ok(Some(PolicyOut { file, hook }))
}

/// Renews once, and runs the hook.
async fn once(host: &ThisHost, hook: Option<&Hook>, if_due: bool, format: Format) -> Result<(), CliError> {
    let begin = |hook| OwedHook::begin(hook, &host.cert_dir, Occasion::Certificate);
    let owed = hook.map(begin).transpose().map_err(CliError::of_host)?;
    let now = SystemClock.read();
    let renewed = match if_due {
        true => renew_if_due(host, now).await,
        false => renew_now(host, now).await.map(Some),
    };
    // A hook of an earlier renewal is owed even if the server is not reached.
    let shown = match renewed {
        Ok(Some(renewed)) => show(host, renewed, format).await,
        Ok(None) => not_due(host, format),
        Err(error) => Err(CliError::of_host(error)),
    };
    let Some(owed) = owed.filter(OwedHook::is_owed) else { return shown };
    let ran = owed.run(SystemClock::now(), signals::shutdown()?).await;
    let again = |why| {
        CliError::Unsound(format!("{why}; the hook is owed: the next `gatepass renew` with it runs it again"))
    };
    shown.and(ran.map_err(again))
}

/// Presents the new certificate to the server, and prints what changed.
async fn show(host: &ThisHost, renewed: Renewed, format: Format) -> Result<(), CliError> {
    let Renewed { host: file, serial, replaced, name_withdrawn } = renewed;
    let fresh = match first_use(host, SystemClock::now()).await {
        Ok((host, _)) => Fresh { host, name_withdrawn, replaced: None, unseen: None },
        Err(error) => Fresh { host: file, name_withdrawn, replaced: None, unseen: Some(error) },
    };
    note_fresh(&fresh);
    let mut shown = json!(fresh.host);
    shown["renewed"] = json!(true);
    shown["serial"] = json!(serial);
    shown["replaced"] = json!(replaced);
    if let Some(name) = &fresh.name_withdrawn {
        shown["name_withdrawn"] = json!(name);
    }
    let changed: &[(&str, &str)] =
        &[("renewed", "serial"), ("replaces", "replaced.serial"), ("until", "replaced.expires_at")];
    one(format, &shown, &[changed, ROWS].concat())
}

fn not_due(host: &ThisHost, format: Format) -> Result<(), CliError> {
    if format == Format::Table {
        return Ok(());
    }
    let mut shown: Value = json!(crate::client::directory::load_enrolled(&host.cert_dir)?);
    shown["renewed"] = json!(false);
    output::json(&shown)
}
