//! Forms of pages and of OAuth endpoints (`application/x-www-form-urlencoded`).

use super::problem::Problem;
use super::query::decode_query;

/// Maximum number of fields: more than any form has, with the boxes of a thousand waiting hosts.
const MOST_FIELDS: usize = 2048;

/// The fields of a form. They may contain tokens and are never repeated in responses.
pub struct Form(Vec<(String, String)>);

impl Form {
    /// Reads a body. Fields without a value count as missing, unknown fields are ignored (RFC 6749 section 3.2).
    ///
    /// # Errors
    /// 400: the body is not UTF-8, has a malformed escape, or repeats a field.
    pub fn parse(body: &[u8]) -> Result<Self, Problem> {
        let text = std::str::from_utf8(body).map_err(|_| Problem::bad_request("the form is not UTF-8"))?;
        let mut fields = decode_query(text)?;
        if fields.len() > MOST_FIELDS {
            return Err(Problem::bad_request(format!("the form has more than {MOST_FIELDS} fields")));
        }
        fields.sort_by(|(one, _), (other, _)| one.cmp(other));
        if fields.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err(Problem::bad_request("the form repeats a parameter: send each parameter once"));
        }
        fields.retain(|(_, value)| !value.is_empty());
        Ok(Self(fields))
    }

    /// The value of a field.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// Every field with its value.
    pub fn into_pairs(self) -> Vec<(String, String)> {
        self.0
    }

    /// The value of a required field.
    ///
    /// # Errors
    /// 400 with the field's name.
    pub fn required(&self, name: &str) -> Result<&str, Problem> {
        self.get(name).ok_or_else(|| Problem::bad_request(format!("the parameter {name} is missing")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_decoded_and_empty_ones_ignored() {
        let form = Form::parse(b"token=a%2Eb+c&token_type_hint=&other=x").unwrap();
        assert_eq!((form.get("token"), form.get("token_type_hint")), (Some("a.b c"), None));
        assert_eq!(form.required("token").unwrap(), "a.b c");
        assert!(form.required("confirm").err().unwrap().detail.contains("confirm"));
        assert!(Form::parse(b"").unwrap().get("token").is_none());
    }

    #[test]
    fn a_form_has_a_bounded_number_of_fields() {
        let body = |number: usize| (0..number).map(|name| format!("f{name}=1&")).collect::<String>();
        let of = |number| Form::parse(body(number).trim_end_matches('&').as_bytes()).is_ok();
        assert!(of(MOST_FIELDS) && !of(MOST_FIELDS + 1));
    }

    #[test]
    fn repeated_fields_and_broken_utf8_are_refused() {
        for body in
            [&b"token=a&token=a"[..], b"token=a&x=1&token=", b"a=1&b=2&%61=3", b"token=\xff", b"token=%+f"]
        {
            assert_eq!(Form::parse(body).err().map(|problem| problem.status().as_u16()), Some(400));
        }
    }
}
