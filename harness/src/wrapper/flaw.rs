//! Flaws: single things that a wrapper breaks around a plugin that is right.

macro_rules! flaws {
    ($($name:ident, $id:literal, $does:literal;)*) => {
        /// One thing that a wrapper breaks.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Flaw {
            $(#[doc = concat!("The wrapper ", $does, ".")] $name,)*
        }

        impl Flaw {
            /// Every flaw.
            pub const ALL: &'static [Flaw] = &[$(Flaw::$name,)*];

            /// Its name.
            pub fn id(self) -> &'static str {
                match self { $(Flaw::$name => $id,)* }
            }

            /// The wrapper's action, as the predicate of a sentence.
            pub fn does(self) -> &'static str {
                match self { $(Flaw::$name => $does,)* }
            }
        }
    };
}

flaws! {
    RouteDeleted, "route-deleted", "deletes a default route after ADD";
    MacChanged, "mac-changed", "changes the interface's MAC after ADD";
    MtuChanged, "mtu-changed", "changes the interface's MTU after ADD";
    LinkDown, "link-down", "sets the interface down after ADD";
    AddressRemoved, "address-removed", "takes an address away after ADD";
    AddressAdded, "address-added", "gives the interface another address after ADD";
    InterfaceAdded, "interface-added", "makes another interface in the container after ADD";
    HostLinkDown, "host-link-down", "sets the host's interface down after ADD";
    HostRouteDeleted, "host-route-deleted", "deletes the host's route to the container after ADD";
    ProcessLeft, "process-left", "starts a process on ADD that outlives DEL";
    RuleLeft, "rule-left", "adds a rule to the host's firewall on ADD that outlives DEL";
    SysctlLeft, "sysctl-left", "changes a sysctl of the host on every ADD";
    ResultMac, "result-mac", "gives another MAC in the result";
    ResultAddress, "result-address", "gives another address in the result";
    ResultPrefix, "result-prefix", "leaves prefix lengths out of the result";
    ResultGateway, "result-gateway", "gives the container's own address as gateway in the result";
    ResultIndex, "result-index", "lets addresses point at the host's interface in the result";
    ResultSandbox, "result-sandbox", "leaves sandboxes out of the result";
    ResultNoInterfaces, "result-no-interfaces", "leaves `interfaces` out of the result";
    ResultMoreInterfaces, "result-more-interfaces", "lists an interface that nobody made";
    ResultNoIps, "result-no-ips", "leaves `ips` out of the result";
    ResultNoRoutes, "result-no-routes", "leaves `routes` out of the result";
    ResultMoreRoutes, "result-more-routes", "lists a route that nobody made";
    ResultNoDns, "result-no-dns", "leaves `dns` out of the result";
    ResultVersion, "result-version", "gives another `cniVersion` in the result";
    ResultTwice, "result-twice", "prints the result twice";
    LogOnStdout, "log-on-stdout", "logs on standard output";
    StatusSwallowed, "status-swallowed", "always exits with status 0";
    StatusInvented, "status-invented", "always exits with status 1";
    ErrorSwallowed, "error-swallowed", "prints errors as plain text";
    ErrorCode, "error-code", "gives every error the code 42";
    DelForgotten, "del-forgotten", "does nothing on DEL";
    DelForgottenWithoutNetns, "del-forgotten-without-netns", "does nothing on DEL when the namespace is gone";
    DelNeedsResult, "del-needs-result", "refuses DEL without prevResult";
    DelNeedsNetns, "del-needs-netns", "refuses DEL when CNI_NETNS is empty or leads nowhere";
    DelTwice, "del-twice", "refuses DEL of what is gone";
    DelPrints, "del-prints", "prints a document on DEL";
    DelLeavesLink, "del-leaves-link", "makes an interface on the host on DEL";
    DelLeavesReservation, "del-leaves-reservation", "puts files back that DEL removed";
    DelTakesOthers, "del-takes-others", "asks for DEL of every other attachment too, by GC with an empty list";
    CheckForgotten, "check-forgotten", "does nothing on CHECK";
    CheckInvented, "check-invented", "fails on CHECK";
    CheckChanges, "check-changes", "changes the interface's MTU on CHECK";
    ConfigNoMtu, "config-no-mtu", "takes `mtu` out of the configuration";
    ConfigNoMasq, "config-no-masq", "takes `ipMasq` out of the configuration";
    ConfigNoDns, "config-no-dns", "takes `dns` out of the configuration";
    ConfigNoRuntime, "config-no-runtime", "takes `runtimeConfig` out of the configuration";
    ConfigNoResult, "config-no-result", "takes `prevResult` out of the configuration";
    EnvironmentLost, "environment-lost", "hands on none of the runtime's own variables";
    StderrLost, "stderr-lost", "hands on no standard error";
    GcForgotten, "gc-forgotten", "does nothing on GC";
    GcTakesAll, "gc-takes-all", "takes the list of valid attachments for empty";
    GcInvented, "gc-invented", "fails on GC";
    StatusForgotten, "status-forgotten", "does nothing on STATUS";
    StatusFails, "status-fails", "fails on STATUS";
    VersionForgotten, "version-forgotten", "prints nothing on VERSION";
    VersionOdd, "version-odd", "lists a version that is none";
    NotAtOnce, "not-at-once", "refuses DEL beside another one";
}

impl Flaw {
    /// The flaw with this id.
    pub fn find(id: &str) -> Option<Flaw> {
        Flaw::ALL.iter().copied().find(|flaw| flaw.id() == id)
    }
}
