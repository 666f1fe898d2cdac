//! The fields of a policy, each judged for itself.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::admission::{PolicyTerms, RenewAt};
use crate::approval::Approval;
use crate::http::request::valid;
use crate::id::OutputId;
use crate::name::{Description, Label, Labels, Role};
use crate::service::FieldError;
use crate::service::tokens::order::Catalogue;
use crate::service::verification::audience::pick_audiences;
use crate::span::{parse_span, show_span};

/// Maximum number of audiences of a policy.
const MOST_AUDIENCES: usize = 32;

/// Maximum number of outputs of a policy.
const MOST_OUTPUTS: usize = 16;

/// A body that is being judged.
pub(super) struct Form<'c> {
    catalogue: &'c Catalogue,
    audiences: &'c [String],
    pub(super) faults: Vec<FieldError>,
}

impl<'c> Form<'c> {
    pub(super) const fn new(
        (catalogue, audiences): (&'c Catalogue, &'c [String]),
        faults: Vec<FieldError>,
    ) -> Self {
        Self { catalogue, audiences, faults }
    }

    fn fault(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.faults.push(FieldError::new(field, message));
    }

    pub(super) fn name(&mut self, text: &str) -> Option<Label> {
        if text.trim().is_empty() {
            self.fault("name", "name the policy in 1 to 128 characters");
            return None;
        }
        valid("name", Label::parse(text), &mut self.faults)
    }

    pub(super) fn description(&mut self, text: &str) -> Description {
        valid("description", Description::parse(text), &mut self.faults).unwrap_or_default()
    }

    pub(super) fn lifetime(&mut self, text: Option<&str>) -> Option<Duration> {
        let span = valid("certificate_lifetime", parse_span(text?), &mut self.faults)?;
        let (least, most) = (PolicyTerms::LEAST_LIFETIME, PolicyTerms::MOST_LIFETIME);
        if !(least..=most).contains(&span) {
            let message = format!("from {} to {}", show_span(least), show_span(most));
            self.fault("certificate_lifetime", message);
        }
        Some(span)
    }

    pub(super) fn renew_at(&mut self, share: f64) -> RenewAt {
        RenewAt::parse(share).unwrap_or_else(|| {
            self.fault("renew_at", "a share of the certificate's life, from 0.3 to 0.9");
            RenewAt::default()
        })
    }

    pub(super) fn roles(&mut self, texts: &[String]) -> Vec<Role> {
        self.catalogue.pick(texts, &mut self.faults)
    }

    pub(super) fn approval(&mut self, text: &str) -> Approval {
        Approval::parse(text).unwrap_or_else(|| {
            self.fault("approval", "off, warn or require");
            Approval::Off
        })
    }

    pub(super) fn labels(&mut self, given: &BTreeMap<String, String>) -> Labels {
        Labels::parse(given).unwrap_or_else(|faults| {
            for (name, message) in faults {
                let field = if name.is_empty() { "labels".to_owned() } else { format!("labels.{name}") };
                self.fault(field, message);
            }
            Labels::default()
        })
    }

    /// The outputs. One that does not exist is refused later.
    pub(super) fn outputs(&mut self, texts: &[String]) -> Vec<OutputId> {
        if texts.len() > MOST_OUTPUTS {
            self.fault("outputs", format!("{} outputs; at most {MOST_OUTPUTS}", texts.len()));
        }
        let mut outputs = Vec::new();
        for (place, text) in texts.iter().enumerate().take(MOST_OUTPUTS) {
            match OutputId::parse(text) {
                Some(output) if !outputs.contains(&output) => outputs.push(output),
                Some(_) => self.fault(format!("outputs[{place}]"), "is in the list already"),
                None => self.fault(format!("outputs[{place}]"), "is no id of an output"),
            }
        }
        outputs
    }

    /// The audiences, each once.
    pub(super) fn audiences(&mut self, texts: &[String]) -> Vec<String> {
        if texts.len() > MOST_AUDIENCES {
            self.fault("audiences", format!("{} audiences; at most {MOST_AUDIENCES}", texts.len()));
        }
        pick_audiences(&texts[..texts.len().min(MOST_AUDIENCES)], self.audiences, &mut self.faults)
    }
}
