use cnispec::report::{Detail, Report, write_json, write_junit, write_terminal};

/// Whatever stands in a report, what is rendered of it is well-formed and harmless.
pub fn renderers(data: &[u8]) -> bool {
    let Ok(report) = serde_json::from_slice::<Report>(data) else {
        return false;
    };
    let mut json = Vec::new();
    write_json(&report, &mut json).unwrap();
    assert_eq!(serde_json::from_slice::<Report>(&json).unwrap(), report);

    let mut junit = Vec::new();
    write_junit(&report, &mut junit).unwrap();
    let text = String::from_utf8(junit).unwrap();
    let allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    assert!(text.chars().all(allowed), "{text}");
    let mut reader = quick_xml::Reader::from_str(&text);
    while reader.read_event().unwrap() != quick_xml::events::Event::Eof {}

    for detail in [Detail::Quiet, Detail::Normal, Detail::Verbose] {
        let mut terminal = Vec::new();
        write_terminal(&report, detail, &mut terminal).unwrap();
        let text = String::from_utf8(terminal).unwrap();
        let plain = without_colours(&text);
        let stray = plain.chars().find(|c| c.is_control() && *c != '\n');
        assert_eq!(stray, None, "{plain:?}");
    }
    true
}

/// The text without the escapes that set colours, which are ours.
fn without_colours(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |plain, part| {
        let end = part
            .find(|c: char| !c.is_ascii_digit() && c != ';')
            .unwrap_or(0);
        assert!(
            part[end..].starts_with('m'),
            "an escape that sets no colour: {part:?}"
        );
        plain + &part[end + 1..]
    })
}
