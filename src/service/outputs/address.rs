//! The addresses of outputs. An error repeats no address: one may hold a password.

use crate::outbound::AllowedDestinations;
use crate::server_url::ServerUrl;
use crate::store::OutputKind;

/// Judges an address, and returns its one spelling.
pub(super) fn judge(kind: OutputKind, text: &str, allowed: &AllowedDestinations) -> Result<String, String> {
    let form = if kind.is_elasticsearch() { "https://host[:port]" } else { "host:port" };
    let refused = |why: &str| Err(format!("{why}: write {form}"));
    if text.contains('@') {
        return refused("it has a user or a password");
    }
    if kind.is_elasticsearch() && !text.to_ascii_lowercase().starts_with("https://") {
        return refused("only https is allowed");
    }
    let url = match kind.is_elasticsearch() {
        true => ServerUrl::parse(text).ok(),
        false => ServerUrl::of_authority(text).filter(|_| has_port(text)),
    };
    let Some(url) = url else { return refused("it is not an address") };
    if let Some(kind) = allowed.refuse(url.server_name()) {
        return Err(format!("{kind} is refused, unless [outputs] allow names it"));
    }
    let authority = url.authority();
    Ok(match kind.is_elasticsearch() {
        true => format!("https://{}", authority.strip_suffix(":443").unwrap_or(&authority)),
        false => authority,
    })
}

/// Returns true if a text ends with a port.
fn has_port(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server_url::ServerName;

    fn judged(kind: OutputKind, text: &str) -> Result<String, String> {
        judge(kind, text, &AllowedDestinations::default())
    }

    #[test]
    fn an_address_has_one_spelling() {
        for (text, shown) in [
            ("https://ES.example.org:9200", "https://es.example.org:9200"),
            ("https://es.example.org:443/", "https://es.example.org"),
            ("https://[2001:db8::1]:9200", "https://[2001:db8::1]:9200"),
            ("https://[2001:DB8:0::1]:09200", "https://[2001:db8::1]:9200"),
        ] {
            assert_eq!(judged(OutputKind::Elasticsearch, text).as_deref(), Ok(shown));
        }
        for (text, shown) in [
            ("Kafka-1.example.org:9092", "kafka-1.example.org:9092"),
            ("kafka:09092", "kafka:9092"),
            ("[2001:db8::1]:443", "[2001:db8::1]:443"),
            ("[2001:DB8:0::1]:9092", "[2001:db8::1]:9092"),
        ] {
            assert_eq!(judged(OutputKind::Kafka, text).as_deref(), Ok(shown));
        }
    }

    #[test]
    fn other_forms_are_refused() {
        for wrong in [
            "http://es.example.org:9200",
            "es.example.org:9200",
            "https://",
            "https://es.example.org/path",
            "https://elastic:hunter2@es.example.org",
            "https://es.example.org:0",
            "https://es_1.example.org",
        ] {
            let why = judged(OutputKind::RemoteElasticsearch, wrong).unwrap_err();
            assert!(!why.contains("hunter2") && why.ends_with("write https://host[:port]"), "{wrong}: {why}");
        }
        for wrong in [
            "kafka.example.org",
            "https://kafka.example.org:9092",
            "a:b@kafka:9092",
            "",
            ":9092",
            "kafka:",
            "::1",
        ] {
            assert!(judged(OutputKind::Kafka, wrong).is_err(), "{wrong}");
            assert!(judged(OutputKind::Logstash, wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_loopback_address_is_allowed_by_name_alone() {
        for (kind, text) in [
            (OutputKind::Elasticsearch, "https://127.0.0.1:9200"),
            (OutputKind::Elasticsearch, "https://localhost"),
            (OutputKind::Elasticsearch, "https://[::1]:9200"),
            (OutputKind::Elasticsearch, "https://169.254.169.254"),
            (OutputKind::Kafka, "localhost:9092"),
            (OutputKind::Logstash, "0.0.0.0:5044"),
        ] {
            let why = judged(kind, text).unwrap_err();
            assert!(why.ends_with("is refused, unless [outputs] allow names it"), "{text}: {why}");
        }
        let allowed = AllowedDestinations::new(vec![ServerName::parse("localhost").unwrap()]);
        assert!(judge(OutputKind::Kafka, "localhost:9092", &allowed).is_ok());
        assert!(judge(OutputKind::Kafka, "127.0.0.1:9092", &allowed).is_err());
    }
}
