//! The flags for the fields of an output. Secrets come from files or standard input: arguments are visible to other users.

use std::fs::File;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, Value, json};

use crate::cli::error::CliError;
use crate::cli::policy::object;
use crate::secret::Secret;
use crate::secret::file;

/// The fields of an output.
#[derive(Args)]
pub(crate) struct FieldFlags {
    /// Address: https://HOST[:PORT] of Elasticsearch (port 443 if left out), HOST:PORT of Kafka and Logstash; repeatable, or separated by commas
    #[arg(long = "host", alias = "hosts", value_name = "ADDRESS", value_delimiter = ',')]
    hosts: Vec<String>,
    /// File with the CAs of the addresses, PEM. Default: those of the system
    #[arg(long, value_name = "FILE")]
    hosts_ca: Option<PathBuf>,
    /// Authentication at Kafka
    #[arg(long, value_name = "AUTH", value_parser = ["none", "user_pass", "ssl"])]
    auth: Option<String>,
    /// SASL mechanism of user_pass. Default: SCRAM-SHA-512
    #[arg(long, value_name = "NAME", value_parser = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])]
    sasl_mechanism: Option<String>,
    /// Name of the user at Elasticsearch or Kafka
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// File with the password of the user; - reads standard input
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// File with the token of a service account at Elasticsearch; - reads standard input
    #[arg(long, value_name = "FILE")]
    service_token_file: Option<PathBuf>,
    /// File with the client certificate of the hosts, PEM
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
    /// File with the private key of --certificate, PEM without a passphrase; - reads standard input
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// File with the API key of Logstash at Elasticsearch, which no host gets; - reads standard input
    #[arg(long, value_name = "FILE")]
    api_key_file: Option<PathBuf>,
    /// File with the role descriptors of the hosts' keys at Elasticsearch, a JSON object
    #[arg(long, value_name = "FILE")]
    role_descriptors: Option<PathBuf>,
}

impl FieldFlags {
    /// The fields that are given, as requests have them.
    ///
    /// # Errors
    /// A file cannot be read, or two secrets are to come from standard input.
    pub(super) fn value(&self) -> Result<Map<String, Value>, CliError> {
        let secrets = [
            ("password", "--password-file", &self.password_file),
            ("service_token", "--service-token-file", &self.service_token_file),
            ("key", "--key-file", &self.key_file),
            ("api_key", "--api-key-file", &self.api_key_file),
        ];
        if secrets.iter().filter(|(.., path)| path.as_deref().is_some_and(is_stdin)).count() > 1 {
            let message = "standard input has one secret: give the others as files";
            return Err(CliError::Usage(message.to_owned()));
        }
        let pem = |flag, path: &Option<PathBuf>| path.as_deref().map(|path| text(flag, path)).transpose();
        let roles = self.role_descriptors.as_deref().map(|path| object("--role-descriptors", path));
        let fields = [
            ("hosts", json!(Some(&self.hosts).filter(|hosts| !hosts.is_empty()))),
            ("ca", json!(pem("--hosts-ca", &self.hosts_ca)?)),
            ("auth", json!(self.auth)),
            ("sasl_mechanism", json!(self.sasl_mechanism)),
            ("username", json!(self.username)),
            ("certificate", json!(pem("--certificate", &self.certificate)?)),
            ("role_descriptors", json!(roles.transpose()?)),
        ];
        let given = fields.into_iter().filter(|(_, value)| !value.is_null());
        let mut given = given.map(|(field, value)| (field.to_owned(), value)).collect::<Map<_, _>>();
        for (field, flag, path) in secrets {
            let Some(path) = path else { continue };
            given.insert(field.to_owned(), json!(secret(field, flag, path)?.expose()));
        }
        Ok(given)
    }
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Reads a secret. A private key is several lines, and every other secret is one.
fn secret(field: &str, flag: &str, path: &Path) -> Result<Secret<String>, CliError> {
    let fault = |why: &dyn std::fmt::Display| CliError::Usage(format!("{flag} {}: {why}", path.display()));
    if field == "key" {
        let bytes = match is_stdin(path) {
            true => file::bytes(std::io::stdin().lock()),
            false => File::open(path).map_err(file::SecretTextError::from).and_then(file::bytes),
        };
        let bytes = bytes.map_err(|error| fault(&error))?;
        let text = std::str::from_utf8(&bytes).map_err(|_| fault(&"is not UTF-8"))?;
        return Ok(Secret::new(text.to_owned()));
    }
    match is_stdin(path) {
        true => file::from_reader(std::io::stdin().lock()).map_err(|error| fault(&error)),
        false => file::read(path).map_err(|error| fault(&error.cause)),
    }
}

/// Reads a PEM file.
fn text(flag: &str, path: &Path) -> Result<String, CliError> {
    let fault = |why: &dyn std::fmt::Display| CliError::Usage(format!("{flag} {}: {why}", path.display()));
    let bytes = File::open(path).map_err(file::SecretTextError::from).and_then(file::bytes);
    let bytes = bytes.map_err(|error| fault(&error))?;
    std::str::from_utf8(&bytes).map(str::to_owned).map_err(|_| fault(&"is not UTF-8"))
}
