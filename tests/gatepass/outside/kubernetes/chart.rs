//! The chart: helm accepts it, wrong values are refused, and its manifests are those of the plain file.

use serde_json::{Value, json};

use super::manifest::{REQUIRED, documents, helm, of_kind, plain, rendered, validate};

/// The oldest version that the chart is for, and the newest with schemas.
const VERSIONS: [&str; 2] = ["1.25", "1.37"];
/// A value for every field.
const EVERY_VALUE: [&str; 12] = [
    "secret=other-token",
    "server=https://gate.example.org:8443",
    "image.tag=1.0",
    "image.pullPolicy=Always",
    "imagePullSecrets[0].name=registry",
    "tolerations[0].operator=Exists",
    "nodeSelector.pool=edge",
    "hostPath=/srv/gatepass",
    "runAsUser=65532",
    "wait=1m",
    "resources.limits.cpu=1",
    "resources.requests.cpu=50m",
];

#[test]
fn helm_finds_nothing_wrong_in_the_chart() {
    helm(&["lint", "--strict"], &REQUIRED).expect_good();
    helm(&["lint", "--strict"], &[&REQUIRED[..], &EVERY_VALUE].concat()).expect_good();
}

#[test]
fn wrong_values_are_refused() {
    let words = ["template", "gatepass"];
    assert!(helm(&words, &REQUIRED[1..]).expect_bad().contains("/cluster"));
    assert!(helm(&words, &REQUIRED[..1]).expect_bad().contains("/image/repository"));
    for (wrong, named) in [
        ("clusters=edge-1", "clusters"),
        ("server=gate.example.org", "/server"),
        ("hostPath=data", "/hostPath"),
        ("wait=ten", "/wait"),
        ("runAsUser=-1", "/runAsUser"),
        ("token=secret", "token"),
    ] {
        let said = helm(&words, &[&REQUIRED[..], &[wrong]].concat()).expect_bad();
        assert!(said.contains(named), "{wrong}: {said}");
    }
}

#[test]
fn every_manifest_fits_the_schemas_of_kubernetes() {
    for version in VERSIONS {
        for text in [plain(), rendered(&[]), rendered(&EVERY_VALUE)] {
            validate(version, &text).expect_good();
        }
        let wrong = plain().replace("enableServiceLinks", "enableServiceLink");
        validate(version, &wrong).expect_bad();
    }
}

#[test]
fn chart_and_plain_file_describe_the_same_pods() {
    let (mut chart, plain) = (of_kind(&rendered(&[]), "DaemonSet"), of_kind(&plain(), "DaemonSet"));
    for container in ["initContainers", "containers"] {
        let policy = chart["spec"]["template"]["spec"][container][0].as_object_mut().unwrap();
        assert_eq!(policy.remove("imagePullPolicy"), Some(json!("IfNotPresent")));
    }
    assert_eq!(chart["spec"], plain["spec"]);
}

#[test]
fn values_reach_the_pods() {
    let set = of_kind(&rendered(&EVERY_VALUE), "DaemonSet");
    let pod = &set["spec"]["template"]["spec"];
    let args = pod["initContainers"][0]["args"].as_array().unwrap();
    assert!(args.contains(&json!("--server=https://gate.example.org:8443")), "{args:?}");
    assert!(args.contains(&json!("--cluster=edge-1")) && args.contains(&json!("--wait=1m")), "{args:?}");
    for (pointer, value) in [
        ("/tolerations/0/operator", json!("Exists")),
        ("/nodeSelector/pool", json!("edge")),
        ("/imagePullSecrets/0/name", json!("registry")),
        ("/securityContext/runAsUser", json!(65_532)),
        ("/securityContext/runAsNonRoot", json!(true)),
        ("/securityContext/fsGroup", json!(65_532)),
        ("/containers/0/image", json!("registry.example.org/gatepass:1.0")),
        ("/containers/0/resources/limits/cpu", json!(1)),
        ("/volumes/0/hostPath/path", json!("/srv/gatepass")),
        ("/volumes/1/secret/secretName", json!("other-token")),
    ] {
        assert_eq!(pod.pointer(pointer), Some(&value), "{pointer}");
    }
}

#[test]
fn no_pod_may_call_the_api_server() {
    for text in [plain(), rendered(&[])] {
        let kinds = documents(&text).iter().map(|document| document["kind"].clone()).collect::<Vec<_>>();
        assert_eq!(kinds, ["ServiceAccount", "DaemonSet"], "no role is bound");
        let pod = of_kind(&text, "DaemonSet")["spec"]["template"]["spec"].clone();
        let account = of_kind(&text, "ServiceAccount");
        assert_eq!(account["automountServiceAccountToken"], json!(false));
        assert_eq!(pod["automountServiceAccountToken"], json!(false));
        assert_eq!(pod["serviceAccountName"], account["metadata"]["name"]);
        for container in ["initContainers", "containers"] {
            let context: &Value = &pod[container][0]["securityContext"];
            assert_eq!(context["readOnlyRootFilesystem"], json!(true));
            assert_eq!(context["capabilities"]["drop"], json!(["ALL"]));
        }
    }
}
