//! The HTML report in a real browser.

use std::process::Command;

use cnispec::report::Format;
use scraper::{ElementRef, Html, Selector};
use trials::test;

use crate::samples::sample;

/// The page as it stands after its script ran, opened with this fragment.
fn opened(fragment: &str) -> Html {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("report.html");
    let mut page = Vec::new();
    Format::Html.write(&sample(), &mut page).unwrap();
    std::fs::write(&path, page).unwrap();
    let output = Command::new("chromium")
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--timeout=60000",
            "--dump-dom",
        ])
        .arg(format!(
            "--user-data-dir={}",
            directory.path().join("profile").display()
        ))
        .arg(format!("file://{}{fragment}", path.display()))
        .output()
        .unwrap();
    let dom = String::from_utf8(output.stdout).unwrap();
    assert!(
        dom.contains("</html>"),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Html::parse_document(&dom)
}

fn all<'p>(page: &'p Html, selector: &str) -> Vec<ElementRef<'p>> {
    page.select(&Selector::parse(selector).unwrap()).collect()
}

/// The ids of the checks that are shown.
fn shown(page: &Html) -> Vec<&str> {
    let checks = all(page, "details.check:not([hidden])");
    checks.iter().filter_map(|check| check.attr("id")).collect()
}

#[test(Chromium)]
fn everything_is_shown_at_first() {
    let page = opened("");
    assert_eq!(shown(&page).len(), all(&page, "details.check").len());
    assert!(
        all(&page, "#filter[hidden]").is_empty(),
        "the script did not run"
    );
}

#[test(Chromium)]
fn a_fragment_filters_by_outcome_and_words() {
    let page = opened("#outcome=fail");
    let failing = all(&page, "details.check[data-outcomes~=fail]").len();
    assert!(failing > 0 && failing < all(&page, "details.check").len());
    assert_eq!(shown(&page).len(), failing);
    assert_eq!(
        all(&page, ".matrix tr[data-check]:not([hidden])").len(),
        failing
    );
    let said: String = all(&page, "output")[0].text().collect();
    assert_eq!(
        said,
        format!("{failing} of {} checks", all(&page, "details.check").len())
    );

    let page = opened("#q=DEL%20succeeds&level=must");
    let ids = shown(&page);
    assert!(!ids.is_empty());
    for check in all(&page, "details.check") {
        let words = check.attr("data-text").unwrap();
        let is_must = check.attr("data-levels").unwrap().contains("must");
        let asked_for = words.contains("del") && words.contains("succeeds") && is_must;
        assert_eq!(check.attr("hidden").is_none(), asked_for, "{words}");
    }
    // A section in which nothing is left is not shown either.
    assert!(all(&page, ".group:not([hidden])").len() < all(&page, ".group").len());
}

#[test(Chromium)]
fn a_fragment_opens_what_it_points_at() {
    let report = sample();
    let timeline = &report.timelines[0];
    let id = format!("run/{}/{}", timeline.scenario, timeline.spec_version);
    let page = opened(&format!("#{id}"));
    let open = all(&page, "details.run[open]");
    assert_eq!(
        open.iter()
            .filter_map(|run| run.attr("id"))
            .collect::<Vec<_>>(),
        [id]
    );
}
