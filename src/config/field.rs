//! The table of all configuration fields. The reader, the example file and the check for unknown keys use it, so no field
//! can be forgotten.

use crate::span::Setting;

const DAY: u64 = 86_400;

/// The kind of a time span that can also be changed at run time.
const fn span(setting: Setting) -> Kind {
    let (least, most) = setting.bounds();
    Kind::Span(least, most)
}

/// The type of a field's value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// Free text, checked where it is used.
    Text,
    /// A path, relative to the working directory.
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

/// A field of the configuration file.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) section: &'static str,
    pub(super) key: &'static str,
    pub(super) kind: Kind,
    /// The default as TOML; `None`: the doc describes the effect of its absence.
    pub(super) default: Option<&'static str>,
    /// A valid value as TOML.
    pub(super) example: &'static str,
    pub(super) doc: &'static str,
}

impl Field {
    /// Returns the field `key` of `section`.
    pub(super) fn find(section: &str, key: &str) -> Option<&'static Self> {
        FIELDS.iter().find(|field| field.section == section && field.key == key)
    }

    /// The environment variable that sets this field.
    pub(super) fn variable(&self) -> String {
        format!("GATEPASS_{}__{}", self.section.to_ascii_uppercase(), self.key.to_ascii_uppercase())
    }
}

const fn field(
    section: &'static str,
    key: &'static str,
    kind: Kind,
    default: &'static str,
    doc: &'static str,
) -> Field {
    Field { section, key, kind, default: Some(default), example: default, doc }
}

const fn open(
    section: &'static str,
    key: &'static str,
    kind: Kind,
    example: &'static str,
    doc: &'static str,
) -> Field {
    Field { section, key, kind, default: None, example, doc }
}

/// The sections in reading order, each with a heading.
pub(super) const SECTIONS: &[(&str, &str)] = &[
    ("server", "address, URL and files of the server"),
    ("tokens", "lifetimes of tokens; a time span is written 90s, 15m, 36h, 30d"),
    ("hosts", "certificates of hosts"),
    ("sessions", "sessions of users"),
    ("sign_in", "password checks"),
    ("http", "limits of the listener"),
    (
        "limits",
        "rate limits: a number each second, minute or hour (1000/s, 60/m, 500/h), with bursts of that number; off = no limit",
    ),
    ("ca", "an external certificate authority as PEM files; otherwise the first start creates one"),
    ("log", "the log on standard error"),
];

/// All fields except the roles, which are a list of tables.
pub(super) const FIELDS: &[Field] = &[
    field(
        "server",
        "listen",
        Kind::Text,
        "\"127.0.0.1:8443\"",
        "address and port to listen on; port 0 = any free one",
    ),
    open(
        "server",
        "external_url",
        Kind::Text,
        "\"https://gatepass.example.org:8443\"",
        "https://host[:port] at which hosts reach the server; part of every token. Default: the listen address",
    ),
    field(
        "server",
        "data_dir",
        Kind::Path,
        "\"./gatepass-data\"",
        "directory of the database, the root certificate and the first tokens",
    ),
    open(
        "server",
        "keys_dir",
        Kind::Path,
        "\"/var/lib/gatepass/keys\"",
        "directory of the private keys. Default: keys in the data directory",
    ),
    open(
        "server",
        "tls_certificate",
        Kind::Path,
        "\"/etc/gatepass/tls.pem\"",
        "PEM chain of an external TLS certificate. Default: the server creates its own",
    ),
    open(
        "server",
        "tls_key",
        Kind::Path,
        "\"/etc/gatepass/tls.key\"",
        "its private key, PEM, readable by its owner only",
    ),
    open(
        "server",
        "trust_domain",
        Kind::Text,
        "\"example.org\"",
        "SPIFFE trust domain of host certificates. Default: the host of external_url",
    ),
    field(
        "tokens",
        "default_ttl",
        span(Setting::DefaultTtl),
        "\"15m\"",
        "life of a token if the request names none",
    ),
    field(
        "tokens",
        "ece_ttl",
        Kind::Span(1, DAY),
        "\"1h\"",
        "the same for tokens minted through the ECE routes",
    ),
    field(
        "tokens",
        "max_ephemeral_ttl",
        span(Setting::MaxEphemeralTtl),
        "\"24h\"",
        "longest life of a token that is not persistent; at most 24h",
    ),
    field(
        "tokens",
        "cluster_ttl",
        span(Setting::ClusterTtl),
        "\"365d\"",
        "life of a persistent token bound to a cluster if the request names none; at most 730d",
    ),
    field(
        "tokens",
        "hot_tokens",
        Kind::Count(0, 1_000_000),
        "4096",
        "remembered good signatures for each kind of token; they are not checked again; 0 = none",
    ),
    field("tokens", "retention", span(Setting::Retention), "\"7d\"", "time that ended tokens stay in lists"),
    Field {
        section: "tokens",
        key: "audiences",
        kind: Kind::List,
        default: Some("[]"),
        example: "[\"https://jobs.example.org\"]",
        doc: "URIs of the services that service tokens are minted for; joined with commas in a variable. Empty: none are minted",
    },
    field(
        "hosts",
        "certificate_lifetime",
        Kind::Span(60, 825 * DAY),
        "\"30d\"",
        "life of a host certificate; hosts renew at two thirds of it",
    ),
    field(
        "hosts",
        "retention",
        Kind::Span(DAY, 3650 * DAY),
        "\"90d\"",
        "time that a host is kept after its last certificate has ended",
    ),
    field("hosts", "allow_rsa_keys", Kind::Flag, "false", "accept RSA keys of 2048 to 4096 bits from hosts"),
    open(
        "hosts",
        "crl_url",
        Kind::Text,
        "\"http://crl.example.org/gatepass\"",
        "plain-http base URL of the CRL distribution point in host certificates. Default: none",
    ),
    field("http", "max_connections", Kind::Count(1, 1_000_000), "16384", "open connections in total"),
    field(
        "sessions",
        "lifetime",
        Kind::Span(60, DAY / 2),
        "\"12h\"",
        "longest life of a session; at most 12h",
    ),
    field("sessions", "idle", Kind::Span(60, DAY / 2), "\"30m\"", "time after which an unused session ends"),
    field(
        "sign_in",
        "parallel_hashes",
        Kind::Count(1, 64),
        "2",
        "passwords hashed at once; each takes a core and 19 MiB",
    ),
    field(
        "sign_in",
        "queue",
        Kind::Count(2, 1024),
        "16",
        "passwords that wait to be hashed, half of them kept for known addresses; one more gets 429",
    ),
    field(
        "sign_in",
        "known_for",
        Kind::Span(DAY, 365 * DAY),
        "\"30d\"",
        "time for which an address is known after a sign-in of the user there",
    ),
    field(
        "sign_in",
        "proof_lifetime",
        Kind::Span(1, 3600),
        "\"60s\"",
        "time for which a checked password is not hashed again",
    ),
    field(
        "http",
        "max_connections_per_address",
        Kind::Count(1, 1_000_000),
        "256",
        "open connections from one address",
    ),
    field(
        "http",
        "max_event_streams",
        Kind::Count(1, 1_000_000),
        "10000",
        "open event streams of status list changes",
    ),
    field("http", "handshake_timeout", Kind::Span(1, 300), "\"5s\"", "time for a TLS handshake"),
    field("http", "header_timeout", Kind::Span(1, 300), "\"10s\"", "time for the header of a request"),
    field("http", "body_timeout", Kind::Span(1, 300), "\"15s\"", "time for the body of a request"),
    field(
        "http",
        "idle_timeout",
        Kind::Span(1, 3600),
        "\"60s\"",
        "time after which a silent connection is closed",
    ),
    field(
        "http",
        "max_connection_age",
        Kind::Span(1, 7 * DAY),
        "\"1h\"",
        "age at which a connection is closed after its request",
    ),
    field(
        "http",
        "drain_timeout",
        Kind::Span(1, 3600),
        "\"30s\"",
        "time for requests in flight when the server stops",
    ),
    field("http", "public_metrics", Kind::Flag, "true", "serve /metrics without a sign-in"),
    Field {
        section: "http",
        key: "trusted_proxies",
        kind: Kind::List,
        default: Some("[]"),
        example: "[\"10.0.0.0/8\", \"::1\"]",
        doc: "networks and addresses of proxies trusted to name the client (X-Forwarded-For) and to pass its certificate; joined with commas in a variable. Empty: none",
    },
    Field {
        section: "http",
        key: "proxy_protocol",
        kind: Kind::List,
        default: Some("[]"),
        example: "[\"10.0.0.0/8\"]",
        doc: "networks and addresses of load balancers that send a PROXY header of version 2; a connection without one is closed",
    },
    field(
        "http",
        "client_certificate_header",
        Kind::Text,
        "\"x-forwarded-client-cert\"",
        "the only header for a passed certificate: Envoy's form under the default name, percent-encoded PEM or base64 under any other",
    ),
    field(
        "limits",
        "address",
        Kind::Text,
        "\"1000/s\"",
        "requests from one address (IPv6: one /64) to routes for users and API keys",
    ),
    field(
        "limits",
        "refused_address",
        Kind::Text,
        "\"60/m\"",
        "401 answers to one address; above it 429, and passwords only of users who signed in there recently",
    ),
    field(
        "limits",
        "actor",
        Kind::Text,
        "\"1000/s\"",
        "requests by one user, or by all API keys of one user",
    ),
    field(
        "limits",
        "sign_in_site",
        Kind::Text,
        "\"10/m\"",
        "password checks for one account from one address (IPv6: one /64)",
    ),
    field(
        "limits",
        "sign_in_account",
        Kind::Text,
        "\"60/m\"",
        "password checks for one account from all addresses where its user has not signed in recently",
    ),
    field(
        "limits",
        "refused_token",
        Kind::Text,
        "\"60/m\"",
        "refused redemptions of one token; successful ones do not count",
    ),
    field(
        "limits",
        "redemptions",
        Kind::Text,
        "\"off\"",
        "redemptions from one address, successful and refused",
    ),
    open(
        "ca",
        "root",
        Kind::Path,
        "\"/etc/gatepass/root.pem\"",
        "root certificate, PEM; the server does not need its key",
    ),
    open(
        "ca",
        "issuing_certificate",
        Kind::Path,
        "\"/etc/gatepass/issuing.pem\"",
        "issuing CA certificate, PEM, signed by that root",
    ),
    open(
        "ca",
        "issuing_key",
        Kind::Path,
        "\"/etc/gatepass/issuing.key\"",
        "its private key, PKCS#8 PEM, not encrypted, readable by its owner only",
    ),
    field("log", "format", Kind::Choice(&["text", "json"]), "\"text\"", "text or json"),
    field(
        "log",
        "level",
        Kind::Text,
        "\"info\"",
        "error, warn, info, debug or trace; or a filter such as info,gatepass::http=debug",
    ),
];
