//! The values of a valid configuration, and every mistake of an invalid one.

use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::access::throttle::Limit;

fn load(text: &str, variables: &[(&str, &str)], overrides: Overrides) -> Result<Config, ConfigErrors> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join(FILE_NAME);
    std::fs::write(&file, text).unwrap();
    Config::load(Some(&file), &Environment::from_pairs(variables.iter().copied()), overrides)
}

fn set(field: &str, value: &str) -> Overrides {
    Overrides { fields: vec![FlagValue::set(field, value)], ..Overrides::default() }
}

fn messages(result: Result<Config, ConfigErrors>) -> Vec<String> {
    match result {
        Ok(_) => Vec::new(),
        Err(errors) => errors.problems().iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn nothing_written_gives_the_documented_defaults() {
    let config = load("", &[], Overrides::default()).unwrap();
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8443");
    assert_eq!(config.server.url_at(config.server.listen).to_string(), "https://127.0.0.1:8443");
    assert_eq!(config.server.trust_domain, None);
    assert_eq!(config.server.data_dir, PathBuf::from("./gatepass-data"));
    assert_eq!(config.server.keys_dir, PathBuf::from("./gatepass-data/keys"));
    assert_eq!(config.tokens.spans.default_ttl, Duration::from_secs(900));
    assert_eq!(config.hosts.certificate_lifetime, Duration::from_secs(30 * 86_400));
    assert_eq!(config.roles.len(), 4);
    assert!(config.http.public_metrics && !config.hosts.allow_rsa_keys);
}

#[test]
fn three_mistakes_give_three_messages_in_one_run() {
    let text = "[server]\nlisten = \"here\"\n[tokens]\ndefault_tll = \"15m\"\nretention = 7\n";
    let messages = messages(load(text, &[], Overrides::default()));
    assert_eq!(messages.len(), 3, "{messages:#?}");
    for (key, example) in [
        ("server.listen", "127.0.0.1:8443"),
        ("tokens.default_tll", "default_ttl"),
        ("tokens.retention", "7d"),
    ] {
        assert!(
            messages.iter().any(|m| m.contains("gatepass.toml: ") && m.contains(key) && m.contains(example)),
            "{key}"
        );
    }
}

#[test]
fn mistakes_of_every_layer_are_reported_together() {
    let (flag, field, value) = ("--external-url".into(), "server.external_url".into(), "http://plain".into());
    let overrides = Overrides { fields: vec![FlagValue { flag, field, value }], ..Overrides::default() };
    let variables = [
        ("GATEPASS_HTTP__MAX_CONNECTIONS", "many"),
        ("GATEPASS_TOKENS__TTL", "1m"),
        ("GATEPASS_ADMIN_PASSWORD", "short"),
    ];
    let messages = messages(load("[log]\nformat = \"xml\"\nlevel = true\n[lgo]\n", &variables, overrides));
    assert_eq!(messages.len(), 7, "{messages:#?}");
    for place in [
        "--external-url",
        "GATEPASS_HTTP__MAX_CONNECTIONS",
        "GATEPASS_TOKENS__TTL",
        "GATEPASS_ADMIN_PASSWORD",
    ] {
        assert!(messages.iter().any(|message| message.starts_with(place)), "{place}");
    }
    assert!(messages.iter().all(|message| !message.contains("short;") && !message.contains("\"short\"")));
}

#[test]
fn flags_override_the_environment_and_the_file() {
    let text = "[tokens]\ndefault_ttl = \"1m\"\nece_ttl = \"2m\"\nretention = \"3d\"\n";
    let variables = [("GATEPASS_TOKENS__ECE_TTL", "4m"), ("GATEPASS_TOKENS__RETENTION", "5d")];
    let config = load(text, &variables, set("tokens.retention", "6d")).unwrap();
    assert_eq!(config.tokens.spans.default_ttl, Duration::from_secs(60));
    assert_eq!(config.tokens.ece_ttl, Duration::from_secs(240));
    assert_eq!(config.tokens.spans.retention, Duration::from_secs(6 * 86_400));
}

#[test]
fn rates_are_read_and_every_mistake_reported() {
    let config = load(
        "[limits]\naddress = \"5/h\"\nactor = \"off\"\nrefused_token = \"\"\n",
        &[],
        Overrides::default(),
    );
    let rates = config.unwrap().limits;
    assert_eq!(rates[&Limit::Address].to_string(), "5/h");
    assert_eq!(rates[&Limit::RefusedAddress].to_string(), "60/m");
    assert!(
        [Limit::Actor, Limit::RefusedToken, Limit::Redemptions].iter().all(|off| !rates.contains_key(off))
    );
    let text =
        "[limits]\naddress = \"5\"\nactor = 5\nredemptions = \"0/s\"\n[http]\nproxy_protocol = [\"x\"]\n";
    let messages = messages(load(text, &[("GATEPASS_LIMITS__REFUSED_TOKEN", "5/d")], Overrides::default()));
    assert_eq!(messages.len(), 5, "{messages:#?}");
    for place in ["limits.address", "limits.actor", "limits.redemptions", "http.proxy_protocol"] {
        assert!(messages.iter().any(|message| message.contains(place)), "{place}");
    }
    assert!(messages.iter().any(|message| message.starts_with("GATEPASS_LIMITS__REFUSED_TOKEN")));
}

#[test]
fn a_file_that_is_not_toml_names_the_line() {
    let messages = messages(load("[server]\nlisten = \n", &[], Overrides::default()));
    assert_eq!(messages.len(), 1);
    assert!(messages[0].contains("line 2"), "{messages:?}");
}

#[test]
fn a_missing_named_file_is_a_mistake() {
    let missing = Path::new("/nonexistent/gatepass.toml");
    let messages = messages(Config::load(Some(missing), &Environment::default(), Overrides::default()));
    assert!(messages[0].contains("cannot be read"), "{messages:?}");
}

#[test]
fn fields_that_belong_together_are_refused_alone() {
    let text = "[server]\ntls_key = \"a\"\nlisten = \"0.0.0.0:1\"\n[ca]\nroot = \"r\"\n[tokens]\ndefault_ttl = \"2d\"\n";
    let refused = messages(load(text, &[], Overrides::default()));
    assert_eq!(refused.len(), 5, "{refused:#?}");
    let refused = messages(load("[ca]\nroot_crl = \"r\"\n", &[], Overrides::default()));
    assert_eq!(refused.len(), 1, "{refused:#?}");
}

#[test]
fn roles_replace_the_catalogue_and_are_checked() {
    let text = "[[roles]]\nrole = \"web\"\n[[roles]]\nrole = \"Web\"\n[[roles]]\nrole = \"web\"\n[[roles]]\nname = \"x\"\n";
    assert_eq!(messages(load(text, &[], Overrides::default())).len(), 3);
    let config =
        load("[[roles]]\nrole = \"web\"\ndescription = \"pages\"\n", &[], Overrides::default()).unwrap();
    assert_eq!(config.roles.len(), 1);
}

#[test]
fn certificates_by_name_are_read_beside_the_file() {
    let certificate = |name: &str| {
        format!("[[server.certificates]]\nname = \"{name}\"\ncertificate = \"c.pem\"\nkey = \"/k.pem\"\n")
    };
    let config = load(&certificate("Console.example.org"), &[], Overrides::default()).unwrap();
    let [NamedCertificate { name, files }] = &config.server.certificates[..] else {
        panic!("one certificate")
    };
    assert_eq!((name.as_str(), files.key.to_str()), ("console.example.org", Some("/k.pem")));
    assert!(files.certificate.is_absolute() && files.certificate.ends_with("c.pem"), "{files:?}");
    let again = load(&config.to_toml(), &[], Overrides::default()).unwrap();
    assert_eq!(again.server.certificates, config.server.certificates);

    let server = "[server]\nexternal_url = \"https://gate.example.org\"\nnames = [\"g2.example.org\"]\n";
    let refused = |text: &str| messages(load(&[server, text].concat(), &[], Overrides::default())).join("\n");
    for (text, why) in [
        (certificate("gate.example.org"), "the name in server.external_url"),
        (certificate("g2.example.org"), "one of server.names"),
        (
            certificate("a.example.org").repeat(2),
            "server.certificates[2]: the name a.example.org is listed twice",
        ),
        (certificate("192.0.2.1"), "192.0.2.1"),
        ("[[server.certificates]]\nname = \"a.example.org\"\n".to_owned(), "certificate is missing"),
        (format!("{}names = []\n", certificate("a.example.org")), "there is no such field: names"),
        ("certificates = 1\n".to_owned(), "a list of tables"),
    ] {
        let said = refused(&text);
        assert!(said.contains(why), "{why}: {said}");
    }
}

#[test]
fn audiences_are_joined_with_commas_in_variables() {
    let text = "[tokens]\naudiences = [\"https://jobs.example.org\", \"urn:example:files\"]\n";
    let config = load(text, &[], Overrides::default()).unwrap();
    assert_eq!(config.tokens.audiences, ["https://jobs.example.org", "urn:example:files"]);
    let again = load(&config.to_toml(), &[], Overrides::default()).unwrap();
    assert_eq!(again.tokens, config.tokens);
    let variables = [("GATEPASS_TOKENS__AUDIENCES", "https://a.example.org, https://b.example.org")];
    let config = load(text, &variables, Overrides::default()).unwrap();
    assert_eq!(config.tokens.audiences, ["https://a.example.org", "https://b.example.org"]);
    let config = load(text, &variables, set("tokens.audiences", "")).unwrap();
    assert!(config.tokens.audiences.is_empty());
}

#[test]
fn every_invalid_audience_is_reported() {
    let long = format!("https://jobs.example.org/{}", "x".repeat(256));
    let own = "https://gate.example.org/enroll";
    let bad = [
        "jobs",
        "/jobs",
        "https://",
        ":x",
        "https://a b",
        "https://a#b",
        "https://ä.example.org",
        &long,
        own,
    ];
    let mut listed = bad.map(|text| format!("{text:?}")).to_vec();
    listed.extend(["\"https://twice\"".into(), "\"https://twice\"".into(), "7".into()]);
    let text = format!(
        "[server]\nexternal_url = \"https://gate.example.org\"\n[tokens]\naudiences = [{}]\n",
        listed.join(", ")
    );
    let messages = messages(load(&text, &[], Overrides::default()));
    assert_eq!(messages.len(), bad.len() + 2, "{messages:#?}");
    for part in bad.iter().map(|text| format!("{text:?}")).chain(["twice".into(), "a whole number".into()]) {
        assert!(messages.iter().any(|message| message.contains(&part)), "{part}: {messages:#?}");
    }
    let text = "[tokens]\naudiences = \"https://jobs.example.org\"\n";
    assert!(self::messages(load(text, &[], Overrides::default()))[0].contains("not a list"));
}

#[test]
fn the_passwords_file_is_read_when_it_is_needed() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("password");
    let overrides = Overrides { admin_password_file: Some(file.clone()), ..Overrides::default() };
    let given = load("", &[], overrides).unwrap().server.admin_password.unwrap();
    let why = given.read().map(drop).unwrap_err().to_string();
    assert!(why.starts_with("--admin-password-file") && why.contains("No such file"), "{why}");
    std::fs::write(&file, "correct horse battery\u{a0}\n").unwrap();
    let why = given.read().map(drop).unwrap_err().to_string();
    assert!(why.contains("character 22 is U+00A0"), "{why}");
    std::fs::write(&file, "short\n").unwrap();
    assert!(matches!(given.read(), Err(ConfigProblem::Invalid { .. })));
    std::fs::write(&file, "\u{feff}correct horse battery\r\n").unwrap();
    for _ in 0..2 {
        assert_eq!(given.read().unwrap().expose(), "correct horse battery");
        let _ = std::fs::remove_file(&file);
    }
}

#[test]
fn the_example_has_every_field_at_its_default() {
    let uncommented: String = example()
        .lines()
        .filter_map(|line| match line.strip_prefix("# ") {
            Some(rest) if rest.starts_with("[[") => Some(format!("{rest}\n")),
            Some(rest) => {
                rest.split_once(" = ").filter(|(key, _)| !key.contains(' ')).map(|_| format!("{rest}\n"))
            }
            None => Some(format!("{line}\n")),
        })
        .collect();
    let config = load(&uncommented, &[], Overrides::default())
        .unwrap_or_else(|error| panic!("{error}\n{uncommented}"));
    assert_eq!(config.tokens, load("", &[], Overrides::default()).unwrap().tokens);
    for field in field::SECTIONS.iter().flat_map(|section| section.fields) {
        assert!(example().contains(&format!("# {} = ", field.key)), "{}", field.key);
    }
}

#[test]
fn the_effective_values_are_read_back() {
    let config = load("[hosts]\ncrl_url = \"http://crl.example.org\"\n", &[], Overrides::default()).unwrap();
    let again = load(&config.to_toml(), &[], Overrides::default()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(again.to_json(), config.to_json());
}

#[test]
fn dev_keeps_its_keys_in_the_checkout() {
    let config = load("", &[], Overrides { dev: true, ..Overrides::default() }).unwrap();
    assert_eq!(config.server.keys_dir, PathBuf::from("keys"));
}

#[test]
fn a_free_port_shows_in_the_default_url() {
    let local = SocketAddr::from(([127, 0, 0, 1], 4711));
    let config = load("", &[], Overrides::default()).unwrap();
    assert_eq!(config.server.url_at(local).to_string(), "https://127.0.0.1:4711");
    let given = set("server.external_url", "https://gate.example.org");
    assert_eq!(load("", &[], given).unwrap().server.url_at(local).to_string(), "https://gate.example.org");
}

#[test]
fn a_missing_companion_has_the_name_of_its_layer() {
    let fields = vec![FlagValue {
        flag: String::from("--tls-cert"),
        field: String::from("server.tls_certificate"),
        value: "/tls".into(),
    }];
    let by_flag = messages(load("", &[], Overrides { fields, ..Overrides::default() }));
    assert_eq!(by_flag, ["--tls-cert: it needs --tls-key beside it"]);
    let by_variable = messages(load("", &[("GATEPASS_SERVER__TLS_KEY", "/tls")], Overrides::default()));
    let expected = "GATEPASS_SERVER__TLS_KEY: it needs GATEPASS_SERVER__TLS_CERTIFICATE beside it";
    assert_eq!(by_variable, [expected]);
}
