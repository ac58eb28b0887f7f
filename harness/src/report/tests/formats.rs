//! Every format against its schema or grammar, whatever the plugin prints.

use std::collections::HashSet;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use scraper::{ElementRef, Html, Selector};

use super::*;

const SARIF_SCHEMA: &str = include_str!("../../../fixtures/formats/sarif-2.1.0.schema.json");

/// Reports that differ in what they hold.
fn reports() -> [Report; 4] {
    [
        report(),
        whole(),
        report_of(&checks()[..1], Vec::new()),
        report_of(&[], Vec::new()),
    ]
}

#[test]
fn formats_are_stable() {
    let small = small(whole());
    insta::assert_snapshot!("tap", written(&small, Format::Tap));
    insta::assert_snapshot!("markdown", written(&small, Format::Markdown));
    insta::assert_snapshot!("sarif", written(&small, Format::Sarif));
    let page = written(&small, Format::Html);
    let (_, body) = page.split_once("<body>").unwrap();
    let (body, _) = body.split_once("<script>").unwrap();
    insta::assert_snapshot!("html", body);
}

#[test]
fn nothing_hostile_reaches_a_file() {
    for report in reports() {
        for format in Format::ALL {
            let text = written(&report, format);
            let treacherous = |c: &char| c.is_control() && *c != '\n' || *c == '\u{202e}';
            let bad: Vec<char> = text.chars().filter(treacherous).collect();
            assert_eq!(bad, [], "{}", format.name());
        }
    }
}

#[test]
fn every_format_has_a_name_of_its_own() {
    for format in Format::ALL {
        assert_eq!(Format::find(format.name()), Some(format));
    }
    assert_eq!(Format::find("yaml"), None);
}

// SARIF.

fn sarif(report: &Report) -> Value {
    serde_json::from_str(&written(report, Format::Sarif)).unwrap()
}

#[test]
fn sarif_keeps_its_schema() {
    let mut schema: Value = serde_json::from_str(SARIF_SCHEMA).unwrap();
    // This pattern, of a member that we do not write, is no regular expression.
    for holder in ["run", "toolComponent"] {
        let language = format!("/definitions/{holder}/properties/language");
        let language = schema.pointer_mut(&language).unwrap();
        language.as_object_mut().unwrap().remove("pattern").unwrap();
    }
    let validator = jsonschema::draft7::new(&schema).unwrap();
    let complaints = |log: &Value| -> Vec<String> {
        let errors = validator.iter_errors(log);
        errors
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect()
    };
    for report in reports() {
        assert_eq!(complaints(&sarif(&report)), [""; 0]);
    }
    let mut spoilt = sarif(&report());
    spoilt["runs"][0]["results"][0]["level"] = json!("fatal");
    assert!(!complaints(&spoilt).is_empty());
}

#[test]
fn sarif_points_at_the_key_of_the_configuration() {
    let report = report();
    let log = sarif(&report);
    let rules = log["runs"][0]["tool"]["driver"]["rules"]
        .as_array()
        .unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    assert!(!results.is_empty());
    for result in results {
        let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
        assert_eq!(rule["id"], result["ruleId"]);
        assert!(
            rule["help"]["text"]
                .as_str()
                .unwrap()
                .contains("specification")
        );
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "my.conflist");
        let line = if result["ruleId"] == "version.disputed" {
            2
        } else {
            5
        };
        assert_eq!(place["region"]["startLine"], line, "{result}");
        // A level other than none says that something is broken.
        assert_eq!(result["kind"] == "fail", result["level"] != "none");
    }
    let levels: HashSet<&str> = results
        .iter()
        .map(|result| result["level"].as_str().unwrap())
        .collect();
    assert_eq!(levels, HashSet::from(["error", "warning", "none"]));
}

#[test]
fn without_a_file_sarif_points_at_the_plugin() {
    let mut report = report();
    report.config_file = None;
    for result in sarif(&report)["runs"][0]["results"].as_array().unwrap() {
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(
            place["artifactLocation"]["uri"],
            "file:///plugins/ho%1B%5B5mstile"
        );
        assert_eq!(place["region"], Value::Null);
    }
}

#[test]
fn sarif_says_what_is_expected_and_that_the_harness_failed() {
    let log = sarif(&whole());
    let run = &log["runs"][0];
    assert_eq!(run["invocations"][0]["executionSuccessful"], false);
    let suppressed = |result: &&Value| result["suppressions"][0]["kind"] == "external";
    assert_eq!(
        run["results"]
            .as_array()
            .unwrap()
            .iter()
            .filter(suppressed)
            .count(),
        1
    );
}

// TAP.

/// Reads TAP 13 and complains about whatever is not in its grammar; the number of `not ok` points.
fn read_tap(text: &str) -> Result<usize, String> {
    let mut lines = text.lines().peekable();
    if lines.next() != Some("TAP version 13") {
        return Err("no version".to_owned());
    }
    let plan = lines
        .next()
        .and_then(|line| line.strip_prefix("1.."))
        .ok_or("no plan")?;
    let planned: usize = plan
        .split(' ')
        .next()
        .unwrap()
        .parse()
        .map_err(|_| "no number in the plan")?;
    let mut failed = 0;
    for number in 1..=planned {
        let line = lines.next().ok_or("points are missing")?;
        let rest = line
            .strip_prefix("not ")
            .inspect(|_| failed += 1)
            .unwrap_or(line);
        let rest = rest
            .strip_prefix(&format!("ok {number} - "))
            .ok_or(format!("no point {number}: {line}"))?;
        // A directive begins at the first number sign that is not escaped.
        let mut escaped = false;
        let directive = rest.char_indices().find(|(_, c)| {
            let begins = *c == '#' && !escaped;
            escaped = *c == '\\' && !escaped;
            begins
        });
        if let Some((at, _)) = directive {
            let directive = &rest[at..];
            if !directive.starts_with("# SKIP ") && !directive.starts_with("# TODO ") {
                return Err(format!("no directive: {directive}"));
            }
        }
        if lines.next_if_eq(&"  ---").is_some() {
            loop {
                match lines.next() {
                    Some("  ...") => break,
                    Some(line) => {
                        let member = line
                            .strip_prefix("  ")
                            .and_then(|line| line.split_once(": "));
                        let (name, value) = member.ok_or(format!("no member: {line}"))?;
                        let is_name = name.chars().all(|c| c.is_ascii_lowercase());
                        if !is_name || serde_json::from_str::<Value>(value).is_err() {
                            return Err(format!("no YAML: {line}"));
                        }
                    }
                    None => return Err("a block has no end".to_owned()),
                }
            }
        }
    }
    match lines.next() {
        None => Ok(failed),
        Some(line) => Err(format!("after the last point: {line}")),
    }
}

#[test]
fn tap_keeps_its_grammar() {
    for report in reports() {
        let red = [
            Outcome::Fail,
            Outcome::Inconclusive,
            Outcome::StaleExpectation,
            Outcome::KnownFailure,
        ];
        let broken = report
            .results
            .iter()
            .filter(|entry| red.contains(&entry.outcome))
            .count();
        let expected = broken + report.harness_errors.len();
        assert_eq!(read_tap(&written(&report, Format::Tap)), Ok(expected));
    }
    let good = written(&whole(), Format::Tap);
    for (from, to) in [
        ("1..", "2.."),
        ("ok 2 - ", "ok 3 - "),
        ("  ...\n", ""),
        (": \"", ": "),
    ] {
        assert!(read_tap(&good.replacen(from, to, 1)).is_err(), "{from}");
    }
}

// Markdown.

#[test]
fn markdown_holds_no_html_and_no_links_but_ours() {
    for report in reports() {
        let text = written(&report, Format::Markdown);
        let ours = [
            "<details>",
            "</details>",
            "<summary>",
            "</summary>",
            "<code>",
            "</code>",
        ];
        let (mut depth, mut columns, mut cells) = (0, 0, 0);
        for event in Parser::new_ext(&text, Options::ENABLE_GFM | Options::ENABLE_TABLES) {
            match event {
                Event::Html(html) | Event::InlineHtml(html) => {
                    for tag in html.split_inclusive('>') {
                        let Some(at) = tag.find('<') else { continue };
                        assert!(ours.contains(&&tag[at..]), "{html}");
                        depth += i32::from(tag.ends_with("<details>"))
                            - i32::from(tag.ends_with("</details>"));
                    }
                }
                Event::Start(Tag::Link { dest_url, .. }) => {
                    assert!(dest_url.starts_with("https://"), "{dest_url}")
                }
                Event::Start(
                    Tag::Image { .. } | Tag::BlockQuote(_) | Tag::FootnoteDefinition(_),
                ) => panic!("{text}"),
                Event::Start(Tag::Table(alignments)) => columns = alignments.len(),
                Event::Start(Tag::TableRow) => cells = 0,
                Event::Start(Tag::TableCell) => cells += 1,
                Event::End(TagEnd::TableRow) => assert_eq!(cells, columns),
                _ => {}
            }
        }
        assert_eq!(depth, 0);
    }
}

#[test]
fn markdown_says_what_the_plugin_said() {
    let text = written(&report(), Format::Markdown);
    let mut said = String::new();
    for event in Parser::new_ext(&text, Options::ENABLE_GFM | Options::ENABLE_TABLES) {
        if let Event::Text(part) | Event::Code(part) = event {
            said += &part;
        }
    }
    for words in [
        r"exit status 1, error 7: \x1b[2J<b>&amp;\x00\n]]>",
        r"no \u{202e}tricks",
        r"\xff\xfe\x00",
    ] {
        assert!(said.contains(words), "{words} in {said}");
    }
}

// HTML.

fn page(report: &Report) -> Html {
    Html::parse_document(&written(report, Format::Html))
}

fn all<'p>(page: &'p Html, selector: &str) -> Vec<ElementRef<'p>> {
    page.select(&Selector::parse(selector).unwrap()).collect()
}

fn attribute<'p>(element: &ElementRef<'p>, name: &str) -> &'p str {
    element.attr(name).unwrap_or_default()
}

#[test]
fn html_is_well_formed_and_needs_nothing_beside_it() {
    for report in reports() {
        let page = page(&report);
        assert_eq!(page.errors, [""; 0]);
        let ids: Vec<&str> = all(&page, "[id]")
            .iter()
            .map(|element| attribute(element, "id"))
            .collect();
        let different: HashSet<&str> = ids.iter().copied().collect();
        assert_eq!(ids.len(), different.len());
        for link in all(&page, "a[href]") {
            let href = attribute(&link, "href");
            let known = href.strip_prefix('#').map(|id| different.contains(id));
            assert!(
                known.unwrap_or_else(|| href.starts_with("https://")),
                "{href}"
            );
        }
        for foreign in [
            "[src]",
            "link",
            "img",
            "iframe",
            "object",
            "embed",
            "base",
            "[style]",
            "[onclick]",
            "[onerror]",
        ] {
            assert!(all(&page, foreign).is_empty(), "{foreign}");
        }
        assert_eq!(all(&page, "script").len(), 1);
        assert_eq!(all(&page, "style").len(), 1);
        let text = written(&report, Format::Html);
        assert!(!text.contains("@import") && !text.contains("url("));
    }
}

#[test]
fn html_can_be_read_without_eyes() {
    let page = page(&whole());
    assert_eq!(all(&page, "html[lang]").len(), 1);
    assert_eq!(all(&page, "main").len(), 1);
    assert_eq!(all(&page, "h1").len(), 1);
    assert!(all(&page, "th:not([scope])").is_empty());
    assert!(all(&page, "table:not(:has(th))").is_empty());
    assert!(all(&page, "details:not(:has(> summary:first-child))").is_empty());
    assert!(all(&page, "section:not([aria-labelledby]):not([aria-label])").is_empty());
    assert!(all(&page, "svg:not([role=img])").is_empty());
    for field in all(&page, "input, select") {
        let label = field.ancestors().filter_map(ElementRef::wrap);
        assert!(
            label
                .into_iter()
                .any(|element| element.value().name() == "label")
        );
    }
    for labelled in all(&page, "[aria-labelledby]") {
        let id = attribute(&labelled, "aria-labelledby");
        assert_eq!(all(&page, &format!("[id=\"{id}\"]")).len(), 1, "{id}");
    }
}

#[test]
fn html_tells_everything_that_is_in_the_report() {
    let report = whole();
    let page = page(&report);
    let checks: HashSet<&str> = report
        .results
        .iter()
        .map(|entry| entry.check.as_str())
        .collect();
    assert_eq!(all(&page, "details.check").len(), checks.len());
    assert_eq!(all(&page, ".matrix tr[data-check]").len(), checks.len());
    assert_eq!(all(&page, ".runs td[class]").len(), report.results.len());
    assert_eq!(all(&page, "details.run").len(), report.timelines.len());
    assert_eq!(all(&page, "svg.plot rect").len(), report.latency.len());
    let text: String = page.root_element().text().collect();
    for words in [
        r"exit status 1, error 7: \x1b[2J<b>&amp;\x00\n]]>",
        "signal 11 </script><script>alert(1)</script>",
        r"\xff</pre>\x1b[2J",
        r"/run/\u{202e}<script>",
        "process sleep | `sh`",
        r"\x1b[31m<i>",
        "the lab cannot mount",
    ] {
        assert!(text.contains(words), "{words}");
    }
}

#[test]
fn html_tells_a_common_cause_once_and_leads_to_what_it_leaves_open() {
    let page = page(&prevented());
    let causes = all(&page, "div.cause");
    assert_eq!(causes.len(), 1);
    let words: String = causes[0].text().collect();
    assert!(words.contains("DEL of `hostile` fails"), "{words}");
    assert!(words.contains("3 requirements are inconclusive"), "{words}");
    let led_to: Vec<&str> = all(&page, "div.cause a[href$=\".prevented\"]")
        .iter()
        .map(|link| attribute(link, "href"))
        .collect();
    assert_eq!(
        led_to,
        ["#check.prevented", "#gc.prevented", "#status.prevented"]
    );
    for link in led_to {
        let check = all(&page, &format!("details[id=\"{}\"]", &link[1..]));
        assert!(check[0].attr("open").is_none(), "{link}");
    }
}
