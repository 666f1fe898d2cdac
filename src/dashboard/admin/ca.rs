//! `/admin/ca`: the certificate authority and its CRLs.

use super::act::{Act, Pick, TURN, counted};
use super::{ADMIN, Section, sections};
use crate::access::Permission;
use crate::clock::Timestamp;
use crate::dashboard::dialect::sentence;
use crate::dashboard::frame::{self, Frame};
use crate::dashboard::grant;
use crate::dashboard::parts::{Icon, Mark, Moment, Tone};
use crate::dashboard::refusal::Refusal;
use crate::http::call::Call;
use crate::http::form::Form;
use crate::http::problem::{Code, Problem};
use crate::http::reply::Reply;
use crate::id::hex;
use crate::service::ca::rotation::Extent;

/// The page.
const CA: &str = "/admin/ca";

#[derive(askama::Template)]
#[template(path = "admin_ca.html")]
struct CaPage<'a> {
    frame: Frame<'a>,
    sections: Vec<Section>,
    writes: bool,
    warnings: Vec<String>,
    root: Root,
    issuing: Vec<Issuing>,
    revoked: Vec<(String, Moment)>,
    crl_signed: Option<Moment>,
    server_expires: Option<Moment>,
}

/// The current root.
struct Root {
    subject: String,
    fingerprint: String,
    expires: Moment,
    /// Its private key is in the keys directory.
    key_here: bool,
    imported: bool,
}

/// An issuing CA.
struct Issuing {
    ski: String,
    subject: String,
    mark: Mark,
    expires: Moment,
    current: bool,
    crl: bool,
}

/// Shows the CA.
pub(super) async fn show(call: Call) -> Result<Reply, Problem> {
    let (authority, now) = (&call.authority, call.authority.time.now());
    let cas = authority.cas.load();
    let current = cas.current();
    let moment = |at: Timestamp| Moment::new(at, now);
    let issuing = cas.all().enumerate().map(|(place, ca)| {
        let ski = hex(ca.issuing_ski());
        Issuing {
            crl: authority.ca.crls.get(&ski).is_some(),
            ski,
            subject: ca.issuing_subject(),
            mark: if place == 0 { Mark(Tone::Good, "current") } else { Mark(Tone::Plain, "former") },
            expires: moment(ca.issuing_not_after()),
            current: place == 0,
        }
    });
    let page = CaPage {
        frame: Frame::of(&call, "Certificate authority", ADMIN).await?,
        sections: sections(&call, CA),
        writes: call.may(Permission::Administer),
        warnings: authority.health.expiry_warnings().iter().map(|warning| sentence(warning)).collect(),
        root: Root {
            subject: current.root_subject(),
            fingerprint: current.root_fingerprint().to_string(),
            expires: moment(current.root_not_after()),
            key_here: authority.ca.root_key_here(),
            imported: cas.is_imported(),
        },
        issuing: issuing.collect(),
        revoked: cas.revoked().iter().map(|ca| (ca.ski.clone(), moment(ca.revoked_at))).collect(),
        crl_signed: authority.ca.crls.signed_at().map(moment),
        server_expires: authority.health.server_certificate_expires_at().map(moment),
    };
    frame::ok(&page)
}

/// Asks before the CA is rotated.
pub(super) async fn ask_to_rotate(call: Call) -> Result<Reply, Problem> {
    rotation(&call, None).await
}

/// Rotates the CA. The form names the issuing CA in use: sent again, it is refused.
pub(super) async fn rotate(call: Call) -> Result<Reply, Problem> {
    match rotated(&call).await {
        Ok(()) => Ok(Reply::see_other(CA)),
        Err(problem) => rotation(&call, Some(Refusal::of(problem)?)).await,
    }
}

async fn rotated(call: &Call) -> Result<(), Problem> {
    let form = Form::parse(&call.body)?;
    let extent = match form.get("extent") {
        Some("issuing") => Extent::Issuing,
        Some("root") => Extent::Root,
        _ => return Err(Problem::bad_request("select a new issuing CA, or a new issuing CA and root")),
    };
    let _turn = TURN.lock().await;
    if form.get("ca") != Some(current(call).as_str()) {
        return Err(Problem::of(Code::Stale, "another issuing CA is in use by now"));
    }
    Ok(call.authority.ca.rotate(&call.caller, extent).await?)
}

/// The subject key identifier of the issuing CA in use.
fn current(call: &Call) -> String {
    hex(call.authority.cas.load().current().issuing_ski())
}

async fn rotation(call: &Call, refused: Option<Refusal>) -> Result<Reply, Problem> {
    let (hosts, tokens) = call.authority.ca.in_use().await?;
    let hosts = counted(hosts, "live host");
    let pick = |value, text, checked| Pick { field: "extent", value, text, checked };
    let root = "A new issuing CA and a new root. The server destroys the private key of the current root: export it first if you may \
                have to revoke an issuing CA. Other servers must trust the current root until every host has renewed";
    let act = Act {
        title: "Rotate the certificate authority".to_owned(),
        action: format!("{CA}/rotate"),
        back: CA.to_owned(),
        section: CA,
        hidden: vec![("ca".to_owned(), current(call))],
        sentences: vec![
            format!("{hosts} will use the new CA after the next renewal."),
            format!("Certificates and {} stay valid.", counted(tokens, "live persistent token")),
            "Back up the keys directory afterwards.".to_owned(),
        ],
        legend: "New",
        picks: vec![
            pick("issuing", "A new issuing CA under the same root".to_owned(), true),
            pick("root", root.to_owned(), false),
        ],
        button: "Rotate",
        ..Act::default()
    };
    act.page(call, refused).await
}

/// Asks before an issuing CA is revoked.
pub(super) async fn ask_to_revoke(call: Call) -> Result<Reply, Problem> {
    revocation(&call, None).await
}

/// Revokes a former issuing CA and its hosts.
pub(super) async fn revoke(call: Call) -> Result<Reply, Problem> {
    match call.authority.ca.revoke(&call.caller, call.head.param("ski")).await.map_err(Problem::from) {
        Ok(_) => Ok(Reply::see_other(CA)),
        Err(problem) => revocation(&call, Some(Refusal::of(problem)?)).await,
    }
}

async fn revocation(call: &Call, refused: Option<Refusal>) -> Result<Reply, Problem> {
    let ski = call.head.param("ski");
    let counted_hosts = call.authority.ca.count_revocation(ski).await;
    // The refusal of the act says the same again.
    let hosts = match (counted_hosts, &refused) {
        (Ok(counted), _) => counted.hosts,
        (Err(_), Some(_)) => 0,
        (Err(error), None) => return Err(error.into()),
    };
    let act = Act {
        title: format!("Revoke the issuing CA {}", grant::short(ski)),
        action: format!("{CA}/{ski}/revoke"),
        back: CA.to_owned(),
        section: CA,
        sentences: vec![
            format!(
                "{} with its certificates lose access immediately, and must enroll again with new tokens.",
                counted(hosts, "live host")
            ),
            "Nobody can undo this.".to_owned(),
        ],
        button: "Revoke",
        ..Act::default()
    };
    act.page(call, refused).await
}
