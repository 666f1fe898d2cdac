//! The certificate authority.

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::http::call::Call;
use crate::http::decode;
use crate::http::problem::Problem;
use crate::http::reply::Reply;
use crate::id::{Fingerprint, hex};
use crate::service::ca_rotation::Extent;

#[derive(Serialize)]
struct CaStatus {
    root: Root,
    issuing: Vec<Issuing>,
    server: Server,
    warnings: Vec<String>,
}

#[derive(Serialize)]
struct Root {
    fingerprint: Fingerprint,
    subject: String,
    expires_at: Timestamp,
    key: &'static str,
}

#[derive(Serialize)]
struct Issuing {
    ski: String,
    subject: String,
    expires_at: Timestamp,
    current: bool,
}

#[derive(Serialize)]
struct Server {
    expires_at: Option<Timestamp>,
}

/// `GET /api/v1/ca`.
pub(super) async fn show(call: Call) -> Result<Reply, Problem> {
    let authority = &call.authority;
    let cas = authority.cas();
    let current = cas.current();
    let issuing = cas.all().enumerate().map(|(place, ca)| Issuing {
        ski: hex(&ca.issuing_ski()),
        subject: ca.issuing_subject(),
        expires_at: ca.issuing_not_after(),
        current: place == 0,
    });
    Ok(Reply::ok(&CaStatus {
        root: Root {
            fingerprint: current.root_fingerprint(),
            subject: current.root_subject(),
            expires_at: current.root_not_after(),
            key: if authority.root_key_here() { "here" } else { "removed" },
        },
        issuing: issuing.collect(),
        server: Server { expires_at: authority.server_certificate_expires_at() },
        warnings: authority.expiry_warnings(),
    }))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Rotate {
    root: bool,
}

/// `POST /api/v1/ca/rotate`: a new issuing CA under the same root, or with `root` a new root too.
pub(super) async fn rotate(call: Call) -> Result<Reply, Problem> {
    let Rotate { root } = decode::strict(&call.body)?;
    let extent = if root { Extent::Root } else { Extent::Issuing };
    call.authority.rotate_ca(&call.caller(), extent).await?;
    show(call).await
}
