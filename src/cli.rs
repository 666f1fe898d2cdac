//! The command line: parse, call the library, print. One file per verb.

mod api_key;
mod ask;
mod ca;
mod check_config;
mod clock;
mod completions;
mod deletion;
mod demo;
mod enroll;
mod error;
mod flags;
mod host;
mod issuer;
mod keys;
mod leave;
mod ledger;
mod limits;
mod logging;
mod login;
mod once;
mod openapi;
mod output;
mod private;
mod profile;
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

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::error::CliError;
use crate::config::Environment;

/// Gatepass, an enrollment authority: it mints signed role tokens, and a host trades one for an mTLS identity
#[derive(Parser)]
#[command(
    name = "gatepass",
    version,
    max_term_width = 110,
    after_help = "See it work:            gatepass demo
Begin:                  gatepass serve, then in another terminal: gatepass token create --role proxy
On the new host:        read -rs GATEPASS_TOKEN && export GATEPASS_TOKEN && sudo -E gatepass enroll
More about a command:   gatepass help COMMAND

Exit codes: 0 done; 1 refused or failed; 2 wrong usage or configuration, or the
server did not start; 74 the disk failed. `gatepass status` has its own: see its help."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Serve(serve::Serve),
    Demo(demo::Demo),
    Enroll(enroll::EnrollCommand),
    Renew(renew::RenewCommand),
    Status(status::StatusCommand),
    Leave(leave::LeaveCommand),
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
    Login(login::Login),
    Logout(session::Logout),
    Session(session::Session),
    #[command(subcommand)]
    User(user::UserCommand),
    #[command(subcommand, name = "api-key")]
    ApiKey(api_key::ApiKeyCommand),
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
            // Help and version arrive here too; if nobody reads them, that is no failure.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let environment = Environment::of_process();
    match run(cli.command, &environment) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if !error.is_silent() {
                output::note(match &error {
                    // It begins with the name already.
                    CliError::Start(error) => error.to_string(),
                    error => format!("gatepass: {error}"),
                });
            }
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(command: Command, environment: &Environment) -> Result<(), CliError> {
    match command {
        // What needs no network needs no runtime.
        Command::CheckConfig(command) => command.run(environment),
        Command::Openapi(command) => command.run(),
        Command::Completions(command) => command.run(),
        Command::Serve(_) | Command::Demo(_) => {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(run_async(command, environment))
        }
        command => {
            logging::show_warnings();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(run_async(command, environment))
        }
    }
}

async fn run_async(command: Command, environment: &Environment) -> Result<(), CliError> {
    match command {
        Command::Serve(command) => command.run(environment).await,
        Command::Demo(command) => command.run().await,
        Command::Enroll(command) => command.run(environment).await,
        Command::Renew(command) => command.run().await,
        Command::Status(command) => command.run().await,
        Command::Leave(command) => command.run().await,
        Command::Token(command) => command.run(environment).await,
        Command::Host(command) => command.run(environment).await,
        Command::Keys(command) => command.run(environment).await,
        Command::Ca(command) => command.run(environment).await,
        Command::Issuer(command) => command.run(environment).await,
        Command::Clock(command) => command.run(environment).await,
        Command::Settings(command) => command.run(environment).await,
        Command::Ledger(command) => command.run(environment).await,
        Command::Login(command) => command.run(environment).await,
        Command::Logout(command) => command.run(environment).await,
        Command::Session(command) => command.run(environment).await,
        Command::User(command) => command.run(environment).await,
        Command::ApiKey(command) => command.run(environment).await,
        Command::CheckConfig(command) => command.run(environment),
        Command::Openapi(command) => command.run(),
        Command::Completions(command) => command.run(),
    }
}

#[cfg(test)]
mod tests;
