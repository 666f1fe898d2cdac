//! The configuration as text: the commented example and the effective values.

use std::fmt::Write as _;

use ipnet::IpNet;
use serde_json::{Value, json};

use super::field::{FIELDS, Field, SECTIONS};
use super::{Config, LogFormat, default_roles};
use crate::access::throttle::{Rate, Rates};
use crate::span::show_span;

/// Returns a complete `gatepass.toml`: every field with its meaning, commented out at its default.
pub fn example() -> String {
    let mut text = String::from(
        "# gatepass.toml: every field, commented out at its default. An environment variable GATEPASS_<SECTION>__<KEY>\n\
         # overrides this file, and a flag overrides both.\n",
    );
    for (section, about) in SECTIONS {
        let _ = write!(text, "\n# {about}\n[{section}]\n");
        for field in FIELDS.iter().filter(|field| field.section == *section) {
            let _ = writeln!(text, "{}", commented(field));
        }
    }
    text.push_str("\n# the roles that tokens can give; a list here replaces these four\n");
    for role in default_roles() {
        let _ =
            writeln!(text, "# [[roles]]\n# role = \"{}\"\n# description = {:?}", role.role, role.description);
    }
    text
}

fn commented(field: &Field) -> String {
    format!("# {}\n# {} = {}", field.doc, field.key, field.default.unwrap_or(field.example))
}

impl Config {
    /// The effective values as JSON. Of a secret only its presence is shown.
    pub fn to_json(&self) -> Value {
        let path = |path: &Option<std::path::PathBuf>| path.as_ref().map(|path| path.display().to_string());
        let server = &self.server;
        let tls = server.tls.as_ref();
        json!({
            "server": {
                "listen": server.listen.to_string(), "external_url": server.external_url,
                "data_dir": server.data_dir.display().to_string(), "keys_dir": server.keys_dir.display().to_string(),
                "tls_certificate": tls.map(|tls| tls.certificate.display().to_string()),
                "tls_key": tls.map(|tls| tls.key.display().to_string()), "trust_domain": server.trust_domain,
            },
            "tokens": {
                "default_ttl": show_span(self.tokens.default_ttl), "ece_ttl": show_span(self.tokens.ece_ttl),
                "max_ephemeral_ttl": show_span(self.tokens.max_ephemeral_ttl),
                "cluster_ttl": show_span(self.tokens.cluster_ttl), "retention": show_span(self.tokens.retention),
                "hot_tokens": self.tokens.hot_tokens, "audiences": self.tokens.audiences,
            },
            "hosts": {
                "certificate_lifetime": show_span(self.hosts.certificate_lifetime),
                "retention": show_span(self.hosts.retention), "allow_rsa_keys": self.hosts.allow_rsa_keys,
                "crl_url": self.hosts.crl_url,
            },
            "sessions": {
                "lifetime": show_span(self.sessions.lifetime), "idle": show_span(self.sessions.idle),
            },
            "sign_in": {
                "parallel_hashes": self.sign_in.parallel_hashes, "queue": self.sign_in.queue,
                "known_for": show_span(self.sign_in.known_for),
                "proof_lifetime": show_span(self.sign_in.proof_lifetime),
            },
            "http": self.http_json(),
            "limits": self.limits_json(),
            "ca": {
                "root": path(&self.ca.root), "issuing_certificate": path(&self.ca.issuing_certificate),
                "issuing_key": path(&self.ca.issuing_key),
            },
            "roles": self.roles.iter().map(|role| json!({"role": role.role, "description": role.description})).collect::<Vec<_>>(),
            "log": {
                "format": match self.log.format { LogFormat::Text => "text", LogFormat::Json => "json" },
                "level": self.log.level,
            },
        })
    }

    fn http_json(&self) -> Value {
        let http = &self.http;
        let networks = |networks: &[IpNet]| networks.iter().map(ToString::to_string).collect::<Vec<_>>();
        json!({
            "max_connections": http.max_connections, "max_connections_per_address": http.max_connections_per_address,
            "max_event_streams": http.max_event_streams,
            "handshake_timeout": show_span(http.handshake_timeout), "header_timeout": show_span(http.header_timeout),
            "body_timeout": show_span(http.body_timeout), "idle_timeout": show_span(http.idle_timeout),
            "max_connection_age": show_span(http.max_connection_age), "drain_timeout": show_span(http.drain_timeout),
            "public_metrics": http.public_metrics,
            "trusted_proxies": networks(&http.trusted_proxies), "proxy_protocol": networks(&http.proxy_protocol),
            "client_certificate_header": http.client_certificate_header,
        })
    }

    fn limits_json(&self) -> Value {
        let Rates { address, refused_address, actor, sign_in_site, sign_in_account, .. } = &self.limits;
        let show = |rate: &Option<Rate>| rate.map_or_else(|| String::from("off"), |rate| rate.to_string());
        json!({
            "address": show(address), "refused_address": show(refused_address), "actor": show(actor),
            "sign_in_site": show(sign_in_site), "sign_in_account": show(sign_in_account),
            "refused_token": show(&self.limits.refused_token), "redemptions": show(&self.limits.redemptions),
        })
    }

    /// The effective values as a `gatepass.toml`.
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        let json = self.to_json();
        for (section, _) in SECTIONS {
            let _ = writeln!(text, "[{section}]");
            for field in FIELDS.iter().filter(|field| field.section == *section) {
                // JSON's strings, whole numbers and booleans are spelled as TOML's are.
                match &json[section][field.key] {
                    Value::Null => {}
                    value => drop(writeln!(text, "{} = {value}", field.key)),
                }
            }
            text.push('\n');
        }
        for role in &self.roles {
            let description = Value::from(role.description.as_str());
            let _ = write!(text, "[[roles]]\nrole = \"{}\"\ndescription = {description}\n\n", role.role);
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
        text
    }
}
