//! Texts without what differs from input to input, so that the same behaviour reads the same.

use super::tree::Tree;

/// The longest text that is looked at, in bytes.
const LONGEST: usize = 2048;

/// The strings of an input that a plugin may repeat, the longest first.
#[derive(Debug, Default)]
pub struct Echoes(Vec<String>);

impl Echoes {
    /// The strings in these inputs.
    pub fn of<'a>(inputs: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut texts: Vec<String> = Vec::new();
        for input in inputs {
            match Tree::parse(input) {
                Some(tree) => texts.extend(tree.texts().into_iter().map(str::to_owned)),
                None => texts.push(String::from_utf8_lossy(input).into_owned()),
            }
        }
        texts.retain(|text| text.len() > 2 && text.len() < LONGEST);
        texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
        texts.dedup();
        texts.truncate(256);
        Self(texts)
    }

    /// The text with echoes, quoted words, numbers and addresses replaced.
    pub fn mask(&self, text: &str) -> String {
        let mut text: String = text.chars().take(LONGEST).collect();
        for echo in &self.0 {
            if text.contains(echo.as_str()) {
                text = text.replace(echo.as_str(), "_");
            }
        }
        words(&quotes(&text))
    }
}

/// Replaces quoted text, whatever the quotes, by `_`.
fn quotes(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['"', '`', '\'']) {
        let quote = rest[at..].chars().next().unwrap_or('"');
        let inner = &rest[at + 1..];
        let Some(end) = inner.find(quote).filter(|_| !is_apostrophe(rest, at)) else {
            out.push_str(&rest[..=at]);
            rest = inner;
            continue;
        };
        out.push_str(&rest[..at]);
        out.push('_');
        rest = &inner[end + 1..];
    }
    out.push_str(rest);
    out
}

/// As in "doesn't": a quote inside of a word opens nothing.
fn is_apostrophe(text: &str, at: usize) -> bool {
    text[at..].starts_with('\'') && text[..at].ends_with(|c: char| c.is_alphanumeric())
}

/// Words with digits become `#`, so do repetitions; white space becomes one space.
fn words(text: &str) -> String {
    let mut masked: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        let shown = match bare.contains(|c: char| c.is_ascii_digit()) {
            true => word.replace(bare, "#"),
            false => word.to_owned(),
        };
        if masked.last() != Some(&shown) {
            masked.push(shown);
        }
    }
    masked.truncate(60);
    masked.join(" ")
}

/// A path without the parts that differ: those with digits, and those that the input names.
pub fn path(path: &str, echoes: &Echoes) -> String {
    let parts = path.split('/').map(|part| {
        let differs =
            part.contains(|c: char| c.is_ascii_digit()) || echoes.0.iter().any(|echo| echo == part);
        if differs { "_" } else { part }
    });
    parts.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_masked() {
        let echoes = Echoes::of([&br#"{"mode": "zebra", "mtu": 7}"#[..]]);
        assert_eq!(
            echoes.mask("unknown mode zebra: mtu 65536 of \"x y\" doesn't  fit"),
            "unknown mode _: mtu # of _ doesn't fit"
        );
        assert_eq!(
            path("/var/lib/cni/networks/zebra/10.0.0.1", &echoes),
            "/var/lib/cni/networks/_/_"
        );
    }
}
