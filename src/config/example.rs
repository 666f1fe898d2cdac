//! The configuration as text: the commented example and the effective values.

use std::fmt::Write as _;

use serde_json::Value;

use super::field::SECTIONS;
use super::{Config, default_roles};

/// The example of certificates by name.
const CERTIFICATES: &str = "\n# external TLS certificates for names that browsers use and hosts do not\n\
                            # [[server.certificates]]\n\
                            # name = \"console.example.org\"\n\
                            # certificate = \"/etc/gatepass/console.pem\"\n\
                            # key = \"/etc/gatepass/console.key\"\n";

/// Returns a complete `gatepass.toml`: every field with its meaning, commented out at its default.
pub fn example() -> String {
    let mut text = String::from(
        "# gatepass.toml: every field, commented out at its default. An environment variable GATEPASS_<SECTION>__<KEY>\n\
         # overrides this file, and a flag overrides both.\n",
    );
    for section in SECTIONS {
        let _ = write!(text, "\n# {}\n[{}]\n", section.about, section.name);
        for field in section.fields {
            let value = field.value(field.default.unwrap_or(field.example));
            let _ = writeln!(text, "# {}\n# {} = {value}", field.doc, field.key);
        }
    }
    text.push_str(CERTIFICATES);
    text.push_str("\n# the roles that tokens can give; a list here replaces these four\n");
    for role in default_roles() {
        let _ =
            writeln!(text, "# [[roles]]\n# role = \"{}\"\n# description = {:?}", role.role, role.description);
    }
    text
}

impl Config {
    /// The effective values as JSON. Of a secret only its presence is shown.
    pub const fn to_json(&self) -> &Value {
        &self.effective
    }

    /// The effective values as a `gatepass.toml`.
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        for section in SECTIONS {
            let _ = writeln!(text, "[{}]", section.name);
            for field in section.fields {
                // JSON's strings, whole numbers and booleans are spelled as TOML's are.
                match &self.effective[section.name][field.key] {
                    Value::Null => {}
                    value => drop(writeln!(text, "{} = {value}", field.key)),
                }
            }
            text.push('\n');
        }
        for certificate in self.effective["server"]["certificates"].as_array().into_iter().flatten() {
            text.push_str("[[server.certificates]]\n");
            for key in ["name", "certificate", "key"] {
                let _ = writeln!(text, "{key} = {}", certificate[key]);
            }
            text.push('\n');
        }
        for role in &self.roles {
            let description = Value::from(role.description.as_str());
            let _ = write!(text, "[[roles]]\nrole = \"{}\"\ndescription = {description}\n\n", role.role);
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
        text
    }
}
