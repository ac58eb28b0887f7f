//! The command `cnitool`.
fn main() -> std::process::ExitCode {
    cnispec::internal::cnitool_main(std::env::args_os().skip(1))
}
