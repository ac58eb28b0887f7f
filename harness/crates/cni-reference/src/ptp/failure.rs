//! The errors of ptp's own (section 5: from 100 on, and the SPEC's).

use cni_skel::code;
use cni_types::CniError;

/// CHECK: the container's networking is not as ADD left it.
pub(crate) const NOT_AS_ADDED: u32 = 100;
/// ADD: IPAM's answer cannot be used on a point-to-point link.
pub(crate) const UNUSABLE_ADDRESS: u32 = 101;
/// ADD: an interface of that name exists.
pub(crate) const INTERFACE_EXISTS: u32 = 102;
/// ADD: another node has the address.
pub(crate) const DUPLICATE_ADDRESS: u32 = 103;

/// The kernel refused.
pub(crate) fn kernel(error: cni_netlink::Error) -> CniError {
    CniError::new(code::INTERNAL, "the kernel refused").with_details(error.to_string())
}
