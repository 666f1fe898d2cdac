//! The table of all configuration fields. The reader, the example file and the check for unknown keys use it, so no field
//! can be forgotten.

mod hosts;

use self::Kind::{Choice, Count, Flag, List, Path, Span, Text};
use crate::span::Setting;

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

/// The kind of a time span that can also be changed at run time.
const fn span(setting: Setting) -> Kind {
    let (least, most) = setting.bounds();
    Span(least, most)
}

/// The type of a field's value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// Free text, checked where it is used.
    Text,
    /// A path, relative to the configuration file, or to the working directory in a variable or a flag.
    Path,
    /// A whole number within bounds.
    Count(i64, i64),
    /// A time span within bounds, in seconds.
    Span(u64, u64),
    /// `true` or `false`.
    Flag,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list of texts, joined with commas in a variable or a flag.
    List,
}

/// A field of the configuration file. Its default and its example are written as in a variable.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) key: &'static str,
    pub(super) kind: Kind,
    /// The default; `None`: the doc describes the effect of its absence.
    pub(super) default: Option<&'static str>,
    /// A valid value.
    pub(super) example: &'static str,
    pub(super) doc: &'static str,
}

impl Field {
    /// Returns the field `key` of `section`.
    pub(super) fn find(section: &str, key: &str) -> Option<&'static Self> {
        Section::find(section)?.fields.iter().find(|field| field.key == key)
    }

    /// Converts a text from a variable or a flag to the type in the file. A text that does not fit stays text and is
    /// refused later, with the same message as in the file.
    pub(super) fn value(&self, text: &str) -> toml::Value {
        let value = match self.kind {
            Count(..) => text.parse().ok().map(toml::Value::Integer),
            Flag => text.parse().ok().map(toml::Value::Boolean),
            List => Some(toml::Value::Array(listed(text))),
            Text | Path | Span(..) | Choice(_) => None,
        };
        value.unwrap_or_else(|| toml::Value::String(text.to_owned()))
    }
}

/// Splits a text at its commas; an empty text is an empty list.
fn listed(text: &str) -> Vec<toml::Value> {
    let pieces = text.split(',').map(str::trim).filter(|_| !text.trim().is_empty());
    pieces.map(|piece| toml::Value::String(piece.to_owned())).collect()
}

/// A section of the configuration file.
pub(super) struct Section {
    pub(super) name: &'static str,
    /// The heading.
    pub(super) about: &'static str,
    pub(super) fields: &'static [Field],
}

impl Section {
    /// Returns the section of this name.
    pub(super) fn find(name: &str) -> Option<&'static Self> {
        SECTIONS.iter().find(|section| section.name == name)
    }
}

/// All fields in reading order, except the roles, which are a list of tables.
pub(super) const SECTIONS: &[Section] = &[
    section("server", "address, URL and files of the server", SERVER),
    section("tokens", "lifetimes of tokens; a time span is written 90s, 15m, 36h, 30d", TOKENS),
    section("hosts", "certificates of hosts", hosts::HOSTS),
    section("outputs", "outputs of policies", OUTPUTS),
    section("backup", "backups that the server makes", BACKUP),
    section("sessions", "sessions of users", SESSIONS),
    section("sign_in", "password checks", SIGN_IN),
    section("http", "limits of the listener", HTTP),
    section(
        "limits",
        "rate limits: a number each second, minute or hour (1000/s, 60/m, 500/h), with bursts of that number; off = no limit",
        LIMITS,
    ),
    section(
        "ca",
        "an external certificate authority as PEM files; otherwise the first start creates one",
        CA,
    ),
    section("log", "the log on standard error", LOG),
];

const fn section(name: &'static str, about: &'static str, fields: &'static [Field]) -> Section {
    Section { name, about, fields }
}

/// A field with a default.
const fn field(key: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Field {
    Field { key, kind, default: Some(default), example: default, doc }
}

/// A field without a default.
const fn open(key: &'static str, kind: Kind, example: &'static str, doc: &'static str) -> Field {
    Field { key, kind, default: None, example, doc }
}

const SERVER: &[Field] = &[
    field("listen", Text, "127.0.0.1:8443", "address and port to listen on; port 0 = any free one"),
    open(
        "external_url",
        Text,
        "https://gatepass.example.org:8443",
        "https://host[:port] at which hosts reach the server; part of every token. Default: the listen address",
    ),
    Field {
        example: "gate.internal, 10.0.0.5",
        ..field(
            "names",
            List,
            "",
            "other DNS names and IP addresses at which hosts reach the server, for its own TLS certificate; joined with commas in a variable",
        )
    },
    field(
        "data_dir",
        Path,
        "./gatepass-data",
        "directory of the database, the root certificate and the first tokens",
    ),
    open(
        "keys_dir",
        Path,
        "/var/lib/gatepass/keys",
        "directory of the private keys. Default: keys in the data directory",
    ),
    open(
        "tls_certificate",
        Path,
        "/etc/gatepass/tls.pem",
        "PEM chain of an external TLS certificate. Default: the server creates its own",
    ),
    open(
        "tls_key",
        Path,
        "/etc/gatepass/tls.key",
        "its private key, PEM, readable by its owner and at most a group of the process",
    ),
    open(
        "trust_domain",
        Text,
        "example.org",
        "SPIFFE trust domain of host certificates, fixed at the first start. Default: the host of the first external_url",
    ),
    open(
        "install_url",
        Text,
        "https://files.example.org/gatepass",
        "https URL of the binary for hosts; install commands begin with it. Default: none",
    ),
    open(
        "chart",
        Text,
        "oci://registry.example.org/charts/gatepass",
        "Helm chart in install commands: a reference, a URL or a path. Default: its path in the source of gatepass",
    ),
    field(
        "allow_fuse",
        Flag,
        "false",
        "accept a data directory on FUSE, where only this machine may write, such as fuse-overlayfs in a rootless container",
    ),
];

const TOKENS: &[Field] = &[
    field("default_ttl", span(Setting::DefaultTtl), "15m", "life of a token if the request names none"),
    field("ece_ttl", Span(1, DAY), "1h", "the same for tokens minted through the ECE routes"),
    field(
        "max_ephemeral_ttl",
        span(Setting::MaxEphemeralTtl),
        "24h",
        "longest life of a token that is not persistent; at most 24h",
    ),
    field(
        "cluster_ttl",
        span(Setting::ClusterTtl),
        "365d",
        "life of a persistent token bound to a cluster if the request names none; at most 730d",
    ),
    field(
        "access_ttl",
        Span(60, HOUR),
        "15m",
        "life of an access token that a host gets for a service; at most 1h",
    ),
    field(
        "hot_tokens",
        Count(0, 1_000_000),
        "4096",
        "remembered good signatures for each kind of token; they are not checked again; 0 = none",
    ),
    field("retention", span(Setting::Retention), "7d", "time that ended tokens stay in lists"),
    Field {
        example: "https://jobs.example.org",
        ..field(
            "audiences",
            List,
            "",
            "URIs of the services that service tokens are minted for; joined with commas in a variable. Empty: none are minted",
        )
    },
];

const OUTPUTS: &[Field] = &[Field {
    example: "localhost, 127.0.0.1",
    ..field(
        "allow",
        List,
        "",
        "loopback, link-local, multicast and unspecified addresses, and local names, that outputs may have; joined with commas in a variable. Empty: none",
    )
}];

const BACKUP: &[Field] = &[
    open(
        "directory",
        Path,
        "/var/backups/gatepass",
        "directory for the backups of POST /api/v1/backup; it is created. Default: the server makes none",
    ),
    open(
        "recipient",
        Text,
        "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa",
        "public key of age that seals the backups together with the keys. Default: they hold no keys",
    ),
    field(
        "keep",
        Count(1, 10_000),
        "7",
        "number of backups that stay in the directory; older ones are deleted",
    ),
];

const SESSIONS: &[Field] = &[
    field("lifetime", Span(60, DAY / 2), "12h", "longest life of a session; at most 12h"),
    field("idle", Span(60, DAY / 2), "30m", "time after which an unused session ends"),
];

const SIGN_IN: &[Field] = &[
    field("parallel_hashes", Count(1, 64), "2", "passwords hashed at once; each takes a core and 19 MiB"),
    field(
        "queue",
        Count(2, 1024),
        "16",
        "passwords that wait to be hashed, half of them kept for known addresses; one more gets 429",
    ),
    field(
        "known_for",
        Span(DAY, 365 * DAY),
        "30d",
        "time for which an address is known after a sign-in of the user there",
    ),
    field("proof_lifetime", Span(1, 3600), "60s", "time for which a checked password is not hashed again"),
];

const HTTP: &[Field] = &[
    field("max_connections", Count(1, 1_000_000), "16384", "open connections in total"),
    field("max_connections_per_address", Count(1, 1_000_000), "256", "open connections from one address"),
    field("max_event_streams", Count(1, 1_000_000), "10000", "open event streams of status list changes"),
    field("handshake_timeout", Span(1, 300), "5s", "time for a TLS handshake"),
    field("header_timeout", Span(1, 300), "10s", "time for the header of a request"),
    field("body_timeout", Span(1, 300), "15s", "time for the body of a request"),
    field("idle_timeout", Span(1, 3600), "60s", "time after which a silent connection is closed"),
    field(
        "max_connection_age",
        Span(1, 7 * DAY),
        "1h",
        "age at which a connection is closed after its request",
    ),
    field("drain_timeout", Span(1, 3600), "30s", "time for requests in flight when the server stops"),
    field(
        "hsts",
        Flag,
        "true",
        "pages over an external TLS certificate make browsers use https for a year, without subdomains",
    ),
    field("public_metrics", Flag, "true", "serve /metrics without a sign-in"),
    Field {
        example: "10.0.0.0/8, ::1",
        ..field(
            "trusted_proxies",
            List,
            "",
            "networks and addresses of proxies trusted to name the client (X-Forwarded-For) and to pass its certificate; joined with commas in a variable. Empty: none",
        )
    },
    Field {
        example: "10.0.0.0/8",
        ..field(
            "proxy_protocol",
            List,
            "",
            "networks and addresses of load balancers that send a PROXY header of version 2; a connection without one is closed",
        )
    },
    field(
        "client_certificate_header",
        Text,
        "x-forwarded-client-cert",
        "the only header for a passed certificate: Envoy's form under the default name, percent-encoded PEM or base64 under any other",
    ),
];

const LIMITS: &[Field] = &[
    field(
        "address",
        Text,
        "1000/s",
        "requests from one address (IPv6: one /64) to routes for users and API keys",
    ),
    field(
        "refused_address",
        Text,
        "60/m",
        "401 answers to one address; above it 429, and passwords only of users who signed in there recently",
    ),
    field("actor", Text, "1000/s", "requests by one user, or by all API keys of one user"),
    field("sign_in_site", Text, "10/m", "password checks for one account from one address (IPv6: one /64)"),
    field(
        "sign_in_account",
        Text,
        "60/m",
        "password checks for one account from all addresses where its user has not signed in recently",
    ),
    field("refused_token", Text, "60/m", "refused redemptions of one token; successful ones do not count"),
    field(
        "unknown_tokens",
        Text,
        "60/m",
        "refused redemptions of unknown tokens from one address; a good signature is never refused",
    ),
    field("redemptions", Text, "off", "redemptions from one address, successful and refused"),
];

const CA: &[Field] = &[
    open("root", Path, "/etc/gatepass/root.pem", "root certificate, PEM; the server does not need its key"),
    open("root_crl", Path, "/etc/gatepass/root.crl", "CRL of that root, PEM or DER; read again every hour"),
    open(
        "issuing_certificate",
        Path,
        "/etc/gatepass/issuing.pem",
        "issuing CA certificate, PEM, signed by that root",
    ),
    open(
        "issuing_key",
        Path,
        "/etc/gatepass/issuing.key",
        "its private key, PKCS#8 PEM, not encrypted; as for `server.tls_key`, with a warning for a group",
    ),
];

const LOG: &[Field] = &[
    field("format", Choice(&["text", "json"]), "text", "text or json"),
    field(
        "level",
        Text,
        "info",
        "error, warn, info, debug or trace; or a filter such as info,gatepass::request=debug",
    ),
];
