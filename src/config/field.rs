//! Every field of the configuration in one table: the reader, the example file and the checks for unknown keys all use
//! it, so that none can forget a field.

use crate::span::Setting;

const DAY: u64 = 86_400;

/// What a span that can be changed at run time too may be.
const fn span(setting: Setting) -> Kind {
    let (least, most) = setting.bounds();
    Kind::Span(least, most)
}

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// Free text, checked where it is used.
    Text,
    /// A path, relative to the working directory.
    Path,
    /// A whole number within bounds.
    Count(i64, i64),
    /// A span of time within bounds, in seconds.
    Span(u64, u64),
    /// `true` or `false`.
    Flag,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list of texts; in a variable or a flag they are joined with commas.
    List,
}

/// One field.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) section: &'static str,
    pub(super) key: &'static str,
    pub(super) kind: Kind,
    /// The default, as TOML; `None` = the doc says what happens without it.
    pub(super) default: Option<&'static str>,
    /// A value that works, as TOML.
    pub(super) example: &'static str,
    pub(super) doc: &'static str,
}

impl Field {
    /// The field of that name.
    pub(super) fn find(section: &str, key: &str) -> Option<&'static Self> {
        FIELDS.iter().find(|field| field.section == section && field.key == key)
    }

    /// The environment variable that sets it.
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

/// The sections in the order people read them, with what they are about.
pub(super) const SECTIONS: &[(&str, &str)] = &[
    ("server", "where the authority listens and what it keeps"),
    ("tokens", "how long tokens live; spans are written 90s, 15m, 36h, 30d"),
    ("hosts", "what an enrolled host gets"),
    ("sessions", "how long whoever signed in stays so"),
    ("http", "limits of the listener"),
    (
        "limits",
        "rate limits: so many a second, a minute or an hour (1000/s, 60/m, 500/h), and as many at once; off = not limited",
    ),
    ("ca", "a certificate authority brought in as PEM files; without it one is made at the first start"),
    ("log", "what is written to standard error"),
];

/// All fields but the roles, which are a list of tables.
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
        "https://host[:port] under which hosts reach the authority; it is written into every token. Default: the listen address",
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
        "PEM chain of a TLS certificate from elsewhere. Default: the authority makes its own",
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
        "life of a token when its minter names none",
    ),
    field(
        "tokens",
        "ece_ttl",
        Kind::Span(1, DAY),
        "\"1h\"",
        "the same, for tokens minted through the ECE routes",
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
        "life of a persistent token bound to a cluster when its minter names none; at most 730d",
    ),
    field(
        "tokens",
        "hot_tokens",
        Kind::Count(0, 1_000_000),
        "4096",
        "how many good signatures are remembered of each kind of token, so that a token that comes again costs little; 0 = none",
    ),
    field("tokens", "retention", span(Setting::Retention), "\"7d\"", "how long ended tokens stay in lists"),
    Field {
        section: "tokens",
        key: "audiences",
        kind: Kind::List,
        default: Some("[]"),
        example: "[\"https://jobs.example.org\"]",
        doc: "URIs of the services that service tokens may be minted for; in a variable joined with commas. Without any, none is minted",
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
        "how long a host is kept after its last certificate ended",
    ),
    field(
        "hosts",
        "allow_rsa_keys",
        Kind::Flag,
        "false",
        "whether hosts may bring RSA keys of 2048 to 4096 bits",
    ),
    open(
        "hosts",
        "crl_url",
        Kind::Text,
        "\"http://crl.example.org/gatepass\"",
        "plain-http base URL written into host certificates as CRL distribution point. Default: none is written",
    ),
    field("http", "max_connections", Kind::Count(1, 1_000_000), "16384", "connections in all"),
    field(
        "sessions",
        "lifetime",
        Kind::Span(60, DAY / 2),
        "\"12h\"",
        "life of a session however much it is used; 12h at most",
    ),
    field("sessions", "idle", Kind::Span(60, DAY / 2), "\"30m\"", "life of a session that is not used"),
    field(
        "http",
        "max_connections_per_address",
        Kind::Count(1, 1_000_000),
        "256",
        "connections from one address",
    ),
    field(
        "http",
        "max_event_streams",
        Kind::Count(1, 1_000_000),
        "10000",
        "subscribers at a time that are told of changes of status lists",
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
        "time that requests in flight get when the server stops",
    ),
    field("http", "public_metrics", Kind::Flag, "true", "whether /metrics answers without a sign-in"),
    Field {
        section: "http",
        key: "trusted_proxies",
        kind: Kind::List,
        default: Some("[]"),
        example: "[\"10.0.0.0/8\", \"::1\"]",
        doc: "networks and addresses of proxies that may say for whom they ask (X-Forwarded-For) and pass a client's certificate on; in a variable joined with commas. Without any, none is believed",
    },
    Field {
        section: "http",
        key: "proxy_protocol",
        kind: Kind::List,
        default: Some("[]"),
        example: "[\"10.0.0.0/8\"]",
        doc: "networks and addresses of load balancers whose connections begin with a PROXY header of version 2; one without is closed",
    },
    field(
        "http",
        "client_certificate_header",
        Kind::Text,
        "\"x-forwarded-client-cert\"",
        "the one header in which they pass it: Envoy's form under this name, a percent-encoded certificate under any other",
    ),
    field(
        "limits",
        "address",
        Kind::Text,
        "\"1000/s\"",
        "requests from one address (IPv6: one /64), where users and API keys are judged",
    ),
    field(
        "limits",
        "refused_address",
        Kind::Text,
        "\"60/m\"",
        "how many 401 an address hears before it hears 429 instead, and its passwords are held back",
    ),
    field("limits", "actor", Kind::Text, "\"1000/s\"", "requests by one user, or by the API keys of one"),
    field(
        "limits",
        "refused_token",
        Kind::Text,
        "\"60/m\"",
        "refused redemptions of one token; one that succeeds is never limited by it",
    ),
    field(
        "limits",
        "redemptions",
        Kind::Text,
        "\"off\"",
        "redemptions from one address, good and refused ones",
    ),
    open(
        "ca",
        "root",
        Kind::Path,
        "\"/etc/gatepass/root.pem\"",
        "root certificate, PEM; its key stays where it is",
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
