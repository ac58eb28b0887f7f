//! Where the keys of a network configuration stand in its file, for reports that point at them.

use std::path::Path;

use serde_json::Value;

use crate::report::{ConfigFile, KeyPlace};

/// The most keys that a report points at: a network configuration is small.
const LIMIT: usize = 1000;

/// The places of the file's keys; none where there is no file, or where it can no longer be read.
pub(super) fn read(path: Option<&Path>, plugin_type: &str) -> Option<ConfigFile> {
    let text = std::fs::read_to_string(path?).ok()?;
    let document: Value = serde_json::from_str(&text).ok()?;
    Some(ConfigFile {
        plugin: plugin(&document, plugin_type)?,
        keys: places(&text),
    })
}

/// The pointer to the plugin's configuration: in a list, as delegate in one, or alone in a file.
fn plugin(document: &Value, plugin_type: &str) -> Option<String> {
    let listed = document["plugins"].as_array().into_iter().flatten();
    let candidates: Vec<String> = listed
        .enumerate()
        .map(|(index, _)| format!("/plugins/{index}"))
        .chain([String::new()])
        .flat_map(|pointer| [format!("{pointer}/ipam"), pointer])
        .collect();
    let is_it = |pointer: &String| {
        let config = document.pointer(pointer);
        config.is_some_and(|config| config["type"] == plugin_type)
    };
    candidates.into_iter().find(is_it)
}

/// An object or a list that was begun and not yet ended.
enum Open {
    Object { key: Option<String> },
    List { index: usize },
}

/// The places of the keys of a text that is known to be JSON.
fn places(text: &str) -> Vec<KeyPlace> {
    let mut places = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    let mut characters = Characters::new(text);
    while let Some((c, line, column)) = characters.next() {
        match c {
            '{' => open.push(Open::Object { key: None }),
            '[' => open.push(Open::List { index: 0 }),
            '}' | ']' => drop(open.pop()),
            ',' => match open.last_mut() {
                Some(Open::Object { key }) => *key = None,
                Some(Open::List { index }) => *index += 1,
                None => {}
            },
            '"' => {
                let string = characters.string();
                if let Some(Open::Object { key: key @ None }) = open.last_mut() {
                    *key = Some(string);
                    places.push(KeyPlace {
                        pointer: pointer(&open),
                        line,
                        column,
                    });
                }
            }
            _ => {}
        }
    }
    places.truncate(LIMIT);
    places
}

fn pointer(open: &[Open]) -> String {
    let token = |open: &Open| match open {
        Open::Object { key } => {
            let key = key.as_deref().unwrap_or_default();
            format!("/{}", key.replace('~', "~0").replace('/', "~1"))
        }
        Open::List { index } => format!("/{index}"),
    };
    open.iter().map(token).collect()
}

/// The characters of a text with their lines and columns.
struct Characters<'t> {
    rest: std::str::Chars<'t>,
    line: usize,
    column: usize,
}

impl<'t> Characters<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            rest: text.chars(),
            line: 1,
            column: 0,
        }
    }

    fn next(&mut self) -> Option<(char, usize, usize)> {
        let c = self.rest.next()?;
        self.column += 1;
        let place = (c, self.line, self.column);
        if c == '\n' {
            (self.line, self.column) = (self.line + 1, 0);
        }
        Some(place)
    }

    /// The rest of a string whose first quotation mark was read.
    fn string(&mut self) -> String {
        let mut raw = String::from('"');
        while let Some((c, _, _)) = self.next() {
            raw.push(c);
            match c {
                '"' => break,
                '\\' => raw.extend(self.next().map(|(c, _, _)| c)),
                _ => {}
            }
        }
        serde_json::from_str(&raw).unwrap_or(raw)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn every_key_has_its_line_and_column() {
        let text = "{\"name\": \"größe: {\\\"\",\n  \"plugins\": [\n    {\"type\": \"a\"},\n\t{ \"a/b~\\u0063\" : [1, {\"x\": {}}] }]}";
        let found: Vec<_> = places(text)
            .into_iter()
            .map(|place| (place.pointer, place.line, place.column))
            .collect();
        let place = |pointer: &str, line, column| (pointer.to_owned(), line, column);
        assert_eq!(
            found,
            [
                place("/name", 1, 2),
                place("/plugins", 2, 3),
                place("/plugins/0/type", 3, 6),
                place("/plugins/1/a~1b~0c", 4, 4),
                place("/plugins/1/a~1b~0c/1/x", 4, 24),
            ]
        );
    }

    #[test]
    fn no_file_has_no_keys() {
        assert_eq!(read(None, "a"), None);
        assert_eq!(read(Some(Path::new("/no/such/file")), "a"), None);
    }

    #[test]
    fn the_plugin_is_found_wherever_it_stands() {
        let list =
            json!({"plugins": [{"type": "ptp", "ipam": {"type": "host-local"}}, {"type": "mine"}]});
        for (plugin_type, pointer) in [
            ("ptp", Some("/plugins/0")),
            ("host-local", Some("/plugins/0/ipam")),
            ("mine", Some("/plugins/1")),
            ("other", None),
        ] {
            assert_eq!(plugin(&list, plugin_type).as_deref(), pointer);
        }
        let alone = json!({"type": "mine", "ipam": {"type": "dhcp"}});
        assert_eq!(plugin(&alone, "mine").as_deref(), Some(""));
        assert_eq!(plugin(&alone, "dhcp").as_deref(), Some("/ipam"));
    }

    proptest! {
        #[test]
        fn every_pointer_leads_to_a_value_and_every_place_to_its_key(
            keys in proptest::collection::btree_map("[a-z\"\\\\/~{}\\[\\],: ]{0,6}", "[^\0]{0,6}", 1..6),
        ) {
            let document = serde_json::json!({"plugins": [keys, {"ipam": keys}]});
            let text = serde_json::to_string_pretty(&document).unwrap();
            let found = places(&text);
            prop_assert_eq!(found.len(), 2 + 2 * keys.len());
            for place in found {
                prop_assert!(document.pointer(&place.pointer).is_some_and(|value| *value != Value::Null));
                let line = text.lines().nth(place.line - 1).unwrap();
                prop_assert_eq!(line.chars().nth(place.column - 1), Some('"'));
            }
        }
    }
}
