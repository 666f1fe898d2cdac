//! The outputs that a host gets with its policy.

use std::sync::Arc;

use crate::id::PolicyId;
use crate::seal::SealError;
use crate::secret::Secret;
use crate::service::base::ATTEMPTS;
use crate::service::base::Base;
use crate::service::trust::LiveTrust;
use crate::service::{KeysError, ServiceError};
use crate::store::{Output, OutputKind, OutputState, SecretField, StoreError, WholeOutput};

/// The outputs of hosts.
pub struct HostOutputs {
    pub(in crate::service) base: Base,
    pub(in crate::service) trust: Arc<LiveTrust>,
}

/// An output as a host gets it. It has no `Debug`, as its secrets.
pub struct HostOutput {
    /// The fields that every reader sees.
    pub output: Output,
    /// The secrets that hosts use.
    pub secrets: Vec<(SecretField, Secret<String>)>,
    /// The host's key, if the output is an Elasticsearch cluster.
    pub key: Option<GivenKey>,
}

/// The key of a host as the host gets it.
pub struct GivenKey {
    /// State of the key.
    pub state: OutputState,
    /// Id and secret with a colon between, once it is ready.
    pub text: Option<Secret<String>>,
}

impl HostOutput {
    /// The secret of a field.
    pub fn secret(&self, field: SecretField) -> Option<&str> {
        let secret = self.secrets.iter().find(|(known, _)| *known == field);
        secret.map(|(_, secret)| secret.expose().as_str())
    }
}

impl HostOutputs {
    /// Returns the outputs of a policy, in its order, with the secrets that its hosts use.
    ///
    /// # Errors
    /// A secret cannot be opened, or the store cannot be read.
    pub async fn of_policy(&self, policy: PolicyId) -> Result<Vec<HostOutput>, ServiceError> {
        for _ in 0..ATTEMPTS {
            let seal = self.trust.seal();
            let outputs = self.base.store.outputs_of_policy(policy).await?;
            let opened = outputs.into_iter().map(|output| open(&seal, output)).collect();
            match opened {
                // A rotation ends between both reads: its memory has the new key once it is over.
                Err(KeysError::Unreadable { cause: SealError::UnknownKey(_), .. }) => {
                    drop(self.trust.change().await);
                }
                opened => return Ok(opened?),
            }
        }
        Err(StoreError::Contended.into())
    }

    /// Returns a number that each change of an output of the policy moves.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn revision(&self, policy: PolicyId) -> Result<u64, ServiceError> {
        Ok(self.base.store.outputs_revision(policy).await?)
    }
}

fn open(seal: &crate::seal::Seal, whole: WholeOutput) -> Result<HostOutput, KeysError> {
    let WholeOutput { output, secrets } = whole;
    let given = secrets.iter().filter(|secret| is_given(output.kind, secret.field));
    let opened = given.map(|secret| {
        let opened = seal.open(secret.place(output.id), &secret.sealed);
        let field = secret.field;
        let unreadable =
            |cause| KeysError::Unreadable { output: output.id, field: field.as_str().to_owned(), cause };
        Ok((field, opened.map_err(unreadable)?))
    });
    let secrets = opened.collect::<Result<_, KeysError>>()?;
    Ok(HostOutput { output, secrets, key: None })
}

/// Returns true for a secret that hosts use. The credential of a cluster stays here, and so does the key of Logstash.
const fn is_given(kind: OutputKind, field: SecretField) -> bool {
    matches!(
        (kind, field),
        (OutputKind::Kafka, SecretField::Password | SecretField::Key)
            | (OutputKind::Logstash, SecretField::Key)
    )
}
