//! The names of the changes that `check-mutations` makes behind a plugin's back, each followed by a CHECK.

use super::{Family, Label};

/// One change: the kind of object, and what is done to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    checked: &'static str,
    impossible: &'static str,
}

impl Change {
    /// The label of the CHECK that follows it.
    pub const fn checked(self) -> Label<'static> {
        Label(self.checked)
    }

    /// The label of the note that this change could not be made.
    pub const fn impossible(self) -> Label<'static> {
        Label(self.impossible)
    }
}

/// The CHECKs after changes: `mutated.KIND.NAME`.
pub const MUTATED: Family = Family("mutated.");

macro_rules! changes {
    ($($constant:ident = $text:literal)*) => {
        $(
            #[doc = concat!("`", $text, "`")]
            pub const $constant: Change = Change {
                checked: concat!("mutated.", $text),
                impossible: concat!("not-mutated.", $text),
            };
        )*
    };
}

changes! {
    LINK_MAC_CHANGED = "link.mac-changed"
    LINK_MTU_CHANGED = "link.mtu-changed"
    LINK_SET_DOWN = "link.set-down"
    ADDRESS_REMOVED = "address.removed"
    ADDRESS_REPLACED = "address.replaced"
    ADDRESS_ANOTHER_ADDED = "address.another-added"
    ROUTE_REMOVED = "route.removed"
    ROUTE_REPLACED = "route.replaced"
    ROUTE_NEXT_HOP_REPLACED = "route.next-hop-replaced"
    ROUTE_ANOTHER_ADDED = "route.another-added"
    RULE_ADDED = "rule.added"
    NEIGHBOUR_WRONG_GATEWAY = "neighbour.wrong-gateway"
    SYSCTL_CHANGED = "sysctl.changed"
    QDISC_REMOVED = "qdisc.removed"
    QDISC_INSIDE_REMOVED = "qdisc.inside-removed"
    FIREWALL_RULE_1_REMOVED = "firewall.rule-1-removed"
    FIREWALL_RULE_2_REMOVED = "firewall.rule-2-removed"
    FIREWALL_RULE_3_REMOVED = "firewall.rule-3-removed"
    FIREWALL_RULE_4_REMOVED = "firewall.rule-4-removed"
    FIREWALL_OTHER_FAMILY_REMOVED = "firewall.other-family-removed"
    RESERVATION_REMOVED = "reservation.removed"
    HOST_LINK_MAC_CHANGED = "host-link.mac-changed"
    HOST_LINK_MTU_CHANGED = "host-link.mtu-changed"
    HOST_LINK_SET_DOWN = "host-link.set-down"
    HOST_LINK_PORT_DETACHED = "host-link.port-detached"
    HOST_SYSCTL_FORWARDING_OFF = "host-sysctl.forwarding-off"
    HOST_ROUTE_REMOVED = "host-route.removed"
    HOST_ADDRESS_GATEWAY_REMOVED = "host-address.gateway-removed"
    LINK_RENAMED = "link.renamed"
    HOST_LINK_REMOVED = "host-link.removed"
    LINK_REMOVED = "link.removed"
}
