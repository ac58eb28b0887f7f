//! Escapes text of plugins, which is hostile: it must not move a cursor, change a colour or turn the direction of text.

use std::fmt::Write;
use std::io;

use crate::transcript::Bytes;

/// The text with everything that is not plainly visible written out as `\x1b` or `\u{202e}`.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    push_visible(text, &mut shown);
    shown
}

/// Makes bytes visible; those that are not UTF-8 are written as `\xff`.
pub fn visible_bytes(bytes: &Bytes) -> String {
    let mut shown = String::with_capacity(bytes.0.len());
    for chunk in bytes.0.utf8_chunks() {
        push_visible(chunk.valid(), &mut shown);
        for byte in chunk.invalid() {
            // Writing to a string cannot fail.
            let _ = write!(shown, "\\x{byte:02x}");
        }
    }
    shown
}

/// Makes bytes of several lines visible, which stay lines.
pub(super) fn visible_lines(bytes: &Bytes) -> String {
    let text = bytes.0.strip_suffix(b"\n").unwrap_or(&bytes.0);
    let lines = text.split(|byte| *byte == b'\n');
    let lines: Vec<String> = lines
        .map(|line| visible_bytes(&Bytes(line.to_vec())))
        .collect();
    lines.join("\n")
}

/// Passes a JSON text on, line by line, with everything treacherous in JSON's own escapes: the same document, harmless.
///
/// Line breaks of a JSON text stand between its tokens, never in its strings. What follows the last one is not passed on.
pub struct Json<'a> {
    line: Vec<u8>,
    out: &'a mut dyn io::Write,
}

impl<'a> Json<'a> {
    /// The writer that receives the escaped text.
    pub fn new(out: &'a mut dyn io::Write) -> Self {
        Self {
            line: Vec::new(),
            out,
        }
    }
}

impl io::Write for Json<'_> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(text);
        if text.ends_with(b"\n") {
            let lines = String::from_utf8_lossy(&self.line);
            self.out.write_all(json(&lines).as_bytes())?;
            self.line.clear();
        }
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn json(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c != '\n' && is_treacherous(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(c);
        }
    }
    shown
}

fn push_visible(text: &str, shown: &mut String) {
    for c in text.chars() {
        match c {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            c if c.is_ascii_control() => {
                let _ = write!(shown, "\\x{:02x}", u32::from(c));
            }
            c if is_treacherous(c) => {
                let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
            }
            c => shown.push(c),
        }
    }
}

/// Characters that are not seen, or that change how others are seen.
fn is_treacherous(c: char) -> bool {
    c.is_control()
        // These are no characters, in any plane.
        || u32::from(c) & 0xfffe == 0xfffe
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fdd0}'..='\u{fdef}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escapes_are_shown_and_not_obeyed() {
        assert_eq!(visible("a\x1b[31mb\x07"), "a\\x1b[31mb\\x07");
        assert_eq!(visible("user\u{202e}txt.exe"), "user\\u{202e}txt.exe");
        assert_eq!(visible("\u{9b}2J\r\n"), "\\u{9b}2J\\r\\n");
        assert_eq!(visible("größe → 10 µs"), "größe → 10 µs");
        assert_eq!(
            visible_bytes(&Bytes(b"ok \xff\xfe\x00".to_vec())),
            "ok \\xff\\xfe\\x00"
        );
    }

    proptest! {
        #[test]
        fn nothing_treacherous_is_left(bytes: Vec<u8>) {
            let shown = visible_bytes(&Bytes(bytes));
            prop_assert!(!shown.chars().any(is_treacherous));
        }

        #[test]
        fn harmless_json_is_the_same_document(text: String) {
            let document = serde_json::json!({ "text": text, "odd": "\u{9b}\u{202e}\u{e0041}\u{7f}" });
            let shown = json(&document.to_string());
            prop_assert!(!shown.chars().any(is_treacherous));
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap(), document);
        }

        #[test]
        fn plain_text_stays_as_it_is(text in "[a-zA-Z0-9{}\":, ]*") {
            prop_assert_eq!(visible(&text), text);
        }
    }
}
