//! The fields of hosts.

use super::Kind::{Choice, Count, Flag, Span, Text};
use super::{DAY, Field, field, open};
use crate::span::Setting;

pub(super) const HOSTS: &[Field] = &[
    field(
        "certificate_lifetime",
        Span(60, 825 * DAY),
        "30d",
        "life of a host certificate; hosts renew at two thirds of it",
    ),
    field(
        "overlap",
        Span(1, DAY),
        "1h",
        "time that a certificate stays valid after the first use of its successor, for services that reload later; at most 24h",
    ),
    field(
        "retention",
        Span(DAY, 3650 * DAY),
        "90d",
        "time that a host is kept after its last certificate has ended",
    ),
    field(
        "name_hold",
        Span(1, 3650 * DAY),
        "24h",
        "time for which a host keeps its DNS name after its last certificate has ended; then another host may take it",
    ),
    field(
        "checkin",
        Span(10, DAY),
        "5m",
        "time between two check-ins of a host; each is moved by up to a tenth at random",
    ),
    field(
        "quarantine",
        Choice(&["on", "alarm"]),
        "on",
        "on: a host whose superseded certificate renews is refused until an administrator decides; alarm: only the alarm is raised",
    ),
    field(
        "quarantine_most",
        Count(1, 10_000),
        "20",
        "maximum number of hosts that are put in quarantine within an hour; above it only the alarm is raised",
    ),
    open(
        "node_limit",
        Count(Setting::NodeLimit.bounds().0 as i64, Setting::NodeLimit.bounds().1 as i64),
        "1000",
        "maximum number of enrolled hosts, neither revoked nor lapsed; an enrollment over it is refused and spends nothing. Default: unlimited",
    ),
    field(
        "approval",
        Choice(&["off", "warn", "require"]),
        "off",
        "hosts that no auto-approve rule admits: off = admitted, warn = admitted and noted in the ledger, require = they wait; a stricter token holds",
    ),
    field(
        "max_waiting_per_token",
        Count(1, 10_000),
        "1000",
        "maximum number of hosts of one token that wait for a decision",
    ),
    field(
        "four_eyes",
        Flag,
        "false",
        "the minter of a token may not approve its hosts; API keys count as their owner",
    ),
    field("allow_rsa_keys", Flag, "false", "accept RSA keys of 2048 to 4096 bits from hosts"),
    open(
        "crl_url",
        Text,
        "http://crl.example.org/gatepass",
        "plain-http URL of the directory with the CRLs; certificates name `<ski>.der` of their issuer in it. Default: none",
    ),
];
