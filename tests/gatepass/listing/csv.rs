//! Hosts as comma-separated values: the same cells on the command line and in the API.

use http::header::{CONTENT_TYPE, LINK};
use serde_json::json;

use crate::support::{Host, Process};

/// "CSV: `host list -o csv`, `GET hosts?format=csv`; cells that begin with `= + - @` get a leading apostrophe."
#[tokio::test(flavor = "multi_thread")]
async fn the_api_writes_the_cells_of_the_command_line() {
    let dir = tempfile::tempdir().unwrap();
    let server = Process::start(&dir.path().join("data"), &[]).await;
    let admin = server.admin();
    for label in ["rack \"7\", left", "=1+1", "@b", ""] {
        let minted =
            admin.post("/api/v1/enrollment-tokens", &json!({ "roles": ["proxy"], "label": "ci" })).await;
        let request = json!({ "csr": Host::new().csr() });
        let token = minted.json["token"].as_str().unwrap();
        let enrolled = server.stranger().bearer(token).post("/api/v1/bootstrap", &request).await;
        let path = format!("/api/v1/hosts/{}", enrolled.json["host_id"].as_str().unwrap());
        assert_eq!(admin.patch(&path, &json!({ "label": label })).await.status, 200);
    }
    let expected = server.told(&["host", "list", "-o", "csv"]);
    assert!(expected.contains("'=1+1") && expected.contains("'@b"), "{expected}");
    let whole = admin.get("/api/v1/hosts?format=csv").await;
    assert_eq!((whole.status, whole.text.as_str()), (200, expected.as_str()));
    assert_eq!(whole.headers[CONTENT_TYPE], "text/csv; charset=utf-8");
    assert!(!whole.headers.contains_key(LINK), "one page");
    let (mut path, mut rows) = (String::from("/api/v1/hosts?limit=3&state=live&format=csv"), String::new());
    loop {
        let page = admin.get(&path).await;
        assert_eq!(page.status, 200, "{}", page.text);
        let cells = page.text.split_once('\n').unwrap();
        assert_eq!(cells.0, expected.lines().next().unwrap(), "each page has headings");
        rows += cells.1;
        let Some(next) = page.headers.get(LINK) else { break };
        let next = next.to_str().unwrap().strip_prefix('<').unwrap();
        path = next.strip_suffix(">; rel=\"next\"").unwrap().to_owned();
    }
    assert_eq!(rows, expected.split_once('\n').unwrap().1);
    let wrong = admin.get("/api/v1/hosts?format=xml").await;
    assert_eq!((wrong.status, &wrong.json["fields"][0]["field"]), (400, &json!("format")), "{}", wrong.text);
    server.stop().await;
}
