//! The rows. Numbers and times grow together, so that every table is appended to.

use std::cell::Cell;
use std::time::Duration;

use gatepass::clock::Timestamp;
use gatepass::id::{HostId, ListId, Serial, SpkiHash, TokenId};
use gatepass::ledger::{Action, ChainHead, Draft, Subjects};
use gatepass::store::{ListKind, PAGE_BYTES, RevocationReason};
use gatepass::token::{STATUS_LIST_CAPACITY, Status};
use rusqlite::{Connection, Params, params};

use super::dice::{Dice, DiceStream};
use super::fill::{Amounts, Origin};
use super::specimen::Specimen;

const DAY: Duration = Duration::from_secs(86_400);
const ROLES: &str = r#"["allocator","proxy"]"#;
const ROLE_NAMES: [&str; 2] = ["allocator", "proxy"];
const ACTOR: &str = "user:admin";
/// One in this many tokens, and in this many hosts, is revoked.
const REVOKED_TOKENS: u64 = 40;
const REVOKED_HOSTS: u64 = 200;

/// Writes rows by their number.
pub(crate) struct Rows<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) amounts: Amounts,
    pub(crate) specimen: &'a Specimen,
    pub(crate) origin: Origin,
    pub(crate) now: Timestamp,
}

impl<'a> Rows<'a> {
    /// The status lists of all tokens, with the bits of those that are revoked.
    pub(crate) fn open_lists(&self) -> rusqlite::Result<()> {
        let transaction = self.connection.unchecked_transaction()?;
        let capacity = u64::from(STATUS_LIST_CAPACITY);
        for first in (0..self.amounts.tokens).step_by(STATUS_LIST_CAPACITY as usize) {
            let (list, born) = self.list(first / capacity);
            let next = capacity.min(self.amounts.tokens - first);
            let sql = "INSERT INTO status_lists (list, kind, next, ends_at) VALUES (?1, ?2, ?3, ?4)";
            self.write(sql, params![list, ListKind::Persistent, next, born])?;
            for (page, bits) in revoked_pages(first, first + next) {
                let sql = "INSERT INTO status_pages (list, page, bits) VALUES (?1, ?2, ?3)";
                self.write(sql, params![list, page, bits])?;
            }
        }
        transaction.commit()
    }

    /// A persistent token with its mint record.
    pub(crate) fn token(&self, number: u64) -> rusqlite::Result<()> {
        let (token, created_at) = self.token_id(number);
        let capacity = u64::from(STATUS_LIST_CAPACITY);
        let ((list, _), index) = (self.list(number / capacity), number % capacity);
        let revoked_at = is_revoked(number).then(|| self.now.minus(DAY));
        let Origin { key, issuer } = &self.origin;
        let expires_at = (!number.is_multiple_of(2)).then(|| created_at.plus(DAY * 90));
        let sql = "INSERT INTO mints (token, kid, issuer, label, roles, persistent, kind, minter, created_at, expires_at, \
                   dns_names, list, idx, revoked_at) \
                   VALUES (?1, ?2, ?3, ?4, ?5, 1, 'custom', ?6, ?7, ?8, '[]', ?9, ?10, ?11)";
        let label = format!("seeded {number}");
        self.write(
            sql,
            params![token, key, issuer, label, ROLES, ACTOR, created_at, expires_at, list, index, revoked_at],
        )?;
        for role in ROLE_NAMES {
            self.write("INSERT INTO mint_roles (role, token) VALUES (?1, ?2)", params![role, token])?;
        }
        if let Some(revoked_at) = revoked_at {
            let sql = "INSERT INTO uses (token, used, ended_at) VALUES (?1, 0, ?2)";
            self.write(sql, params![token, revoked_at])?;
        }
        let sql = "INSERT INTO tokens (token, kid, issuer, emergency, expires_at, list, idx, revoked_at) \
                   VALUES (?1, ?2, ?3, 0, ?4, ?5, ?6, ?7)";
        self.write(sql, params![token, key, issuer, expires_at, list, index, revoked_at])
    }

    /// A host with its certificate and its key.
    pub(crate) fn host(&self, number: u64) -> rusqlite::Result<()> {
        let (host, enrolled_at) = self.host_id(number);
        let (serial, key) = (self.serial(number), self.host_key(number));
        let not_after = enrolled_at.plus(DAY * 30);
        let revoked_at = (number % REVOKED_HOSTS == 7).then(|| self.now.minus(DAY));
        let (token, _) = self.token_id(self.token_of_host(number));
        // Every second host has a DNS name, the others a hostname that they reported.
        let name = number.is_multiple_of(2).then(|| format!("node-{number}.example.org"));
        let hostname = name.is_none().then(|| format!("web-{number}"));
        let reported_at = hostname.is_some().then_some(enrolled_at);
        let seen_at = self.now.minus(Duration::from_secs(number * 7919 % 86_400));
        let sql = "INSERT INTO hosts (host, name, roles, token, enrolled_at, revoked_at, newest, newest_seen, ends_at, \
                   reported_hostname, reported_at, seen_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, ?8, ?9, ?10, ?11)";
        self.write(
            sql,
            params![
                host,
                name,
                ROLES,
                token,
                enrolled_at,
                revoked_at,
                serial,
                not_after,
                hostname,
                reported_at,
                seen_at
            ],
        )?;
        self.write("INSERT INTO host_keys (host, key) VALUES (?1, ?2)", params![host, key])?;
        for role in ROLE_NAMES {
            self.write("INSERT INTO host_roles (role, host) VALUES (?1, ?2)", params![role, host])?;
        }
        let sql = "INSERT INTO certificates (host, serial, key, issued_at, not_after, der) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let der = self.specimen.copy(serial, host);
        self.write(sql, params![host, serial, key, enrolled_at, not_after, der])?;
        let Some(revoked_at) = revoked_at else { return Ok(()) };
        self.write("INSERT INTO revoked_keys (key, host) VALUES (?1, ?2)", params![key, host])?;
        let sql = "INSERT INTO revoked_certificates (serial, host, revoked_at, not_after, reason) \
                   VALUES (?1, ?2, ?3, ?4, ?5)";
        self.write(sql, params![serial, host, revoked_at, not_after, RevocationReason::HostRevoked])
    }

    /// A pair and its use. With more pairs than hosts, a host has redeemed several tokens.
    pub(crate) fn pair(&self, number: u64) -> rusqlite::Result<()> {
        let Amounts { tokens, pairs, hosts, .. } = self.amounts;
        let redeemed_at = self.spread(number, pairs, 15, 1);
        let (token, _) = self.token_id(share(number, tokens, pairs));
        let owner = share(number, hosts, pairs);
        let (host, _) = self.host_id(owner);
        let sql = "INSERT INTO uses (token, used, last_at, last_host) VALUES (?1, 1, ?2, ?3) \
                   ON CONFLICT (token) DO UPDATE SET used = used + 1, last_at = ?2, last_host = ?3";
        self.write(sql, params![token, redeemed_at, host])?;
        let key = if pairs <= tokens || number == self.first_pair(owner) {
            self.host_key(owner)
        } else {
            // The host has redeemed the same token before, with another key.
            let key = SpkiHash::from_bytes(self.dice().bytes(DiceStream::PairKey, number));
            self.write("INSERT INTO host_keys (host, key) VALUES (?1, ?2)", params![host, key])?;
            key
        };
        let sql = "INSERT INTO pairs (token, key, host, redeemed_at) VALUES (?1, ?2, ?3, ?4)";
        self.write(sql, params![token, key, host, redeemed_at])
    }

    /// The ledger, from its head.
    pub(crate) fn chain(&'a self) -> rusqlite::Result<Chain<'a>> {
        let head = self.connection.query_row("SELECT chain, head_seq, head_hash FROM meta", [], |row| {
            Ok(ChainHead { chain: row.get(0)?, seq: row.get(1)?, hash: row.get(2)? })
        })?;
        Ok(Chain { rows: self, head: Cell::new(head) })
    }

    fn write(&self, sql: &str, params: impl Params) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute(params).map(drop)
    }

    const fn dice(&self) -> Dice {
        Dice(self.amounts.number)
    }

    /// Time of row `number` of `all`, spread evenly over past days.
    fn spread(&self, number: u64, all: u64, first_days_ago: u32, last_days_ago: u32) -> Timestamp {
        let over = DAY * (first_days_ago - last_days_ago);
        let passed = u128::from(number) * over.as_millis() / u128::from(all.max(1));
        let passed = Duration::from_millis(u64::try_from(passed).unwrap_or(0));
        self.now.minus(DAY * first_days_ago).plus(passed)
    }

    fn token_id(&self, number: u64) -> (TokenId, Timestamp) {
        let at = self.spread(number, self.amounts.tokens, 60, 20);
        (TokenId::from_bytes(self.dice().uuid(DiceStream::Token, number, at)), at)
    }

    fn host_id(&self, number: u64) -> (HostId, Timestamp) {
        let at = self.spread(number, self.amounts.hosts, 15, 1);
        (HostId::from_bytes(self.dice().uuid(DiceStream::Host, number, at)), at)
    }

    /// Lists are older than their tokens, and older than the lists of the server.
    fn list(&self, number: u64) -> (ListId, Timestamp) {
        let at = self.now.minus(DAY * 61).plus(Duration::from_secs(number));
        (ListId::from_bytes(self.dice().uuid(DiceStream::List, number, at)), at)
    }

    fn serial(&self, host: u64) -> Serial {
        let mut bytes: [u8; 16] = self.dice().bytes(DiceStream::Serial, host);
        // A serial is positive, and its first byte is not zero.
        bytes[0] = bytes[0] & 0x7f | 0x40;
        Serial::from_bytes(bytes)
    }

    fn host_key(&self, host: u64) -> SpkiHash {
        SpkiHash::from_bytes(self.dice().bytes(DiceStream::HostKey, host))
    }

    /// The first pair of a host, if there are at least as many pairs as hosts.
    const fn first_pair(&self, host: u64) -> u64 {
        (host * self.amounts.pairs).div_ceil(self.amounts.hosts)
    }

    /// The token that admitted a host.
    fn token_of_host(&self, host: u64) -> u64 {
        let Amounts { tokens, pairs, hosts, .. } = self.amounts;
        if pairs >= hosts { share(self.first_pair(host), tokens, pairs) } else { share(host, tokens, hosts) }
    }
}

/// The growing chain.
pub(crate) struct Chain<'a> {
    rows: &'a Rows<'a>,
    head: Cell<ChainHead>,
}

impl Chain<'_> {
    /// An entry about a token; every second entry is about a host, if there are hosts.
    pub(crate) fn entry(&self, number: u64) -> rusqlite::Result<()> {
        let rows = self.rows;
        let Amounts { tokens, hosts, entries, .. } = rows.amounts;
        let at = rows.spread(number, entries, 60, 1);
        let draft = if hosts > 0 && number % 2 == 1 {
            let host = share(number, hosts, entries);
            let (token, serial) = (rows.token_id(rows.token_of_host(host)).0, rows.serial(host));
            let host = Some(rows.host_id(host).0);
            let subjects = Subjects { token: Some(token), host, serial: Some(serial), ..Subjects::default() };
            Draft::done(Action::HostEnrolled, at, "token").about(subjects)
        } else {
            let token = (tokens > 0).then(|| rows.token_id(share(number, tokens, entries)).0);
            let subjects = Subjects { token, ..Subjects::default() };
            let draft = Draft::done(Action::TokenCreated, at, ACTOR).about(subjects);
            draft.with("label", format!("seeded {number}")).with("persistent", true)
        };
        let mut head = self.head.get();
        let link = head.append(&draft);
        let sql = "INSERT INTO ledger (chain, seq, at, actor, action, token, host, outcome, reason, bytes, hash) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, '', ?9, ?10)";
        let (action, outcome) = (draft.action.as_str(), draft.outcome.as_str());
        let Subjects { token, host, .. } = draft.subjects;
        let params = params![
            head.chain,
            link.seq,
            draft.at(),
            draft.origin.actor,
            action,
            token,
            host,
            outcome,
            link.bytes,
            link.hash,
        ];
        rows.write(sql, params)?;
        self.head.set(head);
        rows.write(
            "UPDATE meta SET head_seq = ?1, head_hash = ?2 WHERE single = 1",
            params![head.seq, head.hash],
        )
    }
}

/// Maps number `number` of `from` to one of `to`, in order and evenly.
fn share(number: u64, to: u64, from: u64) -> u64 {
    u64::try_from(u128::from(number) * u128::from(to) / u128::from(from.max(1))).unwrap_or(0)
}

/// The page of an index, and byte and shift of its two bits in the page.
const fn place(index: u32) -> (u32, usize, u32) {
    let within = index % (PAGE_BYTES as u32 * 4);
    (index / (PAGE_BYTES as u32 * 4), (within / 4) as usize, within % 4 * 2)
}

const fn is_revoked(token: u64) -> bool {
    token % REVOKED_TOKENS == 7
}

/// The pages of a list with the tokens from `first` up to, but not including, `end`.
fn revoked_pages(first: u64, end: u64) -> Vec<(u32, [u8; PAGE_BYTES])> {
    let mut pages: Vec<(u32, [u8; PAGE_BYTES])> = Vec::new();
    for token in (first..end).filter(|token| is_revoked(*token)) {
        let (page, byte, shift) = place(u32::try_from(token - first).unwrap_or(0));
        if pages.last().is_none_or(|(last, _)| *last != page) {
            pages.push((page, [0; PAGE_BYTES]));
        }
        if let Some((_, bits)) = pages.last_mut() {
            bits[byte] |= Status::Revoked.bits() << shift;
        }
    }
    pages
}
