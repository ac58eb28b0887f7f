//! Executes another program, gives it its input, and takes what it prints.

use std::io::{self, Write};
use std::process::{Command, Output, Stdio};

/// Runs the program to its end; standard error is piped only where the command says so.
pub fn converse(command: &mut Command, stdin: &[u8]) -> io::Result<Output> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let pipe = child.stdin.take();
    // In a thread, since the program may write before it has read everything.
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // A program that does not read its input needs none.
            pipe.map(|mut pipe| pipe.write_all(stdin))
        });
        child.wait_with_output()
    })
}
