//! The command line: parse, call the library, print. One file per verb.

mod api_key;
mod ask;
mod backup;
mod ca;
mod candidates;
mod capacity;
mod check_config;
mod clock;
mod command_line;
mod completions;
mod consent;
mod context;
mod crl;
mod current_password;
mod deletion;
mod demo;
mod destination;
mod doctor;
mod enroll;
mod enrollment;
mod error;
mod flags;
mod given_name;
mod host;
mod install_command;
mod issuer;
mod keys;
mod leave;
mod ledger;
mod limits;
mod line_buffer;
mod listing;
mod local;
mod logging;
mod login;
mod man;
mod notify;
mod once;
mod openapi;
mod order;
mod output;
mod outputs;
mod overview;
mod page;
mod pasted;
mod policy;
mod poll;
mod private;
mod profile;
mod progress;
mod release;
mod remote;
mod renew;
mod report;
mod restore;
mod role;
mod rule;
mod serve;
mod service;
mod session;
mod settings;
mod short_id;
mod sign_in;
mod signals;
mod status;
mod together;
mod token;
mod unechoed;
mod user;
mod version;
mod words;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{FromArgMatches as _, Parser, Subcommand};
use tokio::runtime::Builder;

use self::error::CliError;
use self::report::{Report, innermost};
use crate::config::Environment;

/// Gatepass, an enrollment authority: mints signed role tokens that hosts trade for an mTLS identity
#[derive(Parser)]
#[command(
    name = "gatepass",
    version,
    max_term_width = 110,
    after_help = "Demonstration:          gatepass demo
First steps:            gatepass serve, then in another terminal: gatepass token create --role proxy
On the new host:        read -rs GATEPASS_TOKEN && export GATEPASS_TOKEN && sudo -E gatepass enroll
More about a command:   gatepass help COMMAND

Exit codes: 0 success; 1 refused or failed; 2 wrong usage or configuration, or the
server did not start; 74 disk failure. `gatepass status` has its own: see its help."
)]
struct Cli {
    #[command(subcommand)]
    command: Verb,
}

#[derive(Subcommand)]
enum Verb {
    Serve(serve::ServeCommand),
    Demo(demo::Demo),
    Enroll(enroll::EnrollCommand),
    Renew(renew::RenewCommand),
    Status(status::StatusCommand),
    Leave(leave::LeaveCommand),
    #[command(subcommand)]
    Service(service::ServiceCommand),
    Crl(crl::CrlCommand),
    #[command(subcommand)]
    Token(token::TokenCommand),
    #[command(subcommand)]
    Host(host::HostCommand),
    #[command(subcommand)]
    Enrollment(enrollment::EnrollmentCommand),
    #[command(subcommand)]
    Role(role::RoleCommand),
    #[command(subcommand)]
    Rule(rule::RuleCommand),
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    #[command(subcommand)]
    Output(outputs::OutputCommand),
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    #[command(subcommand)]
    Ca(ca::CaCommand),
    #[command(subcommand)]
    Issuer(issuer::IssuerCommand),
    #[command(subcommand)]
    Clock(clock::ClockCommand),
    #[command(subcommand)]
    Settings(settings::SettingsCommand),
    #[command(subcommand)]
    Capacity(capacity::CapacityCommand),
    #[command(subcommand)]
    Ledger(ledger::LedgerCommand),
    Backup(backup::BackupCommand),
    Overview(overview::OverviewCommand),
    InstallCommand(install_command::InstallCommand),
    Login(login::LoginCommand),
    #[command(subcommand)]
    Context(context::ContextCommand),
    Logout(session::LogoutCommand),
    /// Show your user or API key, its rights and its expiry
    #[command(after_long_help = "Examples:
  gatepass session
  gatepass session -o json")]
    Session(remote::Remote),
    #[command(subcommand)]
    User(user::UserCommand),
    #[command(subcommand, name = "api-key")]
    ApiKey(api_key::ApiKeyCommand),
    Restore(restore::RestoreCommand),
    Doctor(doctor::Doctor),
    CheckConfig(check_config::CheckConfig),
    Openapi(openapi::Openapi),
    Completions(completions::Completions),
    Man(man::Man),
    Version(version::Version),
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    crate::server::process::harden();
    if let Some(code) = completions::answer() {
        return code;
    }
    let words: Vec<OsString> = std::env::args_os().collect();
    let report = Report::of_line(&words);
    let mut line = command_line::command();
    let parsed = line.try_get_matches_from_mut(&words).and_then(|matches| {
        let cli = Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut line))?;
        Ok((cli, matches))
    });
    let code = match parsed {
        Ok((cli, matches)) => match run(cli.command, &Environment::of_process()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => report.failure(&error.in_words_of(innermost(&line, &matches))),
        },
        Err(error) => report.usage(error),
    };
    logging::finish();
    code
}

fn run(command: Verb, environment: &Environment) -> Result<(), CliError> {
    let mut runtime = match command {
        Verb::Serve(_) | Verb::Demo(_) => Builder::new_multi_thread(),
        _ => {
            logging::show_warnings();
            Builder::new_current_thread()
        }
    };
    runtime.enable_all().build()?.block_on(run_async(command, environment))
}

async fn run_async(command: Verb, environment: &Environment) -> Result<(), CliError> {
    match command {
        Verb::Serve(command) => command.run(environment).await,
        Verb::Demo(command) => command.run().await,
        Verb::Enroll(command) => command.run(environment).await,
        Verb::Renew(command) => command.run(environment).await,
        Verb::Status(command) => command.run(environment).await,
        Verb::Leave(command) => command.run(environment).await,
        Verb::Service(command) => command.run(environment),
        Verb::Crl(command) => command.run(environment).await,
        Verb::Token(command) => command.run(environment).await,
        Verb::Host(command) => command.run(environment).await,
        Verb::Enrollment(command) => command.run(environment).await,
        Verb::Role(command) => command.run(environment).await,
        Verb::Rule(command) => command.run(environment).await,
        Verb::Policy(command) => command.run(environment).await,
        Verb::Output(command) => command.run(environment).await,
        Verb::Keys(command) => command.run(environment).await,
        Verb::Ca(command) => command.run(environment).await,
        Verb::Issuer(command) => command.run(environment).await,
        Verb::Clock(command) => command.run(environment).await,
        Verb::Settings(command) => command.run(environment).await,
        Verb::Capacity(command) => command.run(environment).await,
        Verb::Ledger(command) => command.run(environment).await,
        Verb::Login(command) => command.run(environment).await,
        Verb::Context(command) => command.run(environment),
        Verb::Logout(command) => command.run(environment).await,
        Verb::Session(remote) => session::show(&remote, environment).await,
        Verb::User(command) => command.run(environment).await,
        Verb::ApiKey(command) => command.run(environment).await,
        Verb::Backup(command) => command.run().await,
        Verb::Overview(command) => command.run(environment).await,
        Verb::InstallCommand(command) => command.run(environment).await,
        Verb::Restore(command) => command.run(environment).await,
        Verb::Doctor(command) => command.run(environment).await,
        Verb::CheckConfig(command) => command.run(environment),
        Verb::Openapi(command) => command.run(),
        Verb::Completions(command) => command.run(),
        Verb::Man(command) => command.run(),
        Verb::Version(command) => command.run(),
    }
}

#[cfg(test)]
mod tests;
