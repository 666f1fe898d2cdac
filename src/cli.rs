//! The command line: parse, call the library, print. One file per verb.

mod api_key;
mod ask;
mod ca;
mod check_config;
mod clock;
mod completions;
mod consent;
mod crl;
mod current_password;
mod deletion;
mod demo;
mod doctor;
mod enroll;
mod error;
mod flags;
mod host;
mod issuer;
mod keys;
mod leave;
mod ledger;
mod limits;
mod local;
mod logging;
mod login;
mod once;
mod openapi;
mod output;
mod private;
mod profile;
mod progress;
mod remote;
mod renew;
mod serve;
mod session;
mod settings;
mod signals;
mod status;
mod together;
mod token;
mod user;
mod words;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tokio::runtime::Builder;

use self::error::CliError;
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
    Crl(crl::CrlCommand),
    #[command(subcommand)]
    Token(token::TokenCommand),
    #[command(subcommand)]
    Host(host::HostCommand),
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
    Ledger(ledger::LedgerCommand),
    Login(login::LoginCommand),
    Logout(session::LogoutCommand),
    /// Show your user or API key, its rights and its expiry
    Session(remote::Remote),
    #[command(subcommand)]
    User(user::UserCommand),
    #[command(subcommand, name = "api-key")]
    ApiKey(api_key::ApiKeyCommand),
    Doctor(doctor::Doctor),
    CheckConfig(check_config::CheckConfig),
    Openapi(openapi::Openapi),
    Completions(completions::Completions),
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    crate::server::process::harden();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version arrive here too. A closed output is not a failure.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let environment = Environment::of_process();
    let code = match run(cli.command, &environment) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if !error.is_silent() {
                output::note(match &error {
                    // It starts with the program's name already.
                    CliError::Start(error) => error.to_string(),
                    error => format!("gatepass: {error}"),
                });
            }
            ExitCode::from(error.exit_code())
        }
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
        Verb::Renew(command) => command.run().await,
        Verb::Status(command) => command.run().await,
        Verb::Leave(command) => command.run().await,
        Verb::Crl(command) => command.run(environment).await,
        Verb::Token(command) => command.run(environment).await,
        Verb::Host(command) => command.run(environment).await,
        Verb::Keys(command) => command.run(environment).await,
        Verb::Ca(command) => command.run(environment).await,
        Verb::Issuer(command) => command.run(environment).await,
        Verb::Clock(command) => command.run(environment).await,
        Verb::Settings(command) => command.run(environment).await,
        Verb::Ledger(command) => command.run(environment).await,
        Verb::Login(command) => command.run(environment).await,
        Verb::Logout(command) => command.run(environment).await,
        Verb::Session(remote) => session::show(&remote, environment).await,
        Verb::User(command) => command.run(environment).await,
        Verb::ApiKey(command) => command.run(environment).await,
        Verb::Doctor(command) => command.run(),
        Verb::CheckConfig(command) => command.run(environment),
        Verb::Openapi(command) => command.run(),
        Verb::Completions(command) => command.run(),
    }
}

#[cfg(test)]
mod tests;
