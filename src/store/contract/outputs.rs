//! Outputs, their sealed secrets, and the keys of the seal.

use std::sync::Arc;

use super::policies::plain;
use super::world::*;
use crate::admission::PolicyTerms;
use crate::id::{OutputId, SealKeyId};
use crate::ledger::Action;
use crate::name::Label;
use crate::seal::{Seal, SealKey, SealedPlace};
use crate::secret::Secret;
use crate::store::*;

/// The files of the keys.
struct Keys(Vec<Secret<String>>);

impl Keys {
    fn new(number: usize) -> Self {
        Self((0..number).map(|_| SealKey::generate()).collect())
    }

    /// The seal with the keys of these numbers.
    fn seal(&self, numbers: std::ops::RangeInclusive<u32>) -> Arc<Seal> {
        let key = |number: u32| SealKey::parse(SealKeyId::new(number), &self.0[number as usize - 1]).unwrap();
        Arc::new(Seal::new(numbers.map(key).collect()))
    }
}

fn sealed(seal: &Seal, output: OutputId, field: SecretField, version: u64, text: &str) -> OutputSecret {
    let place = SealedPlace { output, field: field.as_str(), version };
    OutputSecret { field, version, sealed: seal.seal(place, &Secret::new(text.to_owned())).unwrap() }
}

/// The secrets of an output, by field.
async fn opened(world: &World, seal: &Seal, output: OutputId) -> Vec<(SecretField, String)> {
    let whole = world.store().whole_output(output).await.unwrap().unwrap();
    let open = |secret: &OutputSecret| {
        (secret.field, seal.open(secret.place(output), &secret.sealed).unwrap().expose().clone())
    };
    whole.secrets.iter().map(open).collect()
}

fn settings(host: &str) -> OutputSettings {
    OutputSettings {
        hosts: vec![host.to_owned()],
        auth: Some(KafkaAuth::UserPass),
        sasl_mechanism: Some(SaslMechanism::ScramSha256),
        username: Some("agent".to_owned()),
        ..OutputSettings::default()
    }
}

impl World {
    fn new_output(&self, name: &str, seal: &Seal, secrets: &[(SecretField, &str)]) -> CreateOutput {
        let (at, by) = (self.now, "user:admin".to_owned());
        let output = Output {
            id: OutputId::generate(at),
            name: Label::parse(name).unwrap(),
            kind: OutputKind::Kafka,
            revision: 1,
            settings: settings("kafka:9092"),
            created_at: at,
            created_by: by.clone(),
            updated_at: at,
            updated_by: by,
        };
        let secrets = secrets.iter().map(|(field, text)| sealed(seal, output.id, *field, 1, text)).collect();
        CreateOutput { output, secrets, entry: self.draft(Action::OutputCreated) }
    }

    async fn output(&mut self, name: &str, seal: &Seal, secrets: &[(SecretField, &str)]) -> Output {
        let command = self.new_output(name, seal, secrets);
        let output = command.output.clone();
        assert_eq!(self.store().create_output(command).await.unwrap(), OutputCreation::Created);
        self.expect_entries(&[Action::OutputCreated]).await;
        output
    }

    async fn change_output(
        &self,
        output: &Output,
        secrets: Vec<OutputSecret>,
        dropped: &[SecretField],
    ) -> OutputChange {
        let Output { id, revision, name, settings, .. } = output.clone();
        let (dropped, entry) = (dropped.to_vec(), self.draft(Action::OutputChanged));
        let command =
            ChangeOutput { output: id, revision, name, settings, secrets, is_moved: false, dropped, entry };
        self.store().change_output(command).await.unwrap()
    }

    async fn delete_output(&self, output: OutputId, revision: u64) -> OutputDeletion {
        let entry = self.draft(Action::OutputDeleted);
        self.store().delete_output(DeleteOutput { output, revision, entry }).await.unwrap()
    }

    async fn rotate_seal(&self, key: u32, seal: Arc<Seal>) -> SealRotation {
        let entry = self.draft(Action::KeyRotated);
        let command = RotateSeal { key: SealKeyId::new(key), seal, entry };
        self.store().rotate_seal(command).await.unwrap()
    }

    async fn seal_keys(&self) -> Vec<u32> {
        self.store().seal_keys().await.unwrap().iter().map(|key| key.id.number()).collect()
    }
}

pub(in crate::store) async fn an_output_is_read_back_and_listed_oldest_first(world: &mut World) {
    let seal = Keys::new(1).seal(1..=1);
    let secrets = [(SecretField::Password, "first"), (SecretField::ApiKey, "second")];
    let first = world.output("events", &seal, &secrets).await;
    world.pass(HOUR);
    let second = world.output("plain", &seal, &[]).await;
    for _ in 0..2 {
        let listed = world.store().outputs().await.unwrap();
        assert_eq!(listed.iter().map(|listed| &listed.output).collect::<Vec<_>>(), [&first, &second]);
        assert_eq!(listed[0].secrets, [SecretField::ApiKey, SecretField::Password]);
        assert_eq!((listed[1].secrets.len(), listed[1].policies), (0, 0));
        assert_eq!(world.store().output(first.id).await.unwrap().as_ref(), Some(&listed[0]));
        let opened = opened(world, &seal, first.id).await;
        assert_eq!(
            opened,
            [(SecretField::ApiKey, "second".to_owned()), (SecretField::Password, "first".to_owned())]
        );
        world.restart();
    }
    assert_eq!(world.store().output(OutputId::generate(world.now)).await.unwrap(), None);
}

pub(in crate::store) async fn a_change_of_an_output_replaces_its_secrets(world: &mut World) {
    let seal = Keys::new(1).seal(1..=1);
    let secrets = [(SecretField::Password, "first"), (SecretField::ApiKey, "second")];
    let before = world.output("events", &seal, &secrets).await;
    world.pass(HOUR);
    let password = |version, text| vec![sealed(&seal, before.id, SecretField::Password, version, text)];
    let next = Output { settings: settings("other:9092"), ..before.clone() };
    assert_eq!(world.change_output(&next, password(2, "third"), &[]).await, OutputChange::Done);
    let kept = [(SecretField::ApiKey, "second".to_owned()), (SecretField::Password, "third".to_owned())];
    assert_eq!(opened(world, &seal, before.id).await, kept);
    let changed = world.store().output(before.id).await.unwrap().unwrap().output;
    assert_eq!((changed.revision, &changed.settings), (2, &next.settings));
    assert_eq!((changed.created_at, changed.updated_at), (before.created_at, world.now));
    assert_eq!(
        world.change_output(&changed, password(3, "fourth"), &[SecretField::ApiKey]).await,
        OutputChange::Done
    );
    assert_eq!(opened(world, &seal, before.id).await, [(SecretField::Password, "fourth".to_owned())]);
    world.expect_entries(&[Action::OutputChanged, Action::OutputChanged]).await;
}

pub(in crate::store) async fn an_outdated_output_is_neither_changed_nor_deleted(world: &mut World) {
    let seal = Keys::new(1).seal(1..=1);
    let before = world.output("events", &seal, &[(SecretField::Password, "first")]).await;
    let stale = Output { revision: 2, settings: settings("other:9092"), ..before.clone() };
    assert_eq!(world.change_output(&stale, Vec::new(), &[]).await, OutputChange::Moved);
    assert_eq!(world.delete_output(before.id, 2).await, OutputDeletion::Moved);
    let unknown = Output { id: OutputId::generate(world.now), ..before.clone() };
    assert_eq!(world.delete_output(unknown.id, 1).await, OutputDeletion::Unknown);
    let unknown = Output { name: Label::parse("x").unwrap(), ..unknown };
    assert_eq!(world.change_output(&unknown, Vec::new(), &[]).await, OutputChange::Unknown);
    assert_eq!(opened(world, &seal, before.id).await.len(), 1);
    world.expect_entries(&[]).await;
    assert_eq!(world.delete_output(before.id, 1).await, OutputDeletion::Deleted);
    world.expect_entries(&[Action::OutputDeleted]).await;
    assert!(world.store().whole_output(before.id).await.unwrap().is_none());
}

pub(in crate::store) async fn an_outputs_name_is_taken_once(world: &mut World) {
    let seal = Keys::new(1).seal(1..=1);
    let events = world.output("events", &seal, &[]).await;
    let other = world.output("other", &seal, &[]).await;
    let again = world.new_output("events", &seal, &[]);
    assert_eq!(world.store().create_output(again).await.unwrap(), OutputCreation::NameTaken);
    let renamed = Output { name: events.name.clone(), ..other };
    assert_eq!(world.change_output(&renamed, Vec::new(), &[]).await, OutputChange::NameTaken);
    assert_eq!(world.change_output(&events, Vec::new(), &[]).await, OutputChange::Done, "its own name");
    world.expect_entries(&[Action::OutputChanged]).await;
}

pub(in crate::store) async fn an_output_of_a_policy_stays(world: &mut World) {
    let seal = Keys::new(1).seal(1..=1);
    let events = world.output("events", &seal, &[(SecretField::Password, "first")]).await;
    let logs = world.output("logs", &seal, &[]).await;
    let terms = |outputs: &[OutputId]| PolicyTerms { outputs: outputs.to_vec(), ..plain("edge") };
    let edge = world.policy(terms(&[logs.id, events.id])).await;
    let names = async |world: &World| {
        let given = world.store().outputs_of_policy(edge.id).await.unwrap();
        given.iter().map(|whole| (whole.output.name.to_string(), whole.secrets.len())).collect::<Vec<_>>()
    };
    assert_eq!(
        names(world).await,
        [("logs".to_owned(), 0), ("events".to_owned(), 1)],
        "in the policy's order"
    );
    assert_eq!(world.store().outputs_revision(edge.id).await.unwrap(), 2);
    assert_eq!(world.delete_output(events.id, 1).await, OutputDeletion::InUse { policies: 1 });
    assert_eq!(world.store().output(events.id).await.unwrap().unwrap().policies, 1);
    assert_eq!(world.change_output(&events, Vec::new(), &[]).await, OutputChange::Done);
    assert_eq!(world.store().outputs_revision(edge.id).await.unwrap(), 3);
    // An earlier revision of the policy does not keep it.
    let change = ChangePolicy {
        policy: edge.id,
        revision: 1,
        terms: terms(&[logs.id]),
        entry: world.draft(Action::PolicyChanged),
    };
    assert_eq!(world.store().change_policy(change).await.unwrap(), PolicyChange::Done);
    assert_eq!(world.store().policy_revision(edge.id, 1).await.unwrap().unwrap().terms.outputs.len(), 2);
    assert_eq!(world.delete_output(events.id, 2).await, OutputDeletion::Deleted);
    let back = ChangePolicy {
        policy: edge.id,
        revision: 2,
        terms: terms(&[logs.id, events.id]),
        entry: world.draft(Action::PolicyChanged),
    };
    assert_eq!(world.store().change_policy(back).await.unwrap(), PolicyChange::NoOutput(events.id));
    assert_eq!(names(world).await, [("logs".to_owned(), 0)]);
    assert_eq!(world.delete_policy(edge.id, 2).await, PolicyDeletion::Deleted { tokens: 0 });
    assert_eq!(world.delete_output(logs.id, 1).await, OutputDeletion::Deleted);
    world.new_entries().await;
}

pub(in crate::store) async fn a_policy_of_an_unknown_output_is_not_created(world: &mut World) {
    let output = OutputId::generate(world.now);
    let command = world.new_policy(PolicyTerms { outputs: vec![output], ..plain("edge") });
    assert_eq!(world.store().create_policy(command).await.unwrap(), PolicyCreation::NoOutput(output));
    assert_eq!(world.store().policies().await.unwrap(), []);
    world.expect_entries(&[]).await;
}

pub(in crate::store) async fn a_rotation_seals_every_secret_again(world: &mut World) {
    let keys = Keys::new(3);
    let first = keys.seal(1..=1);
    let output = world.output("events", &first, &[(SecretField::Password, "first")]).await;
    let before = world.store().whole_output(output.id).await.unwrap().unwrap().secrets.remove(0);
    assert_eq!(world.seal_keys().await, [1]);
    assert_eq!(world.rotate_seal(2, keys.seal(1..=2)).await, SealRotation::Done { secrets: 1 });
    assert_eq!(world.seal_keys().await, [2]);
    let second = keys.seal(2..=2);
    assert_eq!(opened(world, &second, output.id).await, [(SecretField::Password, "first".to_owned())]);
    // A secret that the former key sealed is refused from now on.
    assert_eq!(world.change_output(&output, vec![before], &[]).await, OutputChange::KeyGone);
    let late = world.new_output("late", &first, &[(SecretField::Password, "x")]);
    assert_eq!(world.store().create_output(late).await.unwrap(), OutputCreation::KeyGone);
    assert!(world.store().outputs().await.unwrap().len() == 1);
    world.expect_entries(&[Action::KeyRotated]).await;
}

pub(in crate::store) async fn a_secret_that_does_not_open_stops_a_rotation(world: &mut World) {
    let (keys, others) = (Keys::new(2), Keys::new(2));
    let output = world.output("events", &keys.seal(1..=1), &[(SecretField::Password, "first")]).await;
    let unreadable = SealRotation::Unreadable { output: output.id, field: "password".to_owned() };
    assert_eq!(world.rotate_seal(2, others.seal(1..=2)).await, unreadable);
    assert_eq!(world.seal_keys().await, [1]);
    assert_eq!(opened(world, &keys.seal(1..=1), output.id).await.len(), 1);
    world.expect_entries(&[]).await;
}
