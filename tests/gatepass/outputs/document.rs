//! The lines about outputs of Elastic's document about enrollment tokens. The doc comment of a test quotes each.

/// Each promise of the document about outputs.
const PROMISES: [&str; 16] = [
    "The enrollment token enrolls the Elastic Agent in a specific agent policy that defines the data to be collected by the agent",
    "which output to use.",
    "Depending on the output of the agent policy with which the enrollment token is associated, Fleet Server also passes \
     additional data to Elastic Agent",
    "For the Elasticsearch and remote Elasticsearch outputs, it passes an output API key.",
    "This API key is used to send data to Elasticsearch.",
    "It has the minimal permissions needed to ingest all the data specified by the agent policy.",
    "If the API key is invalid, Elastic Agent stops ingesting data into Elasticsearch.",
    "For the Kafka output, it passes authentication parameters.",
    "The authentication parameters are defined in the authentication settings of the Kafka output",
    "are used by Elastic Agent to authenticate with the Kafka cluster before sending data to it.",
    "For the Logstash output, it passes SSL/TLS configuration details.",
    "The SSL/TLS configuration details such as the SSL certificate authority, the SSL certificate, and the SSL certificate key \
     are defined during Logstash output creation.",
    "Elastic Agent uses SSL/TLS client authentication to authenticate with the Logstash pipeline before sending data to it.",
    "Although an API key is generated during Logstash output creation, this key is not passed to Elastic Agent by Fleet Server.",
    "If the Logstash pipeline uses the Elasticsearch output",
    "this API key is used by Logstash to authenticate with the Elasticsearch cluster before sending data to it.",
];

const TESTS: [&str; 3] =
    [include_str!("hosts.rs"), include_str!("../output_keys.rs"), include_str!("../output_keys/ends.rs")];

#[test]
fn every_promise_about_outputs_has_a_test() {
    let comments = TESTS.iter().flat_map(|file| file.lines()).filter_map(|line| line.strip_prefix("/// "));
    let comments = comments.collect::<Vec<_>>().join(" ");
    for promise in PROMISES {
        assert!(comments.contains(&format!("\"{promise}\"")), "no test quotes {promise:?}");
    }
}
