//! JSON as a fuzzer needs it: keys may stand twice, numbers keep their digits, and any part may be broken.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// A JSON value, or bytes in the place of one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Tree {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, digit by digit.
    Number(String),
    /// A string.
    Text(String),
    /// An array.
    List(Vec<Tree>),
    /// An object; keys may stand more than once.
    Object(Vec<(String, Tree)>),
    /// Bytes that are written as they are.
    Raw(Vec<u8>),
}

/// The way from the root to a node: the position at each level.
pub type Path = Vec<usize>;

impl Tree {
    /// Reads one JSON document; none where the bytes are anything else.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// A string.
    pub fn text(text: impl Into<String>) -> Self {
        Tree::Text(text.into())
    }

    /// A number.
    pub fn number(digits: impl ToString) -> Self {
        Tree::Number(digits.to_string())
    }

    /// The bytes.
    pub fn render(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Tree::Null => out.extend_from_slice(b"null"),
            Tree::Bool(value) => out.extend_from_slice(value.to_string().as_bytes()),
            Tree::Number(digits) => out.extend_from_slice(digits.as_bytes()),
            Tree::Text(text) => write_text(text, out),
            Tree::Raw(bytes) => out.extend_from_slice(bytes),
            Tree::List(items) => {
                out.push(b'[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    item.write(out);
                }
                out.push(b']');
            }
            Tree::Object(entries) => {
                out.push(b'{');
                for (index, (key, value)) in entries.iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    write_text(key, out);
                    out.push(b':');
                    value.write(out);
                }
                out.push(b'}');
            }
        }
    }

    /// The paths of all nodes, the root first.
    pub fn paths(&self) -> Vec<Path> {
        let mut paths = Vec::new();
        self.collect_paths(&mut Vec::new(), &mut paths);
        paths
    }

    fn collect_paths(&self, at: &mut Path, paths: &mut Vec<Path>) {
        paths.push(at.clone());
        for (index, child) in self.children().enumerate() {
            at.push(index);
            child.collect_paths(at, paths);
            at.pop();
        }
    }

    fn children(&self) -> Box<dyn Iterator<Item = &Tree> + '_> {
        match self {
            Tree::List(items) => Box::new(items.iter()),
            Tree::Object(entries) => Box::new(entries.iter().map(|(_, value)| value)),
            _ => Box::new(std::iter::empty()),
        }
    }

    /// The node at a path.
    pub fn at(&self, path: &[usize]) -> Option<&Tree> {
        let Some((first, rest)) = path.split_first() else {
            return Some(self);
        };
        self.children().nth(*first)?.at(rest)
    }

    /// The node at a path, to be changed.
    pub fn at_mut(&mut self, path: &[usize]) -> Option<&mut Tree> {
        let Some((first, rest)) = path.split_first() else {
            return Some(self);
        };
        match self {
            Tree::List(items) => items.get_mut(*first)?.at_mut(rest),
            Tree::Object(entries) => entries.get_mut(*first)?.1.at_mut(rest),
            _ => None,
        }
    }

    /// The key under which the node at a path stands; that of the list, for an item of one.
    pub fn key_of(&self, path: &[usize]) -> Option<&str> {
        let (last, parents) = path.split_last()?;
        match self.at(parents)? {
            Tree::Object(entries) => entries.get(*last).map(|(key, _)| key.as_str()),
            _ => self.key_of(parents),
        }
    }

    /// Takes the node at a path out of its list or object. The root cannot be taken out.
    pub fn remove(&mut self, path: &[usize]) -> Option<Tree> {
        let (last, parents) = path.split_last()?;
        match self.at_mut(parents)? {
            Tree::List(items) if *last < items.len() => Some(items.remove(*last)),
            Tree::Object(entries) if *last < entries.len() => Some(entries.remove(*last).1),
            _ => None,
        }
    }

    /// The value under a key of an object.
    pub fn get(&self, key: &str) -> Option<&Tree> {
        match self {
            Tree::Object(entries) => entries
                .iter()
                .find(|(name, _)| name == key)
                .map(|(_, value)| value),
            _ => None,
        }
    }

    /// Every string in it, keys left out.
    pub fn texts(&self) -> Vec<&str> {
        match self {
            Tree::Text(text) => vec![text],
            _ => self.children().flat_map(Tree::texts).collect(),
        }
    }
}

fn write_text(text: &str, out: &mut Vec<u8>) {
    // A string can always be written.
    out.extend(serde_json::to_vec(text).unwrap_or_default());
}

/// How serde_json tells of a number whose digits it keeps.
const NUMBER: &str = "$serde_json::private::Number";

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::number(value))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::number(value))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::number(value))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Tree, E> {
        Ok(Tree::text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Tree::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Tree, A::Error> {
        let mut object = Vec::new();
        while let Some(key) = entries.next_key::<String>()? {
            let value = entries.next_value()?;
            match value {
                Tree::Text(digits) if key == NUMBER => return Ok(Tree::Number(digits)),
                value => object.push((key, value)),
            }
        }
        Ok(Tree::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn trees() -> impl Strategy<Value = Tree> {
        let leaf = prop_oneof![
            Just(Tree::Null),
            any::<bool>().prop_map(Tree::Bool),
            any::<i64>().prop_map(Tree::number),
            any::<String>().prop_map(Tree::Text),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Tree::List),
                prop::collection::vec((any::<String>(), inner), 0..4).prop_map(Tree::Object),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(tree in trees()) {
            prop_assert_eq!(Tree::parse(&tree.render()), Some(tree));
        }

        #[test]
        fn every_path_leads_somewhere(tree in trees()) {
            for path in tree.paths() {
                prop_assert!(tree.at(&path).is_some());
            }
        }

        #[test]
        fn no_bytes_are_too_odd_to_read(bytes: Vec<u8>) {
            let _ = Tree::parse(&bytes);
        }
    }

    #[test]
    fn keys_that_stand_twice_and_long_numbers_are_kept() {
        let text = br#"{"a":1,"a":123456789012345678901234567890.10}"#;
        assert_eq!(Tree::parse(text).unwrap().render(), text);
    }

    #[test]
    fn an_item_has_the_key_of_its_list() {
        let tree = Tree::parse(br#"{"x":1,"routes":[{"dst":"a"},7]}"#).unwrap();
        assert_eq!(tree.key_of(&[1, 0, 0]), Some("dst"));
        assert_eq!(tree.key_of(&[1, 1]), Some("routes"));
        assert_eq!(tree.key_of(&[]), None);
    }
}
