//! One valid set of claims, and one change each.

use super::*;
use crate::token::fixture::{claims_json, grant, persistent_grant};

const SHAPE: VerifyError =
    malformed("its claims are not an object of exactly the claims that gatepass writes");

fn read(json: &str) -> Result<Grant, VerifyError> {
    Claims::parse(json.as_bytes())?.grant()
}

/// The valid claims with `from` replaced once by `to`.
fn changed(from: &str, to: &str) -> Result<Grant, VerifyError> {
    let valid = claims_json(&grant());
    assert!(valid.contains(from), "{from} is not in {valid}");
    read(&valid.replacen(from, to, 1))
}

fn refused(from: &str, to: &str, why: &'static str) {
    assert_eq!(changed(from, to), Err(malformed(why)), "{from} -> {to}");
}

fn misshapen(from: &str, to: &str) {
    assert_eq!(changed(from, to), Err(SHAPE), "{from} -> {to}");
}

#[test]
fn the_claims_stand_as_the_design_writes_them() {
    let grant = grant();
    let (sha, jkt) = (grant.root.unwrap(), grant.terms.host_key.unwrap());
    let expected = [
        r#"{"iss":"https://auth.example.org:8443","aud":"https://auth.example.org:8443/enroll","#,
        r#""jti":"0190a0b0-c0d0-7000-8000-0000000000aa","sub":"0190a0b0-c0d0-7000-8000-0000000000aa","#,
        r#""iat":1893456000,"nbf":1893456000,"exp":1893456900,"persistent":false,"#,
        r#""roles":["allocator","proxy"],"max_uses":1,"#,
        &format!(r#""sha":"{sha}","#),
        r#""bind":{"host":"0190a0b0-c0d0-7000-8000-0000000000bb","cluster":"blue","#,
        r#""dns_names":["*.nodes.example.org"]},"#,
        &format!(r#""cnf":{{"jkt":"{jkt}"}},"#),
        r#""policy":"0190a0b0-c0d0-7000-8000-0000000000cc","approval":"require","#,
        r#""status":{"status_list":{"idx":7,"uri":"#,
        r#""https://auth.example.org:8443/status/0190a0b0-c0d0-7000-8000-0000000000dd"}}}"#,
    ];
    assert_eq!(claims_json(&grant), expected.concat());
}

#[test]
fn absent_terms_have_no_claims() {
    let json = claims_json(&persistent_grant());
    for absent in ["exp", "max_uses", "sha", "bind", "cnf", "policy", "approval", "null"] {
        assert!(!json.contains(absent), "{absent} in {json}");
    }
    assert_eq!(read(&json), Ok(persistent_grant()));
    assert_eq!(read(&claims_json(&grant())), Ok(grant()));
}

#[test]
fn an_array_or_null_is_not_an_object() {
    let valid = claims_json(&grant());
    for wrong in ["null", "[]", "1", "\"{}\"", &format!("[{valid}]")] {
        assert_eq!(read(wrong), Err(SHAPE), "{wrong}");
    }
    // A derived struct alone would take its fields in order, as an array.
    let key = grant().terms.host_key;
    let uri = r#""https://auth.example.org:8443/status/0190a0b0-c0d0-7000-8000-0000000000dd""#;
    let entry = format!(r#"{{"idx":7,"uri":{uri}}}"#);
    let status = format!(r#"{{"status_list":{entry}}}"#);
    let bind = concat!(
        r#"{"host":"0190a0b0-c0d0-7000-8000-0000000000bb","cluster":"blue","#,
        r#""dns_names":["*.nodes.example.org"]}"#
    );
    let cnf = format!(r#"{{"jkt":"{}"}}"#, key.unwrap());
    misshapen(&entry, &format!("[7,{uri}]"));
    misshapen(&status, &format!("[{entry}]"));
    misshapen(&cnf, &format!("[\"{}\"]", key.unwrap()));
    misshapen(bind, r#"["0190a0b0-c0d0-7000-8000-0000000000bb","blue",["*.nodes.example.org"]]"#);
    for object in [&*entry, &status, bind, &cnf] {
        for wrong in ["null", "[]", "{}", "\"\"", "0", "false"] {
            assert!(changed(object, wrong).is_err(), "{object} -> {wrong}");
        }
        misshapen(object, "null");
        misshapen(object, "[]");
    }
}

#[test]
fn null_is_not_an_absent_claim() {
    for (member, value) in [
        ("exp", "1893456900"),
        ("max_uses", "1"),
        ("iat", "1893456000"),
        ("persistent", "false"),
        ("roles", r#"["allocator","proxy"]"#),
        ("cluster", r#""blue""#),
        ("dns_names", r#"["*.nodes.example.org"]"#),
        ("policy", r#""0190a0b0-c0d0-7000-8000-0000000000cc""#),
        ("approval", r#""require""#),
    ] {
        misshapen(&format!(r#""{member}":{value}"#), &format!(r#""{member}":null"#));
    }
}

#[test]
fn duplicate_members_are_refused_at_any_depth() {
    for member in [
        r#""iss":"https://auth.example.org:8443""#,
        r#""exp":1893456900"#,
        r#""persistent":false"#,
        r#""max_uses":1"#,
        r#""cluster":"blue""#,
        r#""idx":7"#,
    ] {
        misshapen(member, &format!("{member},{member}"));
    }
    misshapen(r#""exp":1893456900"#, r#""exp":1893456900,"\u0065xp":1999999999"#);
    misshapen(r#""cnf":{"#, r#""cnf":{"jkt":"","#);
    misshapen(r#""status":{"#, r#""status":{"status_list":{"idx":8,"uri":""},"#);
}

#[test]
fn an_unknown_claim_is_refused_at_any_depth() {
    misshapen(r#""persistent":"#, r#""not_on_sundays":true,"persistent":"#);
    misshapen(r#""cluster":"#, r#""region":"eu","cluster":"#);
    misshapen(r#""jkt":"#, r#""jwk":{},"jkt":"#);
    misshapen(r#""idx":"#, r#""bits":2,"idx":"#);
    misshapen(r#""status_list":"#, r#""identifier_list":{},"status_list":"#);
}

#[test]
fn an_escaped_member_name_is_refused_at_any_depth() {
    for name in ["roles", "exp", "persistent", "cluster", "jkt", "status_list", "idx"] {
        let escaped = format!("\\u{:04x}{}", u32::from(name.as_bytes()[0]), &name[1..]);
        misshapen(&format!("\"{name}\":"), &format!("\"{escaped}\":"));
    }
}

#[test]
fn every_required_claim_is_required() {
    for claim in [
        r#""iss":"https://auth.example.org:8443","#,
        r#""aud":"https://auth.example.org:8443/enroll","#,
        r#""jti":"0190a0b0-c0d0-7000-8000-0000000000aa","#,
        r#""sub":"0190a0b0-c0d0-7000-8000-0000000000aa","#,
        r#""iat":1893456000,"#,
        r#""nbf":1893456000,"#,
        r#""persistent":false,"#,
        r#""roles":["allocator","proxy"],"#,
        r#""idx":7,"#,
    ] {
        misshapen(claim, "");
    }
    let persistent = claims_json(&persistent_grant());
    let (without_status, _) = persistent.split_once(r#","status""#).unwrap();
    assert_eq!(read(&format!("{without_status}}}")), Err(SHAPE));
}

#[test]
fn trailing_bytes_and_escapes_are_refused() {
    let valid = claims_json(&grant());
    for wrong in
        [format!("{valid}x"), format!("{valid}{valid}"), format!("{valid}\n"), format!("\u{feff}{valid}")]
    {
        assert_eq!(read(&wrong), Err(SHAPE), "{wrong}");
    }
    misshapen("allocator", "\\u0061llocator");
    misshapen("https://", "https:\\/\\/");
    assert_eq!(Claims::parse(b"{\"iss\":\"\xff\"}").err(), Some(SHAPE));
}

#[test]
fn times_are_integers_in_a_sane_range() {
    let range = "one of its times is not between 1970 and 9999";
    for member in ["iat", "nbf", "exp"] {
        let valid = format!(r#""{member}":{}"#, if member == "exp" { 1_893_456_900 } else { 1_893_456_000 });
        for wrong in [
            "-1",
            "-0",
            "1.0",
            "1893456900.0",
            "1e9",
            "1e999",
            "-1e999",
            "NaN",
            "Infinity",
            "\"1893456900\"",
            "true",
            "[1893456900]",
            "{}",
            "null",
            "18446744073709551616",
            "01",
        ] {
            misshapen(&valid, &format!(r#""{member}":{wrong}"#));
        }
        for wrong in ["0", "253402300800", "18446744073709551615", "9223372036854775807"] {
            refused(&valid, &format!(r#""{member}":{wrong}"#), range);
        }
    }
    let last = changed("1893456900", "253402300799").unwrap();
    assert_eq!(last.terms.expires_at.unwrap().to_string(), "9999-12-31T23:59:59Z");
}

#[test]
fn a_token_does_not_expire_before_it_begins() {
    let why = "it expires before it begins";
    refused(r#""exp":1893456900"#, r#""exp":1893455999"#, why);
    refused(r#""nbf":1893456000"#, r#""nbf":1893456901"#, why);
    assert!(changed(r#""exp":1893456900"#, r#""exp":1893456000"#).is_ok());
}

#[test]
fn an_ephemeral_token_without_expiry_is_refused() {
    refused(r#""exp":1893456900,"#, "", "it has no expiry and is not persistent");
    let persistent = changed(r#""persistent":false"#, r#""persistent":true"#).unwrap();
    assert!(persistent.terms.persistent && persistent.terms.expires_at.is_some());
}

#[test]
fn persistent_is_a_boolean() {
    for wrong in ["0", "1", "\"false\"", "\"true\"", "[]", "False"] {
        misshapen(r#""persistent":false"#, &format!(r#""persistent":{wrong}"#));
    }
}

#[test]
fn max_uses_is_a_positive_integer() {
    refused(r#""max_uses":1"#, r#""max_uses":0"#, "its max_uses is zero");
    for wrong in ["-1", "1.0", "1e3", "4294967296", "\"1\"", "[1]", "true"] {
        misshapen(r#""max_uses":1"#, &format!(r#""max_uses":{wrong}"#));
    }
    assert_eq!(
        changed(r#""max_uses":1"#, r#""max_uses":4294967295"#).unwrap().terms.max_uses,
        Some(u32::MAX)
    );
    assert_eq!(changed(r#""max_uses":1,"#, "").unwrap().terms.max_uses, None);
}

#[test]
fn ids_have_one_spelling() {
    let jti = "0190a0b0-c0d0-7000-8000-0000000000aa";
    let valid = claims_json(&grant());
    for wrong in [
        jti.to_uppercase(),
        jti.replace('-', ""),
        format!("{{{jti}}}"),
        format!("urn:uuid:{jti}"),
        format!(" {jti}"),
        jti.replace("-7000-", "-4000-"),
        jti.replace("-7000-", "-1000-"),
        jti.replace("-7000-", "-0000-"),
        jti.replace("-8000-", "-7000-"),
        jti.replace("-8000-", "-c000-"),
        "00000000-0000-0000-0000-000000000000".to_owned(),
        "ffffffff-ffff-ffff-ffff-ffffffffffff".to_owned(),
        String::new(),
        "../../etc/passwd".to_owned(),
    ] {
        // Both change together, so that it is the id that is refused and not their difference.
        assert_eq!(read(&valid.replace(jti, &wrong)), Err(malformed("its jti is not a token id")), "{wrong}");
    }
    refused("\"require\"", "\"off\"", "its approval is not a mode");
    refused("\"require\"", "\"Require\"", "its approval is not a mode");
    refused("7000-8000-0000000000cc", "4000-8000-0000000000cc", "its policy is not an id");
    refused("7000-8000-0000000000bb", "4000-8000-0000000000bb", "its bound host is not an id");
    refused("7000-8000-0000000000dd", "4000-8000-0000000000dd", "its status uri is not a list of its issuer");
    refused("0000000000cc", "0000000000CC", "its policy is not an id");
    refused("0000000000bb", "0000000000BB", "its bound host is not an id");
    refused("0000000000dd", "0000000000DD", "its status uri is not a list of its issuer");
}

#[test]
fn the_subject_is_the_token() {
    refused(r#""sub":"0190"#, r#""sub":"0191"#, "its sub is not its jti");
    refused(r#""sub":"0190a0b0-c0d0"#, r#""sub":"0190A0B0-C0D0"#, "its sub is not its jti");
}

#[test]
fn an_issuer_that_is_not_a_url_is_refused() {
    let valid = claims_json(&grant());
    for wrong in ["", "https://auth example.org", "https://\u{1b}[2J", "https://auth.example.org\u{202e}"] {
        let json = valid.replace("https://auth.example.org:8443", wrong);
        let why = if wrong.contains('\u{1b}') { SHAPE } else { malformed("its iss is not a URL") };
        assert_eq!(read(&json), Err(why), "{wrong:?}");
    }
}

#[test]
fn the_audience_is_one_text() {
    misshapen(
        r#""aud":"https://auth.example.org:8443/enroll""#,
        r#""aud":["https://auth.example.org:8443/enroll"]"#,
    );
}

#[test]
fn roles_are_at_most_32_names() {
    let roles = r#"["allocator","proxy"]"#;
    let many = |count: usize| format!("[{}]", vec!["\"r\""; count].join(","));
    assert_eq!(changed(roles, "[]").unwrap().terms.roles, []);
    assert_eq!(changed(roles, &many(32)).unwrap().terms.roles.len(), 32);
    refused(roles, &many(33), "it has more than 32 roles");
    for wrong in [r#"["Allocator"]"#, r#"[""]"#, r#"["system:masters"]"#, r#"["allocator "]"#] {
        refused(roles, wrong, "one of its roles is not a role name");
    }
    for wrong in [r#""allocator""#, r#"{"0":"allocator"}"#, "[1]", "[null]", r#"[["allocator"]]"#, "true"] {
        misshapen(roles, wrong);
    }
}

#[test]
fn bindings_bind_something() {
    let bind = r#"{"host":"0190a0b0-c0d0-7000-8000-0000000000bb","cluster":"blue","dns_names":["*.nodes.example.org"]}"#;
    let nothing = "its bind is there but binds nothing";
    refused(bind, "{}", nothing);
    refused(r#"["*.nodes.example.org"]"#, "[]", nothing);
    assert_eq!(changed(bind, r#"{"cluster":"blue"}"#).unwrap().terms.bindings.dns_names, []);
    refused(r#""blue""#, r#""""#, "its bound cluster is not a cluster id");
    refused(r#""blue""#, r#""two words""#, "its bound cluster is not a cluster id");
}

#[test]
fn name_patterns_are_at_most_16() {
    let names = r#"["*.nodes.example.org"]"#;
    let many = |count: usize| format!("[{}]", vec!["\"a.org\""; count].join(","));
    assert_eq!(changed(names, &many(16)).unwrap().terms.bindings.dns_names.len(), 16);
    refused(names, &many(17), "it is bound to more than 16 name patterns");
    for wrong in [r#"["*"]"#, r#"["*.org"]"#, r#"["10.0.0.1"]"#, r#"["Node.example.org"]"#, r#"[""]"#] {
        refused(names, wrong, "one of its dns_names is not a pattern");
    }
    misshapen(names, r#""*.nodes.example.org""#);
}

#[test]
fn digests_have_one_spelling() {
    let Grant { root, terms: Terms { host_key: key, .. }, .. } = grant();
    let (sha, jkt) = (root.unwrap().to_string(), key.unwrap().to_string());
    for wrong in [sha.to_uppercase(), sha[1..].to_owned(), format!("{sha}0"), String::new()] {
        refused(&sha, &wrong, "its sha is not a fingerprint");
    }
    for wrong in [format!("{jkt}="), jkt[1..].to_owned(), format!("{jkt}A"), String::new()] {
        refused(&jkt, &wrong, "its jkt is not a thumbprint");
    }
}

#[test]
fn the_status_names_a_list_of_the_issuer() {
    let uri = "its status uri is not a list of its issuer";
    refused(r#""uri":"https://auth."#, r#""uri":"https://evil."#, uri);
    refused("/status/", "/statuses/", uri);
    refused("/status/", "/status/../", uri);
    refused("0000000000dd", "0000000000dd/", uri);
    refused(r#""idx":7"#, r#""idx":1048576"#, "its status index is beyond the end of a list");
    assert_eq!(
        changed(r#""idx":7"#, r#""idx":1048575"#).unwrap().token.status.index,
        STATUS_LIST_CAPACITY - 1
    );
    for wrong in ["-1", "7.0", "\"7\"", "4294967296", "null"] {
        misshapen(r#""idx":7"#, &format!(r#""idx":{wrong}"#));
    }
}
