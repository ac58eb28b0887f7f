//! The plugin, the runtime and the judge must not share one misreading of the SPEC.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use trials::test;

fn package() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below a directory, with its text.
fn sources(directory: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
    found
}

/// The part of a file that is judged: tests may use anything.
fn code(text: &str) -> &str {
    text.split("#[cfg(test)]").next().unwrap()
}

fn must_not_mention(directory: &str, words: &[&str]) {
    let sources = sources(&package().join(directory));
    assert!(!sources.is_empty(), "{directory}");
    for (path, text) in sources {
        // Files of tests are compiled for tests only.
        let inside = path.strip_prefix(package()).unwrap();
        if path.ends_with("tests.rs") || inside.iter().any(|part| part == "tests") {
            continue;
        }
        let text = code(&text);
        for word in words {
            assert!(!text.contains(word), "`{word}` in {}", path.display());
        }
    }
}

fn dependencies(name: &str) -> Vec<String> {
    let text = fs::read_to_string(package().join(format!("crates/{name}/Cargo.toml"))).unwrap();
    let normal = text.split("[dependencies]").nth(1).unwrap();
    let normal = normal.split("\n[").next().unwrap();
    normal
        .lines()
        .filter(|line| line.starts_with("cni-"))
        .map(|line| line.split(['.', ' ', '=']).next().unwrap().to_owned())
        .collect()
}

#[test]
fn the_crates_know_each_other_only_along_the_arrows() {
    assert_eq!(dependencies("cni-types"), [""; 0]);
    assert_eq!(dependencies("cni-netlink"), [""; 0]);
    assert_eq!(dependencies("cni-observe"), ["cni-netlink"]);
    assert_eq!(dependencies("cni-runtime"), ["cni-types"]);
    for dependency in dependencies("cni-skel") {
        assert!(["cni-types"].contains(&dependency.as_str()), "{dependency}");
    }
    for dependency in dependencies("cni-reference") {
        assert!(
            ["cni-netlink", "cni-skel", "cni-types"].contains(&dependency.as_str()),
            "{dependency}"
        );
    }
}

#[test]
fn only_binaries_know_the_reference_plugins() {
    for (path, text) in sources(&package().join("src")) {
        if !path.starts_with(package().join("src/bin")) {
            assert!(!text.contains("cni_reference"), "{}", path.display());
            assert!(!text.contains("cni_skel"), "{}", path.display());
        }
    }
}

#[test]
fn checks_do_no_io_and_do_not_read_typed_documents() {
    must_not_mention(
        "src/check",
        &[
            "std::process",
            "std::net::Tcp",
            "crate::engine",
            "crate::report",
            "cni_runtime",
            "AddResult",
            "CniError",
            "std::fs",
            "std::env",
        ],
    );
}

#[test]
fn reports_do_not_know_the_engine() {
    must_not_mention("src/report", &["crate::engine"]);
}

#[test]
fn unsafe_code_stands_in_netlink_only() {
    for directory in [
        "src",
        "crates/cni-types",
        "crates/cni-observe",
        "crates/cni-runtime",
        "crates/cni-skel",
        "crates/cni-reference",
    ] {
        for (path, text) in sources(&package().join(directory)) {
            for line in text.lines() {
                let code = line.trim_start();
                assert!(
                    !code.starts_with("unsafe ") && !code.contains(" unsafe {"),
                    "{}: {line}",
                    path.display()
                );
            }
        }
    }
}

/// The text without comments and without items that are compiled for tests only, and the names of modules in
/// other files that are.
fn without_tests(text: &str) -> (String, Vec<String>) {
    let (mut kept, mut modules) = (String::new(), Vec::new());
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let code = line.split("//").next().unwrap();
        if code.trim() != "#[cfg(test)]" {
            kept.extend([code, "\n"]);
            continue;
        }
        // The item: the lines up to one that ends it, at the indentation of its attribute.
        let indentation = &line[..line.len() - line.trim_start().len()];
        let end = format!("{indentation}}}");
        for (number, line) in lines.by_ref().enumerate() {
            let declared = line.trim().strip_prefix("mod ");
            let declared = declared.and_then(|name| name.strip_suffix(';'));
            modules.extend(declared.map(str::to_owned));
            if line == end || (number == 0 && line.ends_with(';')) {
                break;
            }
        }
    }
    (kept, modules)
}

/// Names of the crate's modules that a file at `path`, below `src`, uses.
fn uses(path: &Path, text: &str) -> BTreeSet<String> {
    let name = |text: &str| -> String {
        let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
        text[..end.unwrap_or(text.len())].to_owned()
    };
    let up = "super::".repeat(depth(path));
    let mut found = BTreeSet::new();
    for root in ["crate::", &up] {
        for (place, _) in text.match_indices(root) {
            let (before, after) = (&text[..place], &text[place + root.len()..]);
            if before.ends_with("super::") {
                continue;
            }
            let Some(list) = after.strip_prefix('{') else {
                found.insert(name(after));
                continue;
            };
            // The names that follow the brace itself, or a comma in no inner braces.
            let (mut inner, mut starts) = (0, true);
            for (place, c) in list.char_indices() {
                match c {
                    '{' => inner += 1,
                    '}' if inner == 0 => break,
                    '}' => inner -= 1,
                    ',' if inner == 0 => starts = true,
                    c if starts && !c.is_whitespace() => {
                        found.insert(name(&list[place..]));
                        starts = false;
                    }
                    _ => {}
                }
            }
        }
    }
    found.remove("super");
    found
}

/// How many modules a file stands in, its own included.
fn depth(path: &Path) -> usize {
    let count = path.components().count();
    if path.ends_with("mod.rs") {
        count - 1
    } else {
        count
    }
}

type Graph = BTreeMap<String, BTreeSet<String>>;

/// The top-level modules of the library, each with those that it uses; tests do not count.
fn module_graph() -> Graph {
    let src = package().join("src");
    let mut files = Vec::new();
    let mut tests = Vec::new();
    for (path, text) in sources(&src) {
        let (text, modules) = without_tests(&text);
        let directory = match path.file_name().unwrap().to_str().unwrap() {
            "mod.rs" | "lib.rs" => path.parent().unwrap().to_owned(),
            _ => path.with_extension(""),
        };
        for module in modules {
            tests.extend([
                directory.join(format!("{module}.rs")),
                directory.join(module),
            ]);
        }
        files.push((path, text));
    }
    files.retain(|(path, _)| !tests.iter().any(|test| path.starts_with(test)));
    let mut graph = Graph::new();
    for (path, text) in files {
        let path = path.strip_prefix(&src).unwrap();
        if path.starts_with("bin") || path == Path::new("lib.rs") {
            continue;
        }
        let module = path.components().next().unwrap().as_os_str();
        let module = module.to_str().unwrap().trim_end_matches(".rs").to_owned();
        graph.entry(module).or_default().extend(uses(path, &text));
    }
    let modules: BTreeSet<String> = graph.keys().cloned().collect();
    for (module, uses) in &mut graph {
        uses.retain(|other| other != module && modules.contains(other));
    }
    graph
}

/// A circle, as the modules along it, if there is one.
fn circle(graph: &Graph) -> Option<Vec<String>> {
    fn walk<'g>(
        graph: &'g Graph,
        module: &'g str,
        path: &mut Vec<&'g str>,
        done: &mut BTreeSet<&'g str>,
    ) -> Option<Vec<String>> {
        if let Some(start) = path.iter().position(|on_path| *on_path == module) {
            let around = path[start..].iter().chain([&module]);
            return Some(around.map(|module| (*module).to_owned()).collect());
        }
        if done.contains(module) {
            return None;
        }
        path.push(module);
        for other in graph.get(module).into_iter().flatten() {
            if let Some(circle) = walk(graph, other, path, done) {
                return Some(circle);
            }
        }
        path.pop();
        done.insert(module);
        None
    }
    let (mut path, mut done) = (Vec::new(), BTreeSet::new());
    let mut modules = graph.keys();
    modules.find_map(|module| walk(graph, module, &mut path, &mut done))
}

#[test]
fn modules_use_each_other_in_no_circle() {
    let graph = module_graph();
    for known in ["check", "engine", "runner", "scenario", "transcript"] {
        assert!(!graph[known].is_empty(), "{known} uses nothing");
    }
    if let Some(circle) = circle(&graph) {
        panic!("{}", circle.join(" -> "));
    }
}

#[test]
fn lower_modules_do_not_know_higher_ones() {
    let graph = module_graph();
    for (lower, higher) in [
        ("engine", "scenario"),
        ("engine", "runner"),
        ("transcript", "check"),
        ("transcript", "engine"),
        ("scenario", "runner"),
        ("check", "engine"),
        ("check", "report"),
        ("report", "engine"),
        ("report", "runner"),
    ] {
        assert!(!graph[lower].contains(higher), "{lower} -> {higher}");
    }
    for leaf in ["error", "kind", "pattern"] {
        assert_eq!(graph[leaf], BTreeSet::new(), "{leaf}");
    }
}

#[test]
fn a_circle_is_found_wherever_modules_are_named() {
    let text = "use crate::{a, b::{c, d}};\nfn f(x: crate::e::X) {}\n// crate::f\nuse super::g;\nuse super::super::h;\n\
        #[cfg(test)]\nmod sample;\nuse crate::i;\n#[cfg(test)]\nmod tests {\n    use crate::j;\n}\nuse crate::k::{L};\n";
    let (code, modules) = without_tests(text);
    assert_eq!(modules, ["sample"]);
    let names = |path| -> Vec<String> { uses(Path::new(path), &code).into_iter().collect() };
    assert_eq!(names("m.rs"), ["a", "b", "e", "g", "i", "k"]);
    assert_eq!(names("m/mod.rs"), ["a", "b", "e", "g", "i", "k"]);
    assert_eq!(names("m/n.rs"), ["a", "b", "e", "h", "i", "k"]);
    let graph = |edges: &[(&str, &str)]| {
        let mut graph = Graph::new();
        for (from, to) in edges {
            let uses = graph.entry((*from).to_owned()).or_default();
            uses.insert((*to).to_owned());
        }
        graph
    };
    let none = [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")];
    assert_eq!(circle(&graph(&none)), None);
    let one = [("a", "b"), ("b", "c"), ("c", "d"), ("d", "b")];
    let found = circle(&graph(&one)).unwrap();
    assert_eq!(found, ["b", "c", "d", "b"]);
}

/// In a target without libtest, `#[test]` of the language is dropped without a word.
#[test]
fn tests_of_targets_without_libtest_are_registered() {
    let mut targets = vec![package().join("tests/it")];
    for name in ["cni-netlink", "cni-observe", "cni-runtime"] {
        targets.push(package().join(format!("crates/{name}/tests/it")));
    }
    for (path, text) in targets.iter().flat_map(|target| sources(target)) {
        let has_tests = text
            .lines()
            .any(|line| line.trim_start().starts_with("#[test"));
        let is_registered = text
            .lines()
            .any(|line| line.trim_start() == "use trials::test;");
        assert_eq!(has_tests, is_registered, "{}", path.display());
    }
}
