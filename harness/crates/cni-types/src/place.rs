//! Where in a document something is wrong.

use std::collections::HashMap;
use std::fmt;

use serde_json::Value;
use serde_json::value::RawValue;
use thiserror::Error;

/// A document that breaks a rule of section 1.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct InvalidConfig {
    path: Vec<Step>,
    what: String,
    place: Option<Place>,
}

/// A place in a text; both numbers start at 1, columns are bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(usize),
}

impl InvalidConfig {
    /// An error in the value of a key.
    pub fn key(key: &str, what: impl Into<String>) -> Self {
        Self {
            path: vec![Step::Key(key.to_owned())],
            what: what.into(),
            place: None,
        }
    }

    /// An error of the whole document.
    pub fn whole(what: impl Into<String>) -> Self {
        Self {
            path: Vec::new(),
            what: what.into(),
            place: None,
        }
    }

    /// Prefixes the key and the index by which another document holds this one in a list.
    #[must_use]
    pub fn within(mut self, key: &str, index: usize) -> Self {
        self.path
            .splice(0..0, [Step::Key(key.to_owned()), Step::Index(index)]);
        self
    }

    /// Prefixes the key by which another object holds this one.
    #[must_use]
    pub fn under(mut self, key: &str) -> Self {
        self.path.insert(0, Step::Key(key.to_owned()));
        self
    }

    /// Adds the line and column in the text that the document was read from.
    #[must_use]
    pub fn in_text(self, text: &[u8]) -> Self {
        Self {
            place: self.place.or_else(|| locate(text, &self.path)),
            ..self
        }
    }

    /// The message, without the place.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// The key, as in `plugins[1].type`; none if it is the whole document.
    pub fn key_path(&self) -> Option<String> {
        if self.path.is_empty() {
            None
        } else {
            Some(render(&self.path))
        }
    }

    /// Where it stands, if the document was read from a text. A missing key stands where its object begins.
    pub fn place(&self) -> Option<Place> {
        self.place
    }
}

impl fmt::Display for InvalidConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "`{}` ", render(&self.path))?;
        }
        write!(f, "{}", self.what)?;
        match self.place {
            Some(Place { line, column }) => write!(f, " (line {line}, column {column})"),
            None => Ok(()),
        }
    }
}

/// A text as a document; the error says where it stops being one.
pub(crate) fn parse(text: &[u8]) -> Result<Value, InvalidConfig> {
    serde_json::from_slice(text).map_err(|error| {
        let said = error.to_string();
        let what = said
            .rsplit_once(" at line ")
            .map_or(said.as_str(), |(what, _)| what);
        let place = Place {
            line: error.line().max(1),
            column: error.column().max(1),
        };
        InvalidConfig {
            path: Vec::new(),
            what: format!("is not JSON: {what}"),
            place: Some(place),
        }
    })
}

fn render(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Index(index) => text.push_str(&format!("[{index}]")),
            Step::Key(key) if text.is_empty() => text.push_str(key),
            Step::Key(key) => text.push_str(&format!(".{key}")),
        }
    }
    text
}

/// Follows a path as far as it leads.
fn locate(text: &[u8], path: &[Step]) -> Option<Place> {
    let text = std::str::from_utf8(text).ok()?;
    let mut found: &RawValue = serde_json::from_str(text).ok()?;
    for step in path {
        let next = match step {
            Step::Key(key) => serde_json::from_str::<HashMap<String, &RawValue>>(found.get())
                .ok()
                .and_then(|object| object.get(key).copied()),
            Step::Index(index) => serde_json::from_str::<Vec<&RawValue>>(found.get())
                .ok()
                .and_then(|list| list.get(*index).copied()),
        };
        match next {
            Some(next) => found = next,
            None => break,
        }
    }
    // Raw values borrow from the text, so their distance from its start is their offset in it.
    let offset = (found.get().as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
    let before = text.get(..offset)?;
    let line = before.matches('\n').count() + 1;
    let column = offset - before.rfind('\n').map_or(0, |newline| newline + 1) + 1;
    Some(Place { line, column })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_where_its_value_stands() {
        let text = b"\n{ \"a\": 1,\n  \"b\": [ {}, { \"c.d\": 7 } ] }";
        let error = InvalidConfig::key("c.d", "is wrong")
            .within("b", 1)
            .in_text(text);
        assert_eq!(error.to_string(), "`b[1].c.d` is wrong (line 3, column 23)");
        let error = InvalidConfig::key("e", "is missing")
            .within("b", 1)
            .in_text(text);
        assert_eq!(
            error.place(),
            Some(Place {
                line: 3,
                column: 14
            })
        );
        let error = InvalidConfig::whole("is odd").in_text(text);
        assert_eq!(
            (error.place(), error.key_path()),
            (Some(Place { line: 2, column: 1 }), None)
        );
    }

    #[test]
    fn what_is_no_json_says_where() {
        let error = parse(b"{\n \"a\": }").unwrap_err();
        assert_eq!(
            error.to_string(),
            "is not JSON: expected value (line 2, column 7)"
        );
        assert_eq!(
            parse(b"").unwrap_err().place(),
            Some(Place { line: 1, column: 1 })
        );
        assert!(parse(&[0xff]).is_err());
        assert!(parse("[".repeat(100_000).as_bytes()).is_err());
    }
}
