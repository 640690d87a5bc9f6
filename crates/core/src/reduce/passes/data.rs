//! Leaves out values of data files that the evaluation reads, by their structure: JSON and TOML stay valid.
//!
//! `flake.lock` is none of them: `inputs` knows what in it belongs together.

use std::path::Path;

use serde_json::Value;
use toml_edit::{DocumentMut, Item};

use super::super::edit::{Edit, Key, Piece, Pointer};
use super::super::project::Project;
use super::lock::is_lock;

/// Lists every member and every element of every JSON and TOML file.
pub(super) fn pieces(project: &Project) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for (path, text) in project.texts("json").chain(project.texts("lock")).chain(project.texts("toml")) {
        if is_lock(path) {
            continue;
        }
        let mut add = |pointer: &Pointer, saves: usize| {
            let edits = vec![Edit::RemoveDatum { file: path.to_owned(), pointer: pointer.clone() }];
            pieces.push(Piece { edits, level: pointer.len() - 1, saves: saves.max(1) });
        };
        match Document::parse(path, text) {
            Some(Document::Json(value)) => json(&value, &mut Vec::new(), &mut add),
            Some(Document::Toml(document)) => toml(document.as_item(), &mut Vec::new(), &mut add),
            None => {}
        }
    }
    pieces
}

/// Returns a data file's text without some of its values; none where it has no such value.
pub(in super::super) fn without(path: &Path, text: &str, pointers: &[&Pointer]) -> Option<String> {
    let mut pointers = pointers.to_vec();
    // From the end, so that the numbers of those before stay right; what is inside of another one goes with it.
    pointers.sort();
    let mut document = Document::parse(path, text)?;
    for (at, pointer) in pointers.iter().enumerate().rev() {
        if pointers[..at].iter().any(|outer| pointer.starts_with(outer)) {
            continue;
        }
        let (last, way) = pointer.split_last()?;
        match &mut document {
            Document::Json(value) => remove_json(value, way, last)?,
            Document::Toml(document) => remove_toml(document.as_item_mut(), way, last)?,
        }
    }
    Some(match document {
        Document::Json(value) if is_lock(path) => value.to_string(),
        Document::Json(value) => format!("{value:#}\n"),
        Document::Toml(document) => document.to_string(),
    })
}

/// A parsed data file.
enum Document {
    Json(Value),
    Toml(Box<DocumentMut>),
}

impl Document {
    /// Parses by the name's end; a `.lock` is either.
    fn parse(path: &Path, text: &str) -> Option<Self> {
        let json = || serde_json::from_str(text).ok().map(Self::Json);
        let toml = || text.parse().ok().map(|document| Self::Toml(Box::new(document)));
        match path.extension()?.to_str()? {
            "json" => json(),
            "toml" => toml(),
            "lock" => json().or_else(toml),
            _ => None,
        }
    }
}

fn json(value: &Value, way: &mut Pointer, add: &mut impl FnMut(&Pointer, usize)) {
    let mut inside = |key: Key, value: &Value, way: &mut Pointer| {
        way.push(key);
        add(way, value.to_string().len());
        json(value, way, add);
        way.pop();
    };
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| inside(Key::Member(name.clone()), value, way));
        }
        Value::Array(elements) => {
            elements.iter().enumerate().for_each(|(number, value)| inside(Key::Element(number), value, way));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn remove_json(value: &mut Value, way: &[Key], last: &Key) -> Option<()> {
    let mut place = value;
    for key in way {
        place = match key {
            Key::Member(name) => place.as_object_mut()?.get_mut(name)?,
            Key::Element(number) => place.as_array_mut()?.get_mut(*number)?,
        };
    }
    match last {
        Key::Member(name) => _ = place.as_object_mut()?.shift_remove(name)?,
        Key::Element(number) => {
            let elements = place.as_array_mut()?;
            if *number >= elements.len() {
                return None;
            }
            elements.remove(*number);
        }
    }
    Some(())
}

fn toml(item: &Item, way: &mut Pointer, add: &mut impl FnMut(&Pointer, usize)) {
    let mut inside = |key: Key, item: &Item, way: &mut Pointer| {
        way.push(key);
        add(way, item.to_string().len());
        toml(item, way, add);
        way.pop();
    };
    if let Some(table) = item.as_table_like() {
        table.iter().for_each(|(name, item)| inside(Key::Member(name.to_owned()), item, way));
    } else if let Some(tables) = item.as_array_of_tables() {
        for (number, table) in tables.iter().enumerate() {
            inside(Key::Element(number), &Item::Table(table.clone()), way);
        }
    } else if let Some(array) = item.as_array() {
        for (number, value) in array.iter().enumerate() {
            inside(Key::Element(number), &Item::Value(value.clone()), way);
        }
    }
}

fn remove_toml(item: &mut Item, way: &[Key], last: &Key) -> Option<()> {
    let mut place = item;
    for (at, key) in way.iter().enumerate() {
        place = match key {
            Key::Member(name) => place.as_table_like_mut()?.get_mut(name)?,
            // A table of an array is no item of its own.
            Key::Element(number) if place.is_array_of_tables() => {
                let table = place.as_array_of_tables_mut()?.get_mut(*number)?;
                return remove_from_table(table, way.get(at + 1..)?, last);
            }
            Key::Element(number) => {
                let value = place.as_array_mut()?.get_mut(*number)?;
                return remove_from_value(value, way.get(at + 1..)?, last);
            }
        };
    }
    match last {
        Key::Member(name) => _ = place.as_table_like_mut()?.remove(name)?,
        Key::Element(number) => match place.as_array_of_tables_mut() {
            Some(tables) if *number < tables.len() => _ = tables.remove(*number),
            Some(_) => return None,
            None => {
                let array = place.as_array_mut()?;
                if *number >= array.len() {
                    return None;
                }
                _ = array.remove(*number);
            }
        },
    }
    Some(())
}

fn remove_from_table(table: &mut toml_edit::Table, way: &[Key], last: &Key) -> Option<()> {
    match way.split_first() {
        Some((Key::Member(name), way)) => remove_toml(table.get_mut(name)?, way, last),
        Some((Key::Element(_), _)) => None,
        None => match last {
            Key::Member(name) => table.remove(name).map(|_| ()),
            Key::Element(_) => None,
        },
    }
}

fn remove_from_value(value: &mut toml_edit::Value, way: &[Key], last: &Key) -> Option<()> {
    let mut item = Item::Value(value.clone());
    remove_toml(&mut item, way, last)?;
    *value = item.into_value().ok()?;
    Some(())
}
