//! Lists as comma-separated values (RFC 4180), with whole ids and times in UTC.

use serde_json::Value;

use super::column::Column;

/// A line for each item, below a line of headings if it begins the output. Nothing is an empty value.
pub fn csv(items: &[Value], columns: &[Column], begins: bool) -> String {
    let headings = columns.iter().map(|column| column.heading.to_ascii_lowercase().replace(' ', "_"));
    let mut text = if begins { line(headings) } else { String::new() };
    for item in items {
        let values = columns.iter().map(|column| column.whole(item));
        text += &line(values.map(|value| if value == "-" { String::new() } else { value }));
    }
    text
}

fn line(values: impl Iterator<Item = String>) -> String {
    values.map(|value| quoted(&harmless(value))).collect::<Vec<_>>().join(",") + "\n"
}

/// Spreadsheets run a value that begins with one of these characters as a formula. A host chooses some of the texts.
fn harmless(value: String) -> String {
    if value.starts_with(['=', '+', '-', '@']) { format!("'{value}") } else { value }
}

fn quoted(value: &str) -> String {
    match value.contains(['"', ',', '\n', '\r']) || value != value.trim() {
        true => format!("\"{}\"", value.replace('"', "\"\"")),
        false => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_quoted_and_no_formula() {
        let columns =
            [Column::ID, Column::text("TOKEN LABEL", "label"), Column::time("EXPIRES", "expires_at?never")];
        let id = "0190a0b0-c0d0-7abc-8def-0123456789ab";
        let items = [
            json!({"id": id, "label": "=1+1", "expires_at": "2026-11-29T12:00:00.5Z"}),
            json!({"id": id, "label": "rack \"7\", left", "expires_at": null}),
            json!({"id": id, "label": null, "expires_at": null}),
        ];
        let text = format!(
            "id,token_label,expires\n{id},'=1+1,2026-11-29T12:00:00Z\n{id},\"rack \"\"7\"\", left\",never\n{id},,never\n"
        );
        assert_eq!(csv(&items, &columns, true), text);
        assert_eq!(csv(&items, &columns, false).lines().count(), 3);
        for begin in ['+', '-', '@'] {
            assert_eq!(harmless(format!("{begin}x")), format!("'{begin}x"));
        }
    }
}
