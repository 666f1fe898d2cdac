//! A node of a cluster: the directory of its identity, the mounted Secret, and the containers of the rendered pod.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;

use serde_json::Value;
use tempfile::TempDir;

use super::manifest::{of_kind, rendered};
use crate::outside::pod::{Ended, Pod, Running};

/// Root keeps no capability, as the manifest demands.
const WITHOUT_CAPABILITIES: [&str; 4] =
    ["/usr/bin/setpriv", "--no-new-privs", "--inh-caps=-all", "--bounding-set=-all"];

/// A node. Its directories stay from pod to pod.
pub(super) struct Node {
    dir: TempDir,
    name: String,
    /// The specification of the pod.
    spec: Value,
}

impl Node {
    /// A node that the pods of the chart come to. A pod waits for the server for one second.
    pub(super) fn new(name: &str) -> Self {
        let spec = of_kind(&rendered(&["wait=1s"]), "DaemonSet")["spec"]["template"]["spec"].clone();
        let dir = tempfile::tempdir().unwrap();
        for made in ["identity", "secret", "root"] {
            fs::create_dir(dir.path().join(made)).unwrap();
        }
        // As the kubelet makes the directory of a hostPath.
        fs::set_permissions(dir.path().join("identity"), fs::Permissions::from_mode(0o755)).unwrap();
        Self { dir, name: name.to_owned(), spec }
    }

    /// The same with this token in the Secret.
    pub(super) fn with_secret(self, token: &str) -> Self {
        self.set_secret(token);
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Gives the mounted Secret another content, as the kubelet does: a new directory, and one link that names it.
    pub(super) fn set_secret(&self, token: &str) {
        let secret = self.path("secret");
        let content = tempfile::Builder::new().prefix("..").tempdir_in(&secret).unwrap().keep();
        let file = content.join("token");
        fs::write(&file, token).unwrap();
        fs::set_permissions(&content, fs::Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o440)).unwrap();
        let link = secret.join("..data_tmp");
        symlink(content.file_name().unwrap(), &link).unwrap();
        fs::rename(link, secret.join("..data")).unwrap();
        // The first content brings the name of the key.
        let _ = symlink("..data/token", secret.join("token"));
    }

    /// Deletes the Secret, which is optional: the next pod finds an empty directory.
    pub(super) fn delete_secret(&self) {
        fs::remove_dir_all(self.path("secret")).unwrap();
        fs::create_dir(self.path("secret")).unwrap();
    }

    fn pod(&self, container: &Value) -> Pod {
        let mut pod = Pod::of_binary(self.path("root"));
        for mount in container["volumeMounts"].as_array().unwrap() {
            let name = mount["name"].as_str().unwrap();
            let source = if name == "token" { "secret" } else { name };
            pod = pod.with(&self.path(source), mount["mountPath"].as_str().unwrap());
        }
        pod
    }

    /// The entry point of the image, with the arguments of a container.
    fn words(&self, container: &Value) -> Vec<String> {
        let args = container["args"].as_array().unwrap().iter().map(|word| word.as_str().unwrap());
        let words = WITHOUT_CAPABILITIES.into_iter().chain(["/gatepass"]).chain(args);
        words.map(|word| word.replace("$(NODE_NAME)", &self.name)).collect()
    }

    /// Runs the init container of a new pod to its end.
    pub(super) fn starts(&self) -> Ended {
        let container = &self.spec["initContainers"][0];
        let words = self.words(container);
        self.pod(container).run(&words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// The same, which must let the pod go on; its output.
    pub(super) fn goes_on(&self) -> String {
        let ended = self.starts();
        assert_eq!(ended.code, Some(0), "{}", ended.said);
        ended.said
    }

    /// The same, which must end with this code; its output.
    pub(super) fn stops(&self, code: i32) -> String {
        let ended = self.starts();
        assert_eq!(ended.code, Some(code), "{}", ended.said);
        ended.said
    }

    /// Starts the container that renews.
    pub(super) fn renews(&self) -> Running {
        let container = &self.spec["containers"][0];
        let words = self.words(container);
        self.pod(container)
            .start(&words.iter().map(String::as_str).collect::<Vec<_>>(), &self.path("renew.log"))
    }

    /// Runs the readiness probe; its exit code.
    pub(super) fn probe(&self) -> Ended {
        let container = &self.spec["containers"][0];
        let words = container["readinessProbe"]["exec"]["command"].as_array().unwrap();
        self.pod(container).run(&words.iter().map(|word| word.as_str().unwrap()).collect::<Vec<_>>())
    }

    /// The directory of the identity.
    pub(super) fn identity(&self) -> PathBuf {
        self.path("identity")
    }

    /// A file of the identity.
    pub(super) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.identity().join(name)).unwrap()
    }

    /// A member of `host.json`.
    pub(super) fn host(&self, member: &str) -> String {
        let host: Value = serde_json::from_str(&self.read("host.json")).unwrap();
        host[member].as_str().unwrap().to_owned()
    }

    /// Makes the renewal due.
    pub(super) fn make_due(&self) {
        let mut host: Value = serde_json::from_str(&self.read("host.json")).unwrap();
        host["renew_after"] = "2020-01-01T00:00:00Z".into();
        fs::write(self.identity().join("current/host.json"), host.to_string()).unwrap();
    }
}
