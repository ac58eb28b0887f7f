//! The reference `ptp`.
fn main() -> std::process::ExitCode {
    cni_skel::main(cni_reference::ptp::Ptp)
}
