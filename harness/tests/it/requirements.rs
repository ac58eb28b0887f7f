//! `reports/requirements.md` says what the catalogue tests. `CNISPEC_UPDATE=1` writes it anew.

use std::fs;
use std::path::Path;

use cnispec::internal::coverage;
use trials::test;

#[test]
fn the_page_of_requirements_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../reports/requirements.md");
    let page = coverage::page();
    if std::env::var_os("CNISPEC_UPDATE").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == page,
        "`reports/requirements.md` is not what the catalogue says\n\
         hint: CNISPEC_UPDATE=1 cargo test -p cnispec --test it requirements"
    );
    assert!(
        !page.contains("| nothing |"),
        "a clause has neither check nor reason"
    );
}
