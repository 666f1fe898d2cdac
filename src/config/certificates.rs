//! `[[server.certificates]]`: certificates from elsewhere, each for one server name.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::check::{Check, kind_of};
use super::problem::{ConfigProblem, ValueOrigin};
use super::{NamedCertificate, ServerName, ServerUrl, TlsFiles};
use crate::name::DnsName;

/// The fields of a certificate.
const FIELDS: [&str; 3] = ["name", "certificate", "key"];

impl Check {
    /// The certificates. Hosts pin the server's own CA, so none of them may be for a name that hosts use.
    pub(super) fn certificates(&mut self, url: &ServerUrl, names: &[ServerName]) -> Vec<NamedCertificate> {
        let Some(given) = self.layers.certificates.take() else { return Vec::new() };
        let toml::Value::Array(tables) = given.value else {
            self.certificate_problem(given.origin, None, "certificates are a list of tables".to_owned());
            return Vec::new();
        };
        let mut read = Vec::<NamedCertificate>::new();
        for (number, table) in tables.into_iter().enumerate() {
            match certificate(table, directory(&given.origin)).and_then(|it| unlike(it, url, names, &read)) {
                Ok(certificate) => read.push(certificate),
                Err(why) => self.certificate_problem(given.origin.clone(), Some(number), why),
            }
        }
        self.show("server", "certificates", shown(&read));
        read
    }

    fn certificate_problem(&mut self, origin: ValueOrigin, number: Option<usize>, why: String) {
        let origin = match (origin, number) {
            (ValueOrigin::File { path, key }, Some(number)) => {
                ValueOrigin::File { path, key: format!("{key}[{}]", number + 1) }
            }
            (origin, _) => origin,
        };
        let example = "[[server.certificates]] with name = \"console.example.org\", certificate = \"/etc/gatepass/console.pem\", \
                       key = \"/etc/gatepass/console.key\"";
        self.layers.problems.push(ConfigProblem::Invalid { origin, why, example: example.to_owned() });
    }
}

/// The directory that paths are relative to.
fn directory(origin: &ValueOrigin) -> &Path {
    match origin {
        ValueOrigin::File { path, .. } => path.parent().unwrap_or(Path::new("")),
        _ => Path::new(""),
    }
}

fn certificate(table: toml::Value, directory: &Path) -> Result<NamedCertificate, String> {
    let toml::Value::Table(table) = table else {
        return Err(format!("is {}, not a table", kind_of(&table)));
    };
    if let Some(unknown) = table.keys().find(|key| !FIELDS.contains(&key.as_str())) {
        return Err(format!("there is no such field: {unknown}; a certificate has {}", FIELDS.join(", ")));
    }
    let text = |key: &str| match table.get(key).map(|value| value.as_str()) {
        None => Err(format!("{key} is missing")),
        Some(Some(text)) if !text.is_empty() => Ok(text),
        Some(_) => Err(format!("{key} is not text in quotes")),
    };
    let (name, path) = (text("name")?, |key| Ok::<PathBuf, String>(directory.join(text(key)?)));
    let name =
        DnsName::parse(&name.to_ascii_lowercase()).map_err(|error| format!("name {name:?}: {error}"))?;
    Ok(NamedCertificate { name, files: TlsFiles { certificate: path("certificate")?, key: path("key")? } })
}

/// Refuses the name of another certificate, and a name that hosts use.
fn unlike(
    certificate: NamedCertificate,
    url: &ServerUrl,
    names: &[ServerName],
    others: &[NamedCertificate],
) -> Result<NamedCertificate, String> {
    let name = &certificate.name;
    let used = |other: &ServerName| other.dns() == Some(name);
    if others.iter().any(|other| other.name == *name) {
        Err(format!("the name {name} is listed twice"))
    } else if used(url.server_name()) {
        Err(format!(
            "hosts reach the server at {name}, the name in server.external_url, and pin its own CA there: give another name"
        ))
    } else if names.iter().any(used) {
        Err(format!(
            "hosts reach the server at {name}, one of server.names, and pin its own CA there: give another name"
        ))
    } else {
        Ok(certificate)
    }
}

fn shown(certificates: &[NamedCertificate]) -> serde_json::Value {
    let whole =
        |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string();
    let items = certificates.iter().map(|NamedCertificate { name, files }| {
        json!({ "name": name, "certificate": whole(&files.certificate), "key": whole(&files.key) })
    });
    items.collect()
}
