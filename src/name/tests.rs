//! Names that are accepted, normalised and refused.

use super::*;

#[test]
fn a_wildcard_stands_for_exactly_one_left_most_label() {
    let pattern = DnsPattern::parse("*.nodes.example.org").unwrap();
    let matches = |name: &str| pattern.matches(&DnsName::parse(name).unwrap());
    assert!(matches("a.nodes.example.org"));
    assert!(!matches("nodes.example.org"));
    assert!(!matches("a.b.nodes.example.org"));
    assert!(!matches("anodes.example.org"));
}

#[test]
fn names_that_are_not_concrete_dns_names_are_refused() {
    for wrong in [
        "",
        ".",
        "a.",
        "*.example.org",
        "Node.example.org",
        "10.0.0.1",
        "1.2.3",
        "0x7f.1",
        "a.0x7f",
        "a b",
        "-a.org",
        "::1",
        "a..b",
        "ex_ample.org",
        "xn--\u{fc}.org",
        "node.example.org\0",
    ] {
        assert!(DnsName::parse(wrong).is_err(), "{wrong:?}");
    }
    assert!(DnsName::parse(&"a.".repeat(127)).is_err());
    assert!(DnsName::parse("node-1.example.org").is_ok());
}

#[test]
fn a_typed_name_is_normalised() {
    for (text, name) in [
        ("WEB-01.Example.ORG", "web-01.example.org"),
        ("web-01.", "web-01"),
        (" web-01.example.org.\n", "web-01.example.org"),
    ] {
        assert_eq!(DnsName::parse_lenient(text).unwrap().as_str(), name);
        let pattern = format!("*.{}", text.trim_start());
        let is_wide = name.contains('.').then(|| format!("*.{name}"));
        assert_eq!(DnsPattern::parse_lenient(&pattern).ok().map(|pattern| pattern.to_string()), is_wide);
    }
}

#[test]
fn the_name_that_is_meant_is_offered() {
    let refused = |text: &str| DnsName::parse_lenient(text).unwrap_err().to_string();
    assert!(refused("Web_01.example.org").ends_with("it has '_'; write web-01.example.org"));
    assert!(refused("web 01").ends_with("it has ' '; write web-01"));
    let foreign = refused("m\u{fc}nchen.example.org");
    assert!(foreign.contains("it has '\u{fc}'") && foreign.contains("xn--"), "{foreign}");
    for wrong in ["", ".", "a..b", "_", "10.0.0.1", "a/b", "*.example.org"] {
        let refused = refused(wrong);
        assert!(!refused.contains("; write "), "{wrong}: {refused}");
    }
    let pattern = DnsPattern::parse_lenient("*.a_b.example.org").unwrap_err().to_string();
    assert!(pattern.ends_with("write *.a-b.example.org"), "{pattern}");
}

#[test]
fn a_pattern_covers_itself_and_a_wildcard_its_siblings() {
    let covers =
        |one: &str, other: &str| DnsPattern::parse(one).unwrap().covers(&DnsPattern::parse(other).unwrap());
    assert!(covers("*.eu.example.org", "*.eu.example.org") && covers("a.example.org", "a.example.org"));
    assert!(covers("*.eu.example.org", "a.eu.example.org"));
    for other in
        ["eu.example.org", "*.a.eu.example.org", "a.b.eu.example.org", "aeu.example.org", "*.example.org"]
    {
        assert!(!covers("*.eu.example.org", other), "{other}");
    }
    assert!(!covers("a.eu.example.org", "*.eu.example.org"));
}

#[test]
fn patterns_wider_than_a_parent_domain_are_refused() {
    for wrong in ["*", "*.org", "a.*.org", "**.example.org", "*a.example.org", "*.*.example.org"] {
        assert!(DnsPattern::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_label_counts_characters_and_refuses_control_characters() {
    assert!(Label::parse(&"\u{fc}".repeat(128)).is_ok());
    assert_eq!(
        Label::parse(&"a".repeat(129)),
        Err(NameError::TooLong { what: "label", length: 129, most: 128 })
    );
    assert!(Label::parse("two\nlines").is_err());
}

#[test]
fn a_label_has_no_hidden_characters() {
    for hidden in [
        '\u{202e}',
        '\u{2066}',
        '\u{200b}',
        '\u{200e}',
        '\u{feff}',
        '\u{2028}',
        '\u{2029}',
        '\u{ad}',
        '\u{e0041}',
        '\u{e000}',
        '\u{ffff}',
        '\u{85}',
        '\u{7f}',
        '\u{1b}',
    ] {
        let text = format!("rack{hidden}7");
        assert!(Label::parse(&text).is_err(), "{text:?}");
    }
    for good in [
        "rack 7",
        "b\u{fc}ro",
        "\u{628}\u{200c}\u{62a}",
        "\u{915}\u{94d}\u{200d}\u{937}",
        "\u{1f5a5}",
        "a\u{a0}b",
    ] {
        assert!(Label::parse(good).is_ok(), "{good:?}");
    }
    for at_an_end in ["\u{200d}", "a\u{200c}", "\u{200c}a", "a \u{200d}b", "a\u{200d}\u{200d}b"] {
        assert!(Label::parse(at_an_end).is_err(), "{at_an_end:?}");
    }
}

#[test]
fn a_user_name_starts_with_a_letter_or_digit() {
    for good in ["admin", "7of9", "a.b_c-d@example.org"] {
        assert_eq!(UserName::parse(good).unwrap().as_str(), good);
    }
    assert!(UserName::parse(&"a".repeat(64)).is_ok());
    let long = "a".repeat(65);
    for wrong in ["", "Admin", "@a", ".a", "a b", "a:b", "a/b", "\u{e4}", long.as_str()] {
        assert!(UserName::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_role_starts_with_a_lower_case_letter() {
    assert!(Role::parse("allocator").is_ok());
    for wrong in ["", "Allocator", "1st", "a role", "system:masters"] {
        assert!(Role::parse(wrong).is_err(), "{wrong}");
    }
}
