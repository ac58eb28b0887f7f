//! The command `cnitool`.
fn main() -> std::process::ExitCode {
    cnispec::cnitool::main(std::env::args_os().skip(1))
}
