//! A case in which every text of strangers is an attack.

use super::super::model::*;
use super::corrected::corrected;
use crate::ids::CommitId;

/// What strangers may write into any text.
pub(in crate::report) const HOSTILE: &str = "`x` ``` | </details><script>alert(1)</script> <!-- @octocat fixes #123 \
    [a](javascript:b) ![i](https://evil.example/i.png) **b** $(reboot) '; reboot; ' \u{1b}[31m\u{202e}rtl\u{200b}\n\n# head\r\n\
    - item /home/mallory/x https://u:hunter2@evil.example/ \\| |---| &amp; :tada:";

/// The normal case with every text replaced by [`HOSTILE`].
pub(in crate::report) fn hostile() -> Report {
    let replaced = replace(serde_json::to_value(corrected()).unwrap(), "", HOSTILE);
    let mut report: Report = serde_json::from_value(replaced).unwrap();
    report.contradictions = vec![HOSTILE.to_owned()];
    report
}

/// Replaces every text that may come from strangers.
pub(in crate::report) fn replace(value: serde_json::Value, name: &str, by: &str) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::String(text) => {
            let ours = matches!(
                name,
                "schema"
                    | "direction"
                    | "kind"
                    | "isolation"
                    | "mode"
                    | "class"
                    | "verdict"
                    | "date"
                    | "drv_path"
                    | "inputs-were"
                    | "reach"
                    | "before"
                    | "certainty"
                    | "way"
            ) || text.parse::<CommitId>().is_ok();
            Value::String(if ours { text } else { by.to_owned() })
        }
        Value::Array(items) => Value::Array(items.into_iter().map(|item| replace(item, name, by)).collect()),
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .map(|(name, field)| {
                    let field = if name == "verdict" && field.is_string() { field } else { replace(field, &name, by) };
                    (name, field)
                })
                .collect(),
        ),
        other => other,
    }
}
