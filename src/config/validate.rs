//! Validation of raw values. Every check runs, so one run reports every mistake.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use ipnet::IpNet;
use serde_json::json;
use strum::VariantArray as _;

use super::check::{Check, kind_of};
use super::layers::Layers;
use super::problem::{ConfigErrors, ConfigProblem, ValueOrigin};
use super::url::{audience, chart, crl_base, install_url, trust_domain};
use super::{
    BackupConfig, CaConfig, Config, Environment, HostsConfig, HttpConfig, LogConfig, LogFormat,
    OutputsConfig, Overrides, RoleConfig, ServerConfig, TlsFiles, TokensConfig, default_roles, secret,
};
use crate::access::SignInLimits;
use crate::access::session::SessionLife;
use crate::access::throttle::{Limit, Rates};
use crate::approval::Approval;
use crate::backup::Recipient;
use crate::name::Role;
use crate::server_url::{ServerName, ServerUrl};
use crate::span::Spans;
use crate::text::is_plain;

/// Checks everything and makes the configuration, or names every mistake.
pub(super) fn validate(
    layers: Layers,
    environment: &Environment,
    overrides: &Overrides,
) -> Result<Config, ConfigErrors> {
    let mut check = Check::new(layers);
    let server = check.server(environment, overrides);
    let (tokens, hosts, http) = (check.tokens(&server.url_at(server.listen)), check.hosts(), check.http());
    let (limits, sessions, sign_in) = (check.limits(), check.sessions(), check.sign_in());
    let (ca, roles, log) = (check.ca(), check.roles(), check.log());
    let backup = check.backup();
    let outputs = OutputsConfig { allow: check.server_names("outputs", "allow") };
    let file = check.layers.file.take();
    ConfigErrors::check(check.layers.problems)?;
    let mut effective = check.effective;
    effective["roles"] = json!(roles);
    Ok(Config {
        server,
        tokens,
        hosts,
        outputs,
        backup,
        sessions,
        sign_in,
        http,
        limits,
        ca,
        roles,
        log,
        file,
        effective,
    })
}

impl Check {
    fn server(&mut self, environment: &Environment, overrides: &Overrides) -> ServerConfig {
        let listen = self.listen();
        let given_url = self.parsed("server", "external_url", ServerUrl::parse);
        if given_url.is_none() && listen.ip().is_unspecified() && !self.given("server", "external_url") {
            let why = "it is every address of this machine: give --external-url (server.external_url) with the URL that hosts use, \
                       such as https://gatepass.example.org:8443";
            self.conflict("server", "listen", why.to_owned());
        }
        let url = given_url.clone().unwrap_or_else(|| ServerUrl::of_address(listen));
        let trust_domain = self.parsed("server", "trust_domain", trust_domain);
        let data_dir =
            self.path("server", "data_dir").unwrap_or_else(|| PathBuf::from(super::DEFAULT_DATA_DIR));
        let default_keys = if overrides.dev { PathBuf::from("keys") } else { data_dir.join("keys") };
        let admin_password = secret::admin_password(environment, overrides, &mut self.layers.problems);
        let keys_dir = self.path("server", "keys_dir").unwrap_or(default_keys);
        self.show("server", "external_url", url.to_string());
        self.show_path("server", "keys_dir", &keys_dir);
        let names = self.server_names("server", "names");
        let certificates = self.certificates(&url, &names);
        ServerConfig {
            listen,
            trust_domain,
            external_url: given_url,
            names,
            keys_dir,
            data_dir,
            tls: self.tls(),
            certificates,
            admin_password,
            install_url: self.parsed("server", "install_url", install_url),
            chart: self.parsed("server", "chart", chart),
            allow_fuse: self.flag("server", "allow_fuse"),
            dev: overrides.dev,
            take_names: false,
            no_roles_token: false,
        }
    }

    fn server_names(&mut self, section: &'static str, key: &'static str) -> Vec<ServerName> {
        let texts = self.list(section, key, |text| ServerName::parse(text).map(|name| name.to_string()));
        texts.iter().filter_map(|text| ServerName::parse(text).ok()).collect()
    }

    fn listen(&mut self) -> SocketAddr {
        let parse = |text: &str| {
            text.parse::<SocketAddr>().map_err(|_| format!("{text:?} is not an IP address and a port"))
        };
        self.parsed("server", "listen", parse).unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8443)))
    }

    fn tls(&mut self) -> Option<TlsFiles> {
        match (self.path("server", "tls_certificate"), self.path("server", "tls_key")) {
            (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key }),
            (None, None) => None,
            (Some(_), None) => self.alone("server", "tls_certificate", "tls_key"),
            (None, Some(_)) => self.alone("server", "tls_key", "tls_certificate"),
        }
    }

    fn tokens(&mut self, external_url: &ServerUrl) -> TokensConfig {
        let spans = Spans {
            default_ttl: self.span("tokens", "default_ttl"),
            max_ephemeral_ttl: self.span("tokens", "max_ephemeral_ttl"),
            cluster_ttl: self.span("tokens", "cluster_ttl"),
            retention: self.span("tokens", "retention"),
        };
        let ece_ttl = self.span("tokens", "ece_ttl");
        for (key, ttl) in [("default_ttl", spans.default_ttl), ("ece_ttl", ece_ttl)] {
            if let Err(error) = spans.fits(ttl) {
                self.conflict("tokens", key, error.to_string());
            }
        }
        let hot_tokens = self.count("tokens", "hot_tokens");
        let access_ttl = self.span("tokens", "access_ttl");
        TokensConfig { spans, ece_ttl, access_ttl, hot_tokens, audiences: self.audiences(external_url) }
    }

    /// The authority's own door has enrollment tokens: a service must not be taken for it.
    fn audiences(&mut self, external_url: &ServerUrl) -> Vec<String> {
        let enroll = format!("{external_url}/enroll");
        self.list("tokens", "audiences", |text| match audience(text)? {
            own if own == enroll => Err(format!("{own:?} is the audience of enrollment tokens")),
            other => Ok(other),
        })
    }

    fn hosts(&mut self) -> HostsConfig {
        let (quarantine, most) = (self.text("hosts", "quarantine"), self.count("hosts", "quarantine_most"));
        HostsConfig {
            quarantine_most: if quarantine.as_deref() == Some("alarm") { 0 } else { most },
            certificate_lifetime: self.span("hosts", "certificate_lifetime"),
            overlap: self.span("hosts", "overlap"),
            checkin: self.span("hosts", "checkin"),
            name_hold: self.span("hosts", "name_hold"),
            retention: self.span("hosts", "retention"),
            node_limit: self.limit("hosts", "node_limit"),
            approval: self.text("hosts", "approval").as_deref().and_then(Approval::parse).unwrap_or_default(),
            max_waiting_per_token: self.count("hosts", "max_waiting_per_token"),
            four_eyes: self.flag("hosts", "four_eyes"),
            allow_rsa_keys: self.flag("hosts", "allow_rsa_keys"),
            crl_url: self.parsed("hosts", "crl_url", crl_base),
        }
    }

    fn backup(&mut self) -> BackupConfig {
        let recipient = |text: &str| Recipient::parse(text).map_err(|error| error.to_string());
        BackupConfig {
            directory: self.path("backup", "directory"),
            recipient: self.parsed("backup", "recipient", recipient),
            keep: self.count("backup", "keep"),
        }
    }

    fn sessions(&mut self) -> SessionLife {
        SessionLife { lifetime: self.span("sessions", "lifetime"), idle: self.span("sessions", "idle") }
    }

    fn sign_in(&mut self) -> SignInLimits {
        SignInLimits {
            parallel_hashes: self.count("sign_in", "parallel_hashes"),
            queue: self.count("sign_in", "queue"),
            known_for: self.span("sign_in", "known_for"),
            proof_lifetime: self.span("sign_in", "proof_lifetime"),
        }
    }

    fn http(&mut self) -> HttpConfig {
        HttpConfig {
            max_connections: self.count("http", "max_connections"),
            max_connections_per_address: self.count("http", "max_connections_per_address"),
            max_event_streams: self.count("http", "max_event_streams"),
            handshake_timeout: self.span("http", "handshake_timeout"),
            header_timeout: self.span("http", "header_timeout"),
            body_timeout: self.span("http", "body_timeout"),
            idle_timeout: self.span("http", "idle_timeout"),
            max_connection_age: self.span("http", "max_connection_age"),
            drain_timeout: self.span("http", "drain_timeout"),
            hsts: self.flag("http", "hsts"),
            public_metrics: self.flag("http", "public_metrics"),
            trusted_proxies: self.networks("trusted_proxies"),
            proxy_protocol: self.networks("proxy_protocol"),
            client_certificate_header: self
                .parsed("http", "client_certificate_header", header_name)
                .unwrap_or_else(|| String::from("x-forwarded-client-cert")),
        }
    }

    fn networks(&mut self, key: &'static str) -> Vec<IpNet> {
        let texts = self.list("http", key, |text| network(text).map(|network| network.to_string()));
        texts.iter().filter_map(|text| text.parse().ok()).collect()
    }

    fn limits(&mut self) -> Rates {
        let rate = |limit: &Limit| Some((*limit, self.rate("limits", limit.as_str())?));
        Limit::VARIANTS.iter().filter_map(rate).collect()
    }

    fn ca(&mut self) -> CaConfig {
        let ca = CaConfig {
            root: self.path("ca", "root"),
            root_crl: self.path("ca", "root_crl"),
            issuing_certificate: self.path("ca", "issuing_certificate"),
            issuing_key: self.path("ca", "issuing_key"),
        };
        let parts = [
            ("root", &ca.root),
            ("issuing_certificate", &ca.issuing_certificate),
            ("issuing_key", &ca.issuing_key),
        ];
        if let Some((given, _)) = parts.iter().find(|(_, path)| path.is_some()) {
            for (missing, _) in parts.iter().filter(|(_, path)| path.is_none()) {
                let _: Option<()> = self.alone("ca", given, missing);
            }
        }
        if ca.root_crl.is_some() && ca.root.is_none() {
            let _: Option<()> = self.alone("ca", "root_crl", "root");
        }
        ca
    }

    fn log(&mut self) -> LogConfig {
        let format = match self.text("log", "format").as_deref() {
            Some("json") => LogFormat::Json,
            _ => LogFormat::Text,
        };
        let filter = |text: &str| match tracing_subscriber::EnvFilter::try_new(text) {
            Ok(_) => Ok(text.to_owned()),
            Err(error) => Err(format!("{text:?} is not a log filter: {error}")),
        };
        LogConfig {
            format,
            level: self.parsed("log", "level", filter).unwrap_or_else(|| String::from("info")),
        }
    }

    fn roles(&mut self) -> Vec<RoleConfig> {
        let Some(given) = self.layers.roles.take() else { return default_roles() };
        let toml::Value::Array(tables) = given.value else {
            let why = String::from("roles are a list of tables");
            let example = String::from("[[roles]] with role = \"proxy\"");
            self.layers.problems.push(ConfigProblem::Invalid { origin: given.origin, why, example });
            return Vec::new();
        };
        let mut roles: Vec<RoleConfig> = Vec::new();
        for (number, table) in tables.into_iter().enumerate() {
            match read_role(table) {
                Ok(role) if roles.iter().any(|other| other.role == role.role) => {
                    self.role_problem(
                        &given.origin,
                        number,
                        format!("the role {} is listed twice", role.role),
                    );
                }
                Ok(role) => roles.push(role),
                Err(why) => self.role_problem(&given.origin, number, why),
            }
        }
        roles
    }

    fn role_problem(&mut self, origin: &ValueOrigin, number: usize, why: String) {
        let origin = match origin {
            ValueOrigin::File { path, .. } => {
                ValueOrigin::File { path: path.clone(), key: format!("roles[{}]", number + 1) }
            }
            other => other.clone(),
        };
        let example = String::from("role = \"proxy\", description = \"routes requests to deployments\"");
        self.layers.problems.push(ConfigProblem::Invalid { origin, why, example });
    }
}

/// A network, or an address alone.
fn network(text: &str) -> Result<IpNet, String> {
    let alone = || text.parse::<IpAddr>().map(IpNet::from);
    let network = text.parse::<IpNet>().or_else(|_| alone());
    network.map(|network| network.trunc()).map_err(|_| format!("{text:?} is no network and no IP address"))
}

/// The name of a header, in lower case.
fn header_name(text: &str) -> Result<String, String> {
    http::HeaderName::try_from(text)
        .map(|name| name.as_str().to_owned())
        .map_err(|_| format!("{text:?} is not the name of a header"))
}

fn read_role(value: toml::Value) -> Result<RoleConfig, String> {
    let toml::Value::Table(mut table) = value else { return Err(String::from("a role is a table")) };
    let role = match table.remove("role") {
        Some(toml::Value::String(text)) => Role::parse(&text).map_err(|error| error.to_string())?,
        Some(other) => return Err(format!("role is {}, not text in quotes", kind_of(&other))),
        None => return Err(String::from("role, its name, is missing")),
    };
    let description = match table.remove("description") {
        Some(toml::Value::String(text)) if text.chars().count() > 256 => {
            return Err(String::from("description is longer than 256 characters"));
        }
        Some(toml::Value::String(text)) if !is_plain(&text) => {
            return Err(String::from("description has a control or invisible character"));
        }
        Some(toml::Value::String(text)) => text,
        Some(other) => return Err(format!("description is {}, not text in quotes", kind_of(&other))),
        None => String::new(),
    };
    match table.keys().next() {
        Some(key) => Err(format!("a role has role and description, but no {key}")),
        None => Ok(RoleConfig { role, description }),
    }
}
