//! YAML for people to read, written from values: blocks for maps and lists, quoted texts for everything that
//! could be taken for something else.

use serde_json::Value;

/// The value as a YAML document.
pub(super) fn document(value: &Value) -> String {
    let mut text = String::new();
    write(value, 0, &mut text);
    text
}

fn write(value: &Value, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                text.push_str(&format!("{indent}{}:", scalar(&Value::String(key.clone()))));
                write_member(member, depth + 1, text);
            }
        }
        Value::Array(items) => {
            for item in items {
                // An item's first line stands behind its dash.
                let mut inner = String::new();
                write_item(item, depth + 1, &mut inner);
                text.push_str(&format!("{indent}- {}", inner.trim_start()));
            }
        }
        other => text.push_str(&format!("{indent}{}\n", scalar(other))),
    }
}

fn write_item(item: &Value, depth: usize, text: &mut String) {
    if is_nested(item) {
        write(item, depth, text);
    } else {
        write_leaf(item, depth, text);
    }
}

fn write_member(member: &Value, depth: usize, text: &mut String) {
    if is_nested(member) {
        text.push('\n');
        write(member, depth, text);
    } else {
        text.push(' ');
        write_leaf(member, depth, text);
    }
}

/// A value that stands behind its key or dash, or begins there.
fn write_leaf(value: &Value, depth: usize, text: &mut String) {
    match value {
        Value::String(lines) if is_block(lines) => {
            text.push_str("|\n");
            for line in lines.lines() {
                let indent = if line.is_empty() { 0 } else { depth };
                text.push_str(&format!("{}{line}\n", "  ".repeat(indent)));
            }
        }
        other => text.push_str(&format!("{}\n", scalar(other))),
    }
}

fn is_nested(value: &Value) -> bool {
    match value {
        Value::Object(members) => !members.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    }
}

/// True if a text can be written line by line: it ends with one line break, and no line could be misread.
fn is_block(text: &str) -> bool {
    let begins = text.starts_with(|c: char| !c.is_whitespace());
    let ends = text.ends_with('\n') && !text.ends_with("\n\n");
    let blank = |line: &str| !line.is_empty() && line.trim().is_empty();
    begins && ends && !text.lines().any(blank) && !text.chars().any(|c| c.is_control() && c != '\n')
}

/// A value in one line. JSON's texts are YAML's double-quoted ones.
fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) if is_plain(text) => text.clone(),
        other => other.to_string(),
    }
}

/// True if a text needs no quotes: words that begin with a letter, and mean nothing else.
fn is_plain(text: &str) -> bool {
    const OTHERS: &[&str] = &["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_./ ".contains(c))
        && !text.ends_with(' ')
        && !OTHERS.contains(&text.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn read(text: &str) -> Value {
        serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    #[test]
    fn maps_and_lists_are_blocks() {
        let value = json!({
            "name": "x",
            "on": ["yes", 1, true, null, {}, []],
            "steps": [{"run": "a\nb\n", "with": {"k": "v"}}, [["deep"]]],
            "text": "a: b # no comment\n  indented\n",
        });
        let text = document(&value);
        assert_eq!(read(&text), value, "{text}");
        assert!(text.contains("  - run: |\n      a\n      b\n"), "{text}");
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "[ -~\n]{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map("[ -~]{1,8}", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(value in values()) {
            let value = json!({ "value": value });
            let text = document(&value);
            prop_assert_eq!(read(&text), value, "{}", text);
        }
    }
}
