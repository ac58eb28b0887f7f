//! The report in GitHub's Markdown, short enough for the summary of a workflow's step.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::block;
use super::escape::{visible, visible_lines};
use super::groups::{Cause, Group, by_check, causes, version_list, versions};
use super::headline::Headline;
use super::model::{Evidence, Report};
use crate::transcript::Bytes;
use crate::verdict::Outcome;

/// The most that GitHub shows of a step's summary, in bytes.
const LIMIT: usize = 1 << 20;
/// The most of one stream that is shown, in bytes.
const STREAM_LIMIT: usize = 1024;

/// Writes the report: the verdict, every check by version, and a section per broken or open requirement.
pub fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(within(report, LIMIT).as_bytes())
}

/// The report in at most so many bytes; what is left out is said.
fn within(report: &Report, limit: usize) -> String {
    let groups = by_check(report);
    let mut text = head(report);
    let causes = causes(&groups);
    if let Some(hint) = causes.iter().find_map(|cause| cause.hint(report)) {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "hint: {}\n", plain(&hint));
    }
    let mut parts = vec![table(report, &groups)];
    parts.push(harness_errors(report));
    let explained = |group: &Group<'_>| causes.iter().any(|cause| cause.explains(group));
    parts.extend(causes.iter().map(common));
    for (outcome, title) in [
        (Outcome::Fail, "Broken requirements"),
        (Outcome::Inconclusive, "Not shown"),
        (Outcome::StaleExpectation, "Stale expectations"),
        (Outcome::Warn, "Warnings"),
        (Outcome::KnownFailure, "Known failures"),
    ] {
        let mut heading = format!("### {title}\n\n");
        for group in groups.iter().filter(|group| group.worst() == outcome) {
            if explained(group) {
                continue;
            }
            parts.push(std::mem::take(&mut heading) + &section(group));
        }
    }
    parts.retain(|part| !part.is_empty());
    let note = |left_out: usize| {
        format!(
            "*{left_out} more sections are left out, because a step summary holds no more; the other reports have them.*\n"
        )
    };
    let room = limit.saturating_sub(note(usize::MAX).len());
    for (index, part) in parts.iter().enumerate() {
        if text.len() + part.len() > room {
            text += &note(parts.len() - index);
            break;
        }
        text += part;
    }
    text
}

fn head(report: &Report) -> String {
    let subject = &report.subject;
    let environment = &report.environment;
    let headline = Headline::of(report);
    let claimed = match subject.supported_versions.len() {
        0 => "VERSION was not answered with a known version".to_owned(),
        _ => version_list(&subject.supported_versions),
    };
    let user = if environment.rootless {
        "in a user namespace"
    } else {
        "as root"
    };
    let mut text = format!(
        "## cnispec: {}\n\n**{}**: {}\n\n| | |\n|---|---|\n",
        code(&subject.path),
        headline.answer,
        headline.counted
    );
    for (name, value) in [
        (
            "kind",
            format!(
                "{} (type {})",
                subject.kind.as_str(),
                code_in_cell(&subject.plugin_type)
            ),
        ),
        ("sha256", code_in_cell(&subject.sha256)),
        ("network", code_in_cell(&environment.config)),
        ("versions", subject.with_limits(claimed, plain)),
        (
            "kernel",
            format!(
                "{} {}, {user}, seed {}",
                plain(&environment.kernel),
                plain(&environment.architecture),
                environment.seed
            ),
        ),
        (
            "tool",
            format!(
                "{} {}",
                plain(&report.tool.name),
                plain(&report.tool.version)
            ),
        ),
    ] {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| {name} | {value} |");
    }
    text + "\n"
}

/// Every check by version, folded away.
fn table(report: &Report, groups: &[Group<'_>]) -> String {
    if groups.is_empty() {
        return String::new();
    }
    let versions = versions(report);
    let mut text = format!(
        "<details><summary>Every check by version</summary>\n\n| check |{}\n|---|{}\n",
        versions
            .iter()
            .map(|version| format!(" {version} |"))
            .collect::<String>(),
        "---|".repeat(versions.len())
    );
    for group in groups {
        let cell = |version| match group.worst_in(version) {
            Some(Outcome::Fail) => "**fail**",
            Some(outcome) => block::word(outcome),
            None => "",
        };
        let cells: String = versions
            .iter()
            .map(|version| format!(" {} |", cell(*version)))
            .collect();
        let _ = writeln!(text, "| {} |{cells}", code_in_cell(&group.example().check));
    }
    text + "\n</details>\n\n"
}

fn harness_errors(report: &Report) -> String {
    let mut text = String::new();
    for fault in &report.harness_errors {
        if text.is_empty() {
            text += "### Harness errors\n\nThese are not the plugin's fault.\n\n";
        }
        let hint = fault
            .hint
            .as_deref()
            .map(|hint| format!(" (hint: {})", plain(hint)));
        let _ = writeln!(
            text,
            "- {} in {}: {}{}",
            code(&fault.scenario),
            fault.spec_version,
            plain(&fault.what),
            hint.unwrap_or_default()
        );
    }
    if text.is_empty() { text } else { text + "\n" }
}

/// Causes that keep several checks from being shown.
fn common(cause: &Cause<'_>) -> String {
    let entry = cause.example();
    let names = cause.groups.iter().map(|group| &group.example().check);
    let names: Vec<String> = names.map(|check| code(check)).collect();
    let mut text = format!(
        "### {}\n\n{}: {}\n\n- scenario: {} in {}\n",
        plain(&cause.headline()),
        cause.effect(),
        names.join(", "),
        code(&entry.scenario),
        entry.spec_version
    );
    if let Some(reason) = &entry.reason {
        let _ = writeln!(text, "- reason: {}", plain(reason));
    }
    let _ = writeln!(text, "- replay: {}\n", code(&entry.replay));
    if let Some(evidence) = &entry.evidence {
        text += &shown(evidence);
    }
    text
}

/// The section about one check that is not met.
fn section(group: &Group<'_>) -> String {
    let entry = group.example();
    let mut text = format!(
        "<details><summary><code>{}</code> {}</summary>\n\n",
        in_html(&entry.check),
        in_html(&entry.claim)
    );
    let mut item = |name: &str, value: String| {
        let _ = writeln!(text, "- {name}: {value}");
    };
    for clause in &entry.clauses {
        item(
            clause.level.as_str(),
            format!(
                "\"{}\" ([{}]({}))",
                plain(&clause.quote),
                clause.version,
                address(&clause.url)
            ),
        );
    }
    if let Some(disputed) = &entry.disputed {
        item(
            "disputed",
            format!(
                "{} ([upstream]({}))",
                plain(&disputed.reason),
                address(&disputed.reference)
            ),
        );
    }
    item(
        "scenario",
        format!("{} in {}", code(&entry.scenario), entry.spec_version),
    );
    for (index, expected) in entry.expected.iter().enumerate() {
        item(if index == 0 { "expected" } else { "or" }, plain(expected));
    }
    let explained = [("what happened", &entry.actual), ("reason", &entry.reason)];
    for (name, value) in explained {
        if let Some(value) = value {
            item(name, plain(value));
        }
    }
    item("replay", code(&entry.replay));
    let others = group.others();
    if !others.is_empty() {
        item("also in", plain(&block::places(&others)));
    }
    text += "\n";
    if let Some(evidence) = &entry.evidence {
        text += &shown(evidence);
    }
    text + "</details>\n\n"
}

fn shown(evidence: &Evidence) -> String {
    let mut text = String::new();
    if let (Some(call), Some(exit)) = (&evidence.call, &evidence.exit) {
        let _ = writeln!(
            text,
            "{} of {}: {}\n",
            call.operation,
            code(&call.path),
            plain(&block::ended(exit))
        );
        text += &stream("stdin", &evidence.stdin, evidence.stdin.0.len());
        text += &stream("stdout", &evidence.stdout, evidence.stdout_length);
        text += &stream("stderr", &evidence.stderr, evidence.stderr_length);
    }
    if !evidence.state.is_empty() {
        let lines: Vec<String> = block::changes(&evidence.state);
        text += &fenced("state", &lines.join("\n"));
    }
    text
}

fn stream(name: &str, bytes: &Bytes, length: usize) -> String {
    if bytes.0.is_empty() {
        return String::new();
    }
    let shown = super::timeline::beginning(bytes, STREAM_LIMIT);
    let title = match length.saturating_sub(shown.0.len()) {
        0 => name.to_owned(),
        more => format!("{name}, without its last {more} bytes"),
    };
    fenced(&title, &visible_lines(&shown))
}

/// A block of code, fenced by more backquotes than stand in it.
fn fenced(title: &str, text: &str) -> String {
    let fence = "`".repeat(longest_run(text).max(2) + 1);
    format!("{title}:\n\n{fence}text\n{text}\n{fence}\n\n")
}

/// Text in a line of Markdown that is nothing but text: no emphasis, no link, no HTML.
pub fn plain(text: &str) -> String {
    let mut shown = String::new();
    for c in visible(text).chars() {
        match c {
            '|' => shown.push_str("&#124;"),
            ',' | ';' | '?' | '\'' | '"' | '/' | '%' | '=' => shown.push(c),
            c if c.is_ascii_punctuation() => shown.extend(['\\', c]),
            c => shown.push(c),
        }
    }
    shown
}

/// Text as code in a line, fenced by more backquotes than stand in it.
pub(super) fn code(text: &str) -> String {
    let text = visible(text);
    let fence = "`".repeat(longest_run(&text) + 1);
    // One space on either side is not shown, and keeps backquotes and fences apart.
    let pad = if text.is_empty() || text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) {
        " "
    } else {
        ""
    };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// Text as code in a table, where a bar would end the cell even in code.
fn code_in_cell(text: &str) -> String {
    format!("<code>{}</code>", plain(text))
}

/// The target of a link.
pub(super) fn address(url: &str) -> String {
    let url = visible(url);
    let harmless = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#@!$&'*+,;=%".contains(c);
    url.chars().filter(|c| harmless(*c)).collect()
}

fn in_html(text: &str) -> String {
    visible(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::report;
    use proptest::prelude::*;
    use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

    fn text_of(markdown: &str) -> String {
        let mut text = String::new();
        for event in Parser::new_ext(markdown, Options::all()) {
            match event {
                Event::Text(part) | Event::Code(part) => text += &part,
                Event::Start(Tag::Paragraph) | Event::End(TagEnd::Paragraph) => {}
                Event::SoftBreak | Event::HardBreak => text.push('\n'),
                other => panic!("{other:?} in {markdown}"),
            }
        }
        text
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let whole = within(&report(), LIMIT);
        assert!(!whole.contains("left out"));
        for limit in [1500, 3000, whole.len()] {
            let cut = within(&report(), limit);
            assert!(cut.len() <= limit, "{} of {limit}", cut.len());
            assert!(cut.contains("more sections are left out"), "{limit}");
            let opened = cut.matches("<details>").count();
            assert_eq!(opened, cut.matches("</details>").count());
        }
    }

    proptest! {
        #[test]
        fn plain_text_is_text(text in "[a-z`*_<>#&|\\[\\]()!~@:/.\\\\ -]{1,30}") {
            prop_assert_eq!(text_of(&format!("x {} x", plain(&text))), format!("x {} x", visible(&text)));
        }

        #[test]
        fn code_is_code(text in "[a-z`|<\\\\ ]{1,12}") {
            prop_assume!(!text.trim().is_empty());
            prop_assert_eq!(text_of(&format!("x {} x", code(&text))), format!("x {} x", visible(&text)));
        }
    }
}
