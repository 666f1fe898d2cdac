//! The form of values in columns: ids as BLOBs, times as INTEGER milliseconds, names as TEXT, sets as JSON TEXT.

use std::net::IpAddr;
use std::time::Duration;

use rusqlite::ToSql;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, Type, ValueRef};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::access::{SessionKind, UserRole};
use crate::admission::HostCredential;
use crate::approval::Approval;
use crate::clock::Timestamp;
use crate::id::{
    ApiKeyId, AttemptId, BatchId, BodyHash, ChainId, EnrollmentId, FleetKeyId, HostId, IdempotencyKey, KeyId,
    ListId, OpaqueKeyId, OutputId, PolicyId, RequestId, RuleId, SealKeyId, Serial, SessionId, ShortId,
    SpkiHash, Thumbprint, TokenId,
};
use crate::name::{Cluster, Description, DnsName, Label, NameError, Role};
use crate::store::{
    CounterKind, EnrollmentState, KeyState, ListKind, OutputKind, OutputState, RevocationReason, SecretField,
    SortValue, TokenKind,
};
use crate::token::KeyUse;
use crate::wire::HostHealth;

macro_rules! blob {
    ($($name:ident),*) => {$(
        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(ToSqlOutput::Borrowed(ValueRef::Blob(self.as_bytes())))
            }
        }

        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                FromSql::column_result(value).map(Self::from_bytes)
            }
        }
    )*};
}
blob!(
    ApiKeyId,
    AttemptId,
    BatchId,
    BodyHash,
    ChainId,
    EnrollmentId,
    HostId,
    IdempotencyKey,
    KeyId,
    ListId,
    OpaqueKeyId,
    OutputId,
    PolicyId,
    RequestId,
    RuleId,
    Serial,
    SessionId,
    ShortId,
    SpkiHash,
    Thumbprint,
    TokenId
);

impl ToSql for Timestamp {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.millis().into())
    }
}

impl FromSql for Timestamp {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(Self::from_millis)
    }
}

impl ToSql for SortValue {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Moment(millis) => (*millis).into(),
            Self::Text(text) => text.as_str().into(),
        })
    }
}

impl FromSql for SortValue {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value {
            ValueRef::Integer(millis) => Ok(Self::Moment(millis)),
            text => text.as_str().map(|text| Self::Text(text.to_owned())),
        }
    }
}

macro_rules! number {
    ($($name:ident),*) => {$(
        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(self.number().into())
            }
        }

        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                u32::column_result(value).map(Self::new)
            }
        }
    )*};
}
number!(FleetKeyId, SealKeyId);

macro_rules! text {
    ($($name:ident: $read:expr),*) => {$(
        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(self.as_str().into())
            }
        }

        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                let read: fn(&str) -> Result<Self, NameError> = $read;
                read(value.as_str()?).map_err(FromSqlError::other)
            }
        }
    )*};
}
text!(Cluster: Cluster::parse, Description: |text| Ok(Description::stored(text)), DnsName: DnsName::parse, Label: |text| Ok(Label::stored(text)), Role: Role::parse);

macro_rules! word {
    ($name:ident: $($variant:ident = $word:literal),*) => {
        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(match self { $(Self::$variant => $word.into(),)* })
            }
        }

        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                match value.as_str()? {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(FromSqlError::InvalidType),
                }
            }
        }
    };
}
word!(UserRole: Admin = "admin", Operator = "operator", Analyst = "analyst", Viewer = "viewer");
word!(SessionKind: Cookie = "cookie", Bearer = "bearer");
word!(KeyState: Prepared = "prepared", Current = "current", Previous = "previous", Retired = "retired");
word!(KeyUse: Enrollment = "enrollment", Service = "service", Access = "access", StatusList = "status_list");
word!(HostHealth: Healthy = "healthy", Degraded = "degraded", Failed = "failed");
word!(Approval: Off = "off", Warn = "warn", Require = "require");
word!(EnrollmentState: Waiting = "waiting", Approved = "approved", Denied = "denied", Expired = "expired", Ended = "ended");
word!(HostCredential: Certificate = "certificate", ApiKey = "api_key");
word!(ListKind: Ephemeral = "ephemeral", Persistent = "persistent");
word!(RevocationReason: HostRevoked = "host_revoked", RolesChanged = "roles_changed", NameWithdrawn = "name_withdrawn", Reenrolled = "reenrolled", Replaced = "replaced");

macro_rules! named {
    ($($name:ident),*) => {$(
        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(self.as_str().into())
            }
        }

        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                value.as_str()?.parse().map_err(FromSqlError::other)
            }
        }
    )*};
}
named!(CounterKind, OutputKind, OutputState, SecretField, TokenKind);

/// A value stored as JSON TEXT.
pub(super) struct Json<T>(pub(super) T);

impl<T: Serialize> ToSql for Json<T> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let text = serde_json::to_string(&self.0);
        text.map(ToSqlOutput::from).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
    }
}

impl<T: DeserializeOwned> FromSql for Json<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        serde_json::from_str(value.as_str()?).map(Self).map_err(FromSqlError::other)
    }
}

/// A span stored as INTEGER milliseconds.
pub(super) struct Millis(pub(super) Duration);

impl ToSql for Millis {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(i64::try_from(self.0.as_millis()).unwrap_or(i64::MAX).into())
    }
}

impl FromSql for Millis {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        u64::column_result(value).map(Duration::from_millis).map(Self)
    }
}

/// An IP address stored as TEXT.
pub(super) struct IpText(pub(super) IpAddr);

impl FromSql for IpText {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str()?.parse().map(Self).map_err(FromSqlError::other)
    }
}

/// Returns the error of a row with invalid content.
pub(super) fn damaged(what: &str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Null, what.into())
}
