//! The commands that bring gatepass to new hosts and enroll them: the files of `examples/`, filled in for this server.

use serde::{Deserialize, Serialize};

use crate::name::{Cluster, DnsName, Label};
use crate::shell_word::shell_word;

/// The command that enrolls a host. The token is pasted into `read`, and is never an argument.
pub const ENROLL: &str = "read -rs GATEPASS_TOKEN && export GATEPASS_TOKEN && sudo -E gatepass enroll";

const VM: &str = include_str!("../../examples/install/vm.sh");
const KUBERNETES: &str = include_str!("../../examples/install/kubernetes.sh");
const CLOUD_INIT: &str = include_str!("../../examples/cloud-init/user-data.yaml");
const ANSIBLE: &str = include_str!("../../examples/ansible/rollout.yml");

/// The values of the files, which are replaced here.
const URL: &str = "https://files.example.org/gatepass";
const CHART: &str = "examples/kubernetes/chart";
const SHELL_FLAGS: &str = " --cluster edge-1 --label 'edge proxies'";
const YAML_FLAGS: &str = ", --cluster, \"edge-1\", --label, \"edge proxies\"";
const CHART_VALUES: &str = " --set-string cluster=edge-1";

/// The beginning of a line that is for readers of the file alone.
const FOR_READERS: &str = "# Replace ";

/// The line for a server without the URL of the binary.
const NO_URL: &str = "# Install gatepass as /usr/local/bin/gatepass first: this server has no install_url.";

/// A way to bring gatepass to hosts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Platform {
    /// Commands for the shell of a host.
    #[default]
    Vm,
    /// Commands for kubectl and helm.
    Kubernetes,
    /// User data.
    CloudInit,
    /// A playbook.
    Ansible,
}

/// The facts of installations that the configuration has.
#[derive(Clone, Debug, Default)]
pub struct Installation {
    /// URL of the binary.
    pub url: Option<String>,
    /// The Helm chart: a reference, a URL or a path.
    pub chart: Option<String>,
}

/// The values of the new hosts.
#[derive(Debug)]
pub struct NewHosts<'a> {
    /// URL of the server, if tokens do not pin the root.
    pub server: Option<&'a str>,
    /// Cluster of the hosts.
    pub cluster: Option<&'a Cluster>,
    /// DNS name of the one host.
    pub name: Option<&'a DnsName>,
    /// Label of the hosts.
    pub label: Option<&'a Label>,
}

impl Installation {
    /// The text for hosts of this kind.
    pub fn command(&self, platform: Platform, hosts: &NewHosts<'_>) -> String {
        let url = self.url.as_deref();
        match platform {
            Platform::Vm => filled(VM, url, SHELL_FLAGS, &hosts.in_shell()),
            Platform::Kubernetes => {
                let chart = self.chart.as_deref().map_or(CHART.into(), shell_word);
                filled(KUBERNETES, url, CHART_VALUES, &hosts.in_chart()).replace(CHART, &chart)
            }
            Platform::CloudInit => filled(CLOUD_INIT, url, YAML_FLAGS, &hosts.in_yaml(yaml_text)),
            Platform::Ansible => filled(ANSIBLE, url, YAML_FLAGS, &hosts.in_yaml(ansible_text)),
        }
    }
}

impl NewHosts<'_> {
    /// The flags of `gatepass enroll`, each with its value.
    fn flags(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let flags = [
            ("--server", self.server),
            ("--cluster", self.cluster.map(Cluster::as_str)),
            ("--name", self.name.map(DnsName::as_str)),
            ("--label", self.label.map(Label::as_str)),
        ];
        flags.into_iter().filter_map(|(flag, value)| Some((flag, value?)))
    }

    fn in_shell(&self) -> String {
        self.flags().map(|(flag, value)| format!(" {flag} {}", shell_word(value))).collect()
    }

    fn in_yaml(&self, text: impl Fn(&str) -> String) -> String {
        self.flags().map(|(flag, value)| format!(", {flag}, {}", text(value))).collect()
    }

    /// Values of the chart. Pods have no label.
    fn in_chart(&self) -> String {
        let values = [("cluster", self.cluster.map(Cluster::as_str)), ("server", self.server)];
        let values = values.into_iter().filter_map(|(name, value)| Some(format!("{name}={}", value?)));
        values.map(|value| format!(" --set-string {}", shell_word(&value))).collect()
    }
}

/// A text in YAML, which has the texts of JSON.
fn yaml_text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The same in a playbook, where braces would begin an expression.
fn ansible_text(text: &str) -> String {
    if text.contains('{') { format!("!unsafe {}", yaml_text(text)) } else { yaml_text(text) }
}

/// The file with the URL of the binary and these flags.
fn filled(file: &str, url: Option<&str>, sample: &str, flags: &str) -> String {
    let lines = file.lines().filter(|line| !line.trim_start().starts_with(FOR_READERS));
    let lines = lines.map(|line| match (line.contains(URL), url) {
        (true, Some(url)) => line.replace(URL, &shell_word(url)),
        (true, None) => line.chars().take_while(|c| *c == ' ').chain(NO_URL.chars()).collect(),
        (false, _) => line.replace(sample, flags),
    });
    lines.map(|line| line + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [(Platform, &str); 4] = [
        (Platform::Vm, VM),
        (Platform::Kubernetes, KUBERNETES),
        (Platform::CloudInit, CLOUD_INIT),
        (Platform::Ansible, ANSIBLE),
    ];

    fn command(platform: Platform, (cluster, label): (&str, &str), url: Option<&str>) -> String {
        let (cluster, label) = (Cluster::parse(cluster).unwrap(), Label::parse(label).unwrap());
        let hosts = NewHosts { server: None, cluster: Some(&cluster), name: None, label: Some(&label) };
        Installation { url: url.map(str::to_owned), chart: None }.command(platform, &hosts)
    }

    #[test]
    fn the_values_of_the_files_give_the_files() {
        for (platform, file) in ALL {
            let lines = file.lines().filter(|line| !line.starts_with(FOR_READERS));
            let expected = lines.map(|line| format!("{line}\n")).collect::<String>();
            assert_eq!(command(platform, ("edge-1", "edge proxies"), Some(URL)), expected);
            assert_ne!(expected, file, "{platform:?} has no line for readers");
        }
        assert!(VM.contains(ENROLL) && KUBERNETES.contains(CHART));
    }

    #[test]
    fn every_value_of_a_file_is_replaced() {
        for (platform, _) in ALL {
            let text = command(platform, ("c-9", "l-9"), Some("https://repo.test/g?a=1&b=2"));
            assert!(!text.contains("edge") && !text.contains(URL), "{text}");
            assert!(text.contains("c-9"), "{text}");
            let has_binary = platform != Platform::Kubernetes;
            assert_eq!(text.contains("'https://repo.test/g?a=1&b=2'"), has_binary, "{text}");
            assert_eq!(text.contains("l-9"), has_binary, "{text}");
            let text = command(platform, ("c-9", "l-9"), None);
            assert_eq!(text.contains(NO_URL), has_binary, "{text}");
            assert!(!text.contains("curl") && !text.contains("example.org/gatepass\n"), "{text}");
        }
    }

    #[test]
    fn a_label_cannot_leave_its_word() {
        let label = "it's \"{{ x }}\" $(id)";
        let word = |platform| command(platform, ("c", label), None);
        assert!(word(Platform::Vm).contains(" --label 'it'\\''s \"{{ x }}\" $(id)'; unset"));
        assert!(word(Platform::CloudInit).contains(", --label, \"it's \\\"{{ x }}\\\" $(id)\"]"));
        assert!(word(Platform::Ansible).contains(", --label, !unsafe \"it's \\\"{{ x }}\\\" $(id)\"]"));
    }

    #[test]
    fn hosts_get_the_server_that_no_token_pins() {
        let hosts = NewHosts { server: Some("https://gate.test"), cluster: None, name: None, label: None };
        let known = Installation { url: None, chart: Some("oci://registry.test/charts/gatepass".to_owned()) };
        let text = |platform| known.command(platform, &hosts);
        assert!(text(Platform::Vm).contains("enroll --install-service --server https://gate.test; unset"));
        assert!(text(Platform::Ansible).contains("[--install-service, --server, \"https://gate.test\"]"));
        let helm = text(Platform::Kubernetes);
        assert!(
            helm.contains("helm install gatepass oci://registry.test/charts/gatepass --namespace"),
            "{helm}"
        );
        assert!(helm.contains(" --set-string server=https://gate.test\n"), "{helm}");
    }
}
