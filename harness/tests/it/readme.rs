//! The README shows a failure as it is printed.

use std::path::Path;
use std::process::Command;

use trials::test;

/// The shape of a time in the log of a Go program, where `0` is any digit.
const LOG_TIME: &str = "0000/00/00 00:00:00";

/// The lines of the first failure, from its name to the command that reproduces it, without times.
fn failure(text: &str) -> Vec<String> {
    let mut lines = text.lines().skip_while(|line| !line.starts_with("FAIL "));
    let mut failure = Vec::new();
    for line in &mut lines {
        failure.push(without_times(line));
        if line.trim_start().starts_with("replay ") {
            return failure;
        }
    }
    panic!("no failure with a line `replay` in: {text}");
}

fn without_times(line: &str) -> String {
    let is_time = |part: &str| {
        part.len() == LOG_TIME.len()
            && part
                .bytes()
                .zip(LOG_TIME.bytes())
                .all(|(byte, shape)| match shape {
                    b'0' => byte.is_ascii_digit(),
                    _ => byte == shape,
                })
    };
    let mut line = line.to_owned();
    for start in 0..line.len().saturating_sub(LOG_TIME.len()) {
        let end = start + LOG_TIME.len();
        if line.get(start..end).is_some_and(is_time) {
            line.replace_range(start..end, LOG_TIME);
        }
    }
    line
}

/// The command that the README's failure names reproduces it, line by line.
#[test(Netns, Upstream)]
fn the_failure_is_what_its_command_prints() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let shown = failure(&std::fs::read_to_string(readme).unwrap());
    let command = shown.last().unwrap().split_once("cnispec ").unwrap().1;
    let output = Command::new(env!("CARGO_BIN_EXE_cnispec"))
        .args(command.split(' '))
        .output()
        .unwrap();
    let printed = failure(&String::from_utf8(output.stdout).unwrap());
    assert_eq!(printed.join("\n"), shown.join("\n"));
    assert_eq!(output.status.code(), Some(1));
}
