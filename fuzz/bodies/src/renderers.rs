use cnispec::report::{Detail, Format, Report, write_terminal};
use scraper::Html;
use serde_json::Value;

/// Whatever stands in a report, what is rendered of it is well-formed and harmless.
pub fn renderers(data: &[u8]) -> bool {
    let Ok(report) = serde_json::from_slice::<Report>(data) else {
        return false;
    };
    let written = |format: Format| {
        let mut out = Vec::new();
        format.write(&report, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let stray = text.chars().find(|c| c.is_control() && *c != '\n');
        assert_eq!(stray, None, "{}", format.name());
        text
    };
    let json: Report = serde_json::from_str(&written(Format::Json)).unwrap();
    assert_eq!(json, report);
    let sarif: Value = serde_json::from_str(&written(Format::Sarif)).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    let page = Html::parse_document(&written(Format::Html));
    assert_eq!(page.errors, [""; 0]);
    let points = report.results.len() + report.harness_errors.len();
    assert!(written(Format::Tap).starts_with(&format!("TAP version 13\n1..{points}")));
    assert!(written(Format::Markdown).len() <= 1 << 20);

    let junit = written(Format::Junit);
    let allowed =
        |c: char| matches!(c, '\n' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    assert!(junit.chars().all(allowed), "{junit}");
    let mut reader = quick_xml::Reader::from_str(&junit);
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
