//! `report.json`: the model itself, redacted. Described by `docs/report.schema.json`.

use serde_json::Value;

use super::model::Report;
use super::redact::Redactor;

/// Returns the report as a JSON document that ends in a newline.
///
/// # Errors
/// When the model cannot be serialised, which would be a defect of the model.
pub fn render(report: &Report, redactor: &Redactor) -> Result<String, serde_json::Error> {
    let mut value = serde_json::to_value(report)?;
    redact(&mut value, redactor);
    let mut text = serde_json::to_string_pretty(&value)?;
    text.push('\n');
    Ok(text)
}

fn redact(value: &mut Value, redactor: &Redactor) {
    match value {
        Value::String(text) => *text = redactor.text(text),
        Value::Array(items) => items.iter_mut().for_each(|item| redact(item, redactor)),
        Value::Object(fields) => {
            for (name, field) in fields.iter_mut() {
                redact(field, redactor);
                if name == "author" {
                    *field = Value::Null;
                }
                // A path in a store below a home folder is no derivation path any more.
                if name == "drv_path" && field.as_str().is_some_and(|path| !path.starts_with('/')) {
                    *field = Value::Null;
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests;
