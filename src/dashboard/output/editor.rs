//! `/outputs/new` and `/outputs/{id}/edit`: the form of an output. Its secrets are write-only: a blank field keeps the stored
//! one, and no page repeats one.

mod fields;

use self::fields::{Field, Secrets};
use super::{found, kind_name};
use crate::dashboard::edit::{self, Edit};
use crate::dashboard::form::{Choice, Values};
use crate::dashboard::frame::{self, Frame};
use crate::dashboard::parts::Icon;
use crate::dashboard::refusal::{self, Refusal};
use crate::http::call::Call;
use crate::http::form::Form;
use crate::http::problem::{Code, Problem};
use crate::http::query;
use crate::http::reply::Reply;
use crate::http::request::OutputRequest;
use crate::id::OutputId;
use crate::service::FieldError;
use crate::service::outputs::OutputEdit;
use crate::store::{ListedOutput, Output, OutputKind, SecretField};

#[derive(askama::Template)]
#[template(path = "output_edit.html")]
struct EditorPage<'a> {
    frame: Frame<'a>,
    /// The address that the form is sent to.
    action: String,
    id: Option<OutputId>,
    revision: u64,
    kind: OutputKind,
    kind_name: &'static str,
    /// The types of a new output.
    kinds: Vec<Choice>,
    values: Values,
    auths: Vec<Choice>,
    mechanisms: Vec<Choice>,
    secrets: Vec<Field>,
    /// The stored key of Logstash can be removed.
    removable: bool,
    faults: Vec<String>,
}

/// The sentence about the fields of a stale form.
const NOT_KEPT: &str = "The form shows the current values. Enter your changes again.";

/// The types of an output, in the order of the page.
const KINDS: [OutputKind; 4] =
    [OutputKind::Elasticsearch, OutputKind::RemoteElasticsearch, OutputKind::Kafka, OutputKind::Logstash];

/// Shows the form of a new output.
pub(super) async fn ask_for_one(call: Call) -> Result<Reply, Problem> {
    let asked = Values::of(query::decode_query(call.head.raw_query())?);
    editor(&call, None, kind_of(&asked), Values::of(Vec::new()), None).await
}

/// The type that a form or a link names.
fn kind_of(values: &Values) -> OutputKind {
    let named = values.get("type").and_then(|name| name.parse().ok());
    named.unwrap_or(OutputKind::Elasticsearch)
}

/// Creates an output. A form that is sent again leads to the output that it made.
pub(super) async fn create(call: Call) -> Result<Reply, Problem> {
    let shown = Values::of(Vec::new());
    let (sent, secrets, faults) = read(&call, &shown)?;
    let kind = kind_of(&sent);
    let mut edit = edit_of(Edit::with(faults, &shown, &sent), secrets);
    edit.kind = Some(kind.as_str().to_owned());
    match call.authority.outputs.create_output_once(&call.caller, edit).await.map_err(Problem::from) {
        Ok(id) => Ok(Reply::see_other(&format!("/outputs/{id}"))),
        Err(problem) => {
            editor(&call, None, kind, sent.repeatable(), Some(Refusal::of_form(problem, &sent)?)).await
        }
    }
}

/// Shows the form of an output.
pub(super) async fn show_one(call: Call) -> Result<Reply, Problem> {
    let listed = found(&call).await?;
    let values = values_of(&listed.output);
    editor(&call, Some(&listed), listed.output.kind, values, None).await
}

/// Changes the output in the fields that differ from the shown ones.
pub(super) async fn change(call: Call) -> Result<Reply, Problem> {
    let listed = found(&call).await?;
    let (id, shown) = (listed.output.id, values_of(&listed.output));
    let (sent, secrets, faults) = read(&call, &shown)?;
    let edit = edit_of(Edit::with(faults, &shown, &sent), secrets);
    let changed = call.authority.outputs.change_output(&call.caller, id, edit, Some(sent.revision())).await;
    match changed.map_err(Problem::from) {
        Ok(_) => Ok(Reply::see_other(&format!("/outputs/{id}"))),
        // Sent again, the values of a stale form would undo the change of somebody else.
        Err(problem) if problem.code == Code::Stale => {
            let mut refusal = Refusal::of(problem)?;
            refusal.faults.push(NOT_KEPT.to_owned());
            editor(&call, Some(&listed), listed.output.kind, shown, Some(refusal)).await
        }
        Err(problem) => {
            let values = sent.carried(&shown, &shown);
            editor(&call, Some(&listed), listed.output.kind, values, Some(Refusal::of_form(problem, &sent)?))
                .await
        }
    }
}

/// The fields of the form, and apart from them its secrets. A private key in another field is refused, and no value to repeat.
fn read(call: &Call, shown: &Values) -> Result<(Values, Secrets, Vec<FieldError>), Problem> {
    let (secrets, mut rest) = Secrets::taken(Form::parse(&call.body)?.into_pairs());
    let mut faults = Vec::new();
    for (name, value) in rest.iter_mut().filter(|(_, value)| value.contains("PRIVATE KEY-----")) {
        *value = shown.text(name);
        faults.push(FieldError::new(name.as_str(), "put the private key into the field Private key"));
    }
    Ok((Values::of(rest), secrets, faults))
}

/// The change that the form asks for.
fn edit_of(mut edit: Edit<'_>, secrets: Secrets) -> OutputEdit {
    let removes = edit.flag("remove.api_key").unwrap_or_default();
    let request = OutputRequest {
        name: edit.needed("name"),
        hosts: edit.lines("hosts"),
        ca: edit.text("ca"),
        auth: edit.text("auth"),
        sasl_mechanism: edit.text("sasl_mechanism"),
        username: edit.text("username"),
        certificate: edit.text("certificate"),
        role_descriptors: edit.object("role_descriptors"),
        ..secrets.into_request(removes)
    };
    request.edit(edit.faults)
}

/// The fields as the form shows them.
fn values_of(output: &Output) -> Values {
    let settings = output.settings.clone();
    let pairs = [
        ("name", Some(output.name.to_string())),
        ("hosts", Some(settings.hosts.join("\n"))),
        ("ca", settings.ca),
        ("auth", settings.auth.map(|auth| <&str>::from(auth).to_owned())),
        ("sasl_mechanism", settings.sasl_mechanism.map(|mechanism| <&str>::from(mechanism).to_owned())),
        ("username", settings.username),
        ("certificate", settings.certificate),
        ("role_descriptors", settings.role_descriptors.as_ref().map(edit::json)),
    ];
    let pairs = pairs.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Values::of(pairs.collect())
}

async fn editor(
    call: &Call,
    listed: Option<&ListedOutput>,
    kind: OutputKind,
    values: Values,
    refused: Option<Refusal>,
) -> Result<Reply, Problem> {
    let (status, faults) = refusal::parts(refused);
    let output = listed.map(|listed| &listed.output);
    let stored = listed.map_or(&[][..], |listed| &listed.secrets);
    let kinds = KINDS.map(|other| Choice {
        value: other.as_str().to_owned(),
        name: kind_name(other).to_owned(),
        selected: other == kind,
    });
    let title = output.map_or_else(|| "New output".to_owned(), |output| format!("Change {}", output.name));
    let page = EditorPage {
        frame: Frame::of(call, title, "/policies").await?,
        action: output
            .map_or_else(|| "/outputs/new".to_owned(), |output| format!("/outputs/{}/edit", output.id)),
        id: output.map(|output| output.id),
        revision: output.map_or(0, |output| output.revision),
        kind,
        kind_name: kind_name(kind),
        kinds: if output.is_none() { kinds.into() } else { Vec::new() },
        auths: fields::auths(&values),
        mechanisms: fields::mechanisms(&values),
        secrets: fields::secrets(kind, stored),
        removable: stored.contains(&SecretField::ApiKey),
        values,
        faults,
    };
    frame::page(status, &page)
}
