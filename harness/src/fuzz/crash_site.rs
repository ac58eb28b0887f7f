//! Where in its source a program says that it broke down.

use super::mask::Echoes;

/// The place that a trace on standard error names, or the first line that says anything; without what
/// differs from input to input.
pub fn of(stderr: &str, echoes: &Echoes) -> String {
    let place = rust(stderr)
        .or_else(|| go(stderr))
        .or_else(|| python(stderr));
    place.unwrap_or_else(|| {
        let line = stderr.lines().find(|line| !line.trim().is_empty());
        echoes.mask(line.unwrap_or_default())
    })
}

/// The place that a trace names.
pub fn of_trace(stderr: &str) -> Option<String> {
    rust(stderr)
        .or_else(|| go(stderr))
        .or_else(|| python(stderr))
}

/// `thread 'main' panicked at src/main.rs:3:5:`.
fn rust(stderr: &str) -> Option<String> {
    let (_, place) = stderr.split_once("panicked at ")?;
    let line = place.lines().next()?.trim_end_matches(':');
    // Before 1.73 the message came first.
    Some(line.rsplit(", ").next().unwrap_or(line).to_owned())
}

/// The innermost frame that is neither the runtime's nor the standard library's.
fn go(stderr: &str) -> Option<String> {
    let (head, trace) = stderr.split_once("goroutine ")?;
    let mut lines = trace.lines().skip(1);
    let mut first = None;
    while let (Some(function), Some(place)) = (lines.next(), lines.next()) {
        if !place.starts_with('\t') {
            break;
        }
        let file = place.trim().split(' ').next().unwrap_or_default();
        let name = function.split('(').next().unwrap_or_default();
        let own = name.starts_with("main.")
            || name.contains('.') && name.split('/').next()?.contains('.');
        let found = format!("{name} {}", file.rsplit('/').next().unwrap_or(file));
        let of_runtime = name.starts_with("runtime.") || name == "panic";
        if own && !of_runtime {
            return Some(found);
        }
        first.get_or_insert(found);
    }
    first.or_else(|| head.lines().next().map(str::to_owned))
}

/// `File "plugin.py", line 3, in main`.
fn python(stderr: &str) -> Option<String> {
    let (_, trace) = stderr.split_once("Traceback (most recent call last)")?;
    let place = trace
        .lines()
        .rev()
        .find(|line| line.trim().starts_with("File "));
    place.map(|line| line.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_name_places() {
        let of = |stderr| of(stderr, &Echoes::default());
        assert_eq!(
            of("thread 'main' panicked at src/x.rs:3:5:\nindex 7"),
            "src/x.rs:3:5"
        );
        let go = "panic: runtime error: invalid memory address\n\ngoroutine 1 [running]:\n\
                  encoding/json.x(0x1)\n\t/usr/lib/go/json.go:7 +0x1\n\
                  main.cmdAdd(0xc0001)\n\t/build/plugins/x/main.go:123 +0x5\n";
        assert_eq!(of(go), "main.cmdAdd main.go:123");
        assert_eq!(of("\nsegfault at 0x7\n"), "segfault at #");
    }
}
