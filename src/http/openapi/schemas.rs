//! The schemas of names, ids and times, so that the rooms of these types need no utoipa.

use std::borrow::Cow;

use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::clock::Timestamp;
use crate::id::{
    ApiKeyId, BatchId, CertificateThumbprint, ChainId, EnrollmentId, Fingerprint, HostId, KeyId, OutputId,
    PolicyId, RequestId, RuleId, Serial, SessionId, Thumbprint, TokenId,
};
use crate::name::{Cluster, Description, DnsName, DnsPattern, Label, Labels, Role, UserName};

/// A binary body.
pub(in crate::http) struct Der;

/// A new password.
pub(in crate::http) struct Password;

/// An OpenAPI document.
pub(in crate::http) struct OpenApiDocument;

impl PartialSchema for OpenApiDocument {
    fn schema() -> RefOr<Schema> {
        let example = serde_json::json!({ "openapi": "3.1.0" });
        let any = ObjectBuilder::new().schema_type(Type::Object).description(Some("An OpenAPI document."));
        RefOr::T(Schema::Object(any.examples([example]).build()))
    }
}

impl ToSchema for OpenApiDocument {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("OpenApiDocument")
    }
}

impl PartialSchema for Labels {
    fn schema() -> RefOr<Schema> {
        let example = serde_json::json!({ "site": "eu-1" });
        let labels = ObjectBuilder::new()
            .description(Some("Labels: at most 32 texts, each with a name of 1 to 64 characters."))
            .property_names(Some(
                text("The name of a label.", "site").pattern(Some("^[A-Za-z0-9._/-]{1,64}$")),
            ))
            .additional_properties(Some(Ref::from_schema_name(Label::name())))
            .examples([example]);
        RefOr::T(Schema::Object(labels.build()))
    }
}

impl ToSchema for Labels {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Labels")
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((Label::name().into_owned(), Label::schema()));
    }
}

macro_rules! texts {
    ($($name:ident = $text:expr;)*) => {$(
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                RefOr::T(Schema::Object($text.build()))
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }
        }
    )*};
}

texts! {
    TokenId = uuid("Id of a token: its `jti`. Public.", "0198c0de-7a30-7c3e-8b1f-2a5d4e6f7081");
    HostId = uuid("Id of a host, kept in renewals.", "0198c0de-9b41-7d20-9c55-6e7f80912a3b");
    RuleId = uuid("Id of an auto-approve rule.", "0198c0de-c1c2-7d3e-8f40-5162738495a6");
    PolicyId = uuid("Id of a policy.", "0198c0de-e2e3-7f50-8162-738495a6b7c8");
    OutputId = uuid("Id of an output.", "0198c0de-f2f3-7061-9273-8495a6b7c8d9");
    EnrollmentId = uuid("Id of an enrollment that waits for a decision.", "0198c0de-d1d2-7e4f-9051-62738495a6b7");
    ChainId = uuid("Id of a ledger chain. A restored store starts a new chain.", "0198c0dd-0000-7aaa-8bbb-0123456789ab");
    RequestId = uuid("Id of a request, the value of `x-request-id`.", "0198c0de-aa00-7123-8456-789abcdef012");
    KeyId = text("Id of a signing key: its RFC 7638 thumbprint.", "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")
        .pattern(Some(BASE64URL_OF_32));
    Thumbprint = text("The RFC 7638 thumbprint of a host's public key.", "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs")
        .pattern(Some(BASE64URL_OF_32));
    CertificateThumbprint = text("The SHA-256 of a certificate's DER (RFC 8705).", "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0")
        .pattern(Some(BASE64URL_OF_32));
    Fingerprint = text(
        "The SHA-256 of a certificate's DER, in lower-case hexadecimal.",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    ).pattern(Some("^[0-9a-f]{64}$"));
    Serial = text("A certificate's serial number, in hexadecimal.", "4f3c2b1a09f8e7d6c5b4a39281706f5e")
        .pattern(Some("^[0-9a-f]{32}$"));
    Timestamp = text("A time, RFC 3339 in UTC.", "2030-01-31T12:00:00Z").format(format("date-time"));
    Role = text("A platform role of the catalogue.", "allocator").pattern(Some("^[a-z][a-z0-9._-]{0,63}$"));
    Label = text("A label for people; may be empty, need not be unique. Hidden characters are refused.", "rack 7").max_length(Some(128));
    Description = text("A description for people; may be empty. Hidden characters are refused.", "proxies at the edge").max_length(Some(1024));
    Cluster = text("A cluster id.", "eu-1").pattern(Some("^[A-Za-z0-9._:/-]{1,128}$"));
    BatchId = uuid("Id of the tokens of one bulk mint.", "0198c0de-7a30-7c3e-8b1f-2a5d4e6f7082");
    ApiKeyId = uuid("Id of an API key. Public.", "0198c0de-c340-7e01-8f2a-b3c4d5e6f708");
    SessionId = text("Id of a session: the SHA-256 of its secret. Public.", "Zx0vGc9WqkT3hYb1Jm5sRnP7dLeQa8uFoK2iXyVtC4E")
        .pattern(Some(BASE64URL_OF_32));
    UserName = text("A user's name.", "ops").max_length(Some(64));
    DnsName = text("A DNS name, in lower case.", "node-7.eu.example.org").max_length(Some(253));
    Password = text("12 to 128 characters, and not a common password.", "correct horse battery staple")
        .format(format("password")).min_length(Some(12)).max_length(Some(128));
    Der = text("DER, binary.", "…").format(format("binary"));
    DnsPattern = text(
        "A DNS name; its first label may be `*`, for exactly one label.",
        "*.eu.example.org",
    ).max_length(Some(253));
}

const BASE64URL_OF_32: &str = "^[A-Za-z0-9_-]{43}$";

/// RFC 9562 section 5.7, in the one spelling that is accepted.
const UUID_7: &str = "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$";

/// A string with a meaning.
fn text(description: &str, example: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).description(Some(description)).examples([example])
}

fn uuid(description: &str, example: &str) -> ObjectBuilder {
    text(description, example).format(format("uuid")).pattern(Some(UUID_7))
}

fn format(name: &str) -> Option<SchemaFormat> {
    Some(SchemaFormat::Custom(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of a schema.
    fn example<T: ToSchema>() -> String {
        let RefOr::T(Schema::Object(object)) = T::schema() else { panic!("not an object") };
        object.examples[0].as_str().unwrap().to_owned()
    }

    #[test]
    fn every_example_is_valid() {
        assert!(TokenId::parse(&example::<TokenId>()).is_some());
        assert!(HostId::parse(&example::<HostId>()).is_some());
        assert!(BatchId::parse(&example::<BatchId>()).is_some());
        assert!(RuleId::parse(&example::<RuleId>()).is_some());
        assert!(PolicyId::parse(&example::<PolicyId>()).is_some());
        assert!(Description::parse(&example::<Description>()).is_ok());
        assert!(EnrollmentId::parse(&example::<EnrollmentId>()).is_some());
        assert!(ChainId::parse(&example::<ChainId>()).is_some());
        assert!(RequestId::parse(&example::<RequestId>()).is_some());
        assert!(KeyId::parse(&example::<KeyId>()).is_some());
        assert!(Thumbprint::parse(&example::<Thumbprint>()).is_some());
        assert!(CertificateThumbprint::parse(&example::<CertificateThumbprint>()).is_some());
        assert!(Fingerprint::parse(&example::<Fingerprint>()).is_some());
        assert!(Serial::parse(&example::<Serial>()).is_some());
        assert!(Timestamp::parse_rfc3339(&example::<Timestamp>()).is_some());
        assert!(Role::parse(&example::<Role>()).is_ok());
        assert!(Label::parse(&example::<Label>()).is_ok());
        assert!(Cluster::parse(&example::<Cluster>()).is_ok());
        assert!(DnsName::parse(&example::<DnsName>()).is_ok());
        assert!(DnsPattern::parse(&example::<DnsPattern>()).is_ok());
    }
}
