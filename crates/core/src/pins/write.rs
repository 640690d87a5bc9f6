//! Writing a lock back into a pin file.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::PIN;
use super::edit::set_string;
use super::format::{PinFormat, PinsError};
use crate::flake::{Input, Lock, Node};
use crate::ids::NodeKey;
use crate::store_path::NarHash;

/// Writes a lock back into a pin file; what does not differ stays byte for byte.
///
/// `hash` knows the hash of the tree of a node that is at another revision than its pin says; where it does not, the
/// old hash stays.
///
/// # Errors
/// When the text is not what the program writes.
pub fn write(
    format: PinFormat,
    text: &str,
    lock: &Lock,
    hash: &dyn Fn(&NodeKey) -> Option<NarHash>,
) -> Result<String, PinsError> {
    let own = format.pins(text)?;
    // The keys of nodes are others where they came from another state.
    let inputs = lock.nodes.get(&lock.root).map(|root| &root.inputs).into_iter().flatten();
    let pins = inputs.filter_map(|(name, input)| {
        let Input::Node(key) = input else { return None };
        let node = lock.nodes.get(key)?;
        let pin = node.original.as_ref()?.0.get(PIN)?.as_object()?;
        Some((name.clone(), at_revision(format, pin, (key, node), hash)))
    });
    let wanted: BTreeMap<String, Map<String, Value>> = pins.collect();
    let same_names = own.len() == wanted.len() && own.keys().all(|name| wanted.contains_key(name));
    let edited = same_names.then(|| {
        wanted.iter().try_fold(text.to_owned(), |text, (name, pin)| in_place(format, text, (name, pin), &own))
    });
    match edited.flatten() {
        Some(text) => Ok(text),
        None => Ok(rewritten(format, text, &own, wanted)),
    }
}

/// Returns a pin at the revision that its node is locked to.
fn at_revision(
    format: PinFormat,
    pin: &Map<String, Value>,
    (key, node): (&NodeKey, &Node),
    hash: &dyn Fn(&NodeKey) -> Option<NarHash>,
) -> Map<String, Value> {
    let mut pin = pin.clone();
    let old = pin.get(format.revision()).and_then(Value::as_str).map(str::to_owned);
    let new = node.locked.as_ref().and_then(|locked| locked.text("rev"));
    let (Some(old), Some(new)) = (old, new) else { return pin };
    if old == new {
        return pin;
    }
    for value in pin.values_mut() {
        if let Value::String(text) = value {
            *text = text.replace(&old, new);
        }
    }
    if let Some(Value::String(old)) = pin.get_mut(format.hash())
        && let Some(hash) = hash(key)
    {
        *old = in_the_form_of(old, &hash);
    }
    pin
}

/// Writes a hash as another one is written: in base 64, base 32 or base 16.
pub(super) fn in_the_form_of(other: &str, hash: &NarHash) -> String {
    match other.len() {
        64 => hash.to_hex(),
        52 => hash.to_base32(),
        _ => hash.to_string(),
    }
}

/// Changes the texts of one pin in place, if that is all that differs.
fn in_place(
    format: PinFormat,
    text: String,
    (name, pin): (&str, &Map<String, Value>),
    own: &Map<String, Value>,
) -> Option<String> {
    let own = own.get(name)?.as_object()?;
    if own.len() != pin.len() {
        return None;
    }
    pin.iter().try_fold(text, |text, (field, value)| match (own.get(field)?, value) {
        (old, new) if old == new => Some(text),
        (Value::String(_), Value::String(new)) => match format {
            PinFormat::Npins => set_string(&text, &["pins", name, field], new),
            PinFormat::Niv => set_string(&text, &[name, field], new),
        },
        _ => None,
    })
}

/// Writes the whole file anew, with the pins that stay in their order.
fn rewritten(
    format: PinFormat,
    text: &str,
    own: &Map<String, Value>,
    mut wanted: BTreeMap<String, Map<String, Value>>,
) -> String {
    let stay = own.keys().filter_map(|name| Some((name.clone(), wanted.remove(name)?))).collect::<Vec<_>>();
    let pins: Map<String, Value> =
        stay.into_iter().chain(wanted).map(|(name, pin)| (name, Value::Object(pin))).collect();
    let top = match format {
        PinFormat::Niv => Value::Object(pins),
        PinFormat::Npins => {
            let mut top: Value = serde_json::from_str(text).unwrap_or(Value::Null);
            if let Value::Object(top) = &mut top {
                top.insert("pins".to_owned(), Value::Object(pins));
            }
            top
        }
    };
    format!("{top:#}\n")
}
