//! The reference `host-local`.
fn main() -> std::process::ExitCode {
    cni_skel::main(cni_reference::host_local::HostLocal)
}
