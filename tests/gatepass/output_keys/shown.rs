//! The state of outputs as operators see it: by output, by host, and for the whole authority.

use serde_json::{Value, json};

use super::{OUTPUTS, Site};
use crate::support::cluster::Conduct;
use crate::support::eventually;
use crate::support::fleet::{Member, change};
use crate::support::process::gatepass;

/// The output of a command on the server's own machine.
async fn told(site: &Site, arguments: &[&str]) -> String {
    let mut command = gatepass();
    command.args(arguments).arg("--data-dir").arg(site.at.data_dir());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

async fn get(site: &Site, path: &str) -> Value {
    let said = site.at.admin().get(path).await;
    assert_eq!(said.status, 200, "{}", said.text);
    said.json
}

/// The outputs of a host as administrators see them.
async fn outputs_of(site: &Site, member: &Member) -> Value {
    get(site, &format!("/api/v1/hosts/{}", member.id())).await["outputs"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_see_the_hosts_of_a_failing_output() {
    let site = Site::start().await;
    site.at.settled().await;
    site.cluster.conduct(Conduct::Answering(403, String::from("the-words-of-the-cluster")));
    let silent = Member::of(&site.at, &site.policy).await;
    site.reaches("refused").await;
    let (id, path) = (&site.output["id"], format!("{OUTPUTS}/{}", site.output["id"].as_str().unwrap()));
    let keys = get(&site, &path).await["keys"].clone();
    assert_eq!((&keys["refused"], &keys["ready"], &keys["to_invalidate"]), (&json!(1), &json!(0), &json!(0)));
    assert_eq!(get(&site, OUTPUTS).await["items"][0]["keys"], keys);
    assert_eq!(get(&site, "/api/v1/overview").await["output_keys"], keys);
    let outputs = outputs_of(&site, &site.member).await;
    assert!(outputs[0]["since"].is_string(), "{outputs}");
    let expected = json!([{ "id": id, "name": "logs", "state": "refused", "since": outputs[0]["since"] }]);
    assert_eq!(outputs, expected);
    let unread = json!([{ "id": id, "name": "logs", "state": null, "since": null }]);
    assert_eq!(outputs_of(&site, &silent).await, unread);
    let hosts = get(&site, "/api/v1/hosts").await;
    assert_eq!(hosts["items"][0].get("outputs"), None, "a list reads no keys");

    let page = told(&site, &["overview"]).await;
    assert!(page.contains("1 refused") && page.contains("clusters did not make 1 key of hosts"), "{page}");
    let page = told(&site, &["output", "show", "logs"]).await;
    assert!(page.contains("1 refused") && page.contains("keys to invalidate"), "{page}");
    assert!(told(&site, &["output", "list"]).await.contains("REFUSED"));
    let page = told(&site, &["host", "show", site.member.id()]).await;
    assert!(page.contains("logs: refused since 20") && !page.contains("the-words"), "{page}");
    assert!(told(&site, &["host", "show", silent.id()]).await.contains("logs: not requested"));
}

/// The output is gone, and its credential still ends the keys that its cluster made.
#[tokio::test(flavor = "multi_thread")]
async fn invalidations_of_a_deleted_output_stay_visible() {
    let (site, _) = Site::ready().await;
    site.at.settled().await;
    site.cluster.conduct(Conduct::Down);
    change(&site.at, &site.policy, json!({ "outputs": [] })).await;
    let path = format!("{OUTPUTS}/{}", site.output["id"].as_str().unwrap());
    assert_eq!(site.at.admin().delete(&path).await.status, 200);
    let keys = eventually("the key is withdrawn", async || {
        let keys = get(&site, "/api/v1/overview").await["output_keys"].clone();
        (keys["to_invalidate"] == 1).then_some(keys)
    })
    .await;
    assert!(keys["oldest_to_invalidate"].is_string() && keys["ready"] == 0, "{keys}");
    assert_eq!(get(&site, OUTPUTS).await["items"], json!([]));
    let page = told(&site, &["overview"]).await;
    assert!(page.contains("1, the oldest since 20"), "{page}");
    site.cluster.conduct(Conduct::Good);
    site.valid_keys(0).await;
    eventually("nothing is left to do", async || {
        (get(&site, "/api/v1/overview").await["output_keys"]["to_invalidate"] == 0).then_some(())
    })
    .await;
}
