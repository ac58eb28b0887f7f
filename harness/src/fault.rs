//! Every way in which the scripted plugin can break the SPEC.
//!
//! A check names the fault that must trip it; the scripted plugin commits the fault that stands
//! behind the first dot of the name that it is called by, as in `scripted.two-documents`.

macro_rules! faults {
    ($($name:ident, $id:literal, $does:literal;)*) => {
        /// One way to break the SPEC.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Fault {
            $(#[doc = concat!("The plugin ", $does, ".")] $name,)*
        }

        impl Fault {
            /// Every fault.
            pub const ALL: &'static [Fault] = &[$(Fault::$name,)*];

            /// Its name on the command line.
            pub fn id(self) -> &'static str {
                match self { $(Fault::$name => $id,)* }
            }

            /// What the plugin does, as the predicate of a sentence.
            pub fn does(self) -> &'static str {
                match self { $(Fault::$name => $does,)* }
            }
        }
    };
}

faults! {
    TwoDocuments, "two-documents", "prints a second JSON document after its result";
    TrailingGarbage, "trailing-garbage", "prints a line of text after its result";
    LogOnStdout, "log-on-stdout", "prints a line of log before its result";
    DuplicateKey, "duplicate-key", "prints a result in which `cniVersion` stands twice";
    NotUtf8, "not-utf8", "prints a result with bytes that are not UTF-8";
    ResultOnDel, "result-on-del", "prints a document on a successful DEL";
    ErrorAsText, "error-as-text", "reports errors as plain text";
    ErrorOnStderr, "error-on-stderr", "reports errors on standard error only";
    ErrorExitsZero, "error-exits-zero", "prints an error document and exits with status 0";
    ErrorCodeIsString, "error-code-is-string", "gives the error's `code` as a string";
    ErrorCodeZero, "error-code-zero", "gives 0 as the error's `code`";
    ErrorWithoutMsg, "error-without-msg", "leaves `msg` out of errors";
    ErrorWithoutVersion, "error-without-version", "leaves `cniVersion` out of errors";
    ErrorCodeReserved, "error-code-reserved", "uses 42, which is reserved and has no meaning, as `code`";
    Crash, "crash", "dies by a signal on ADD";
    Hang, "hang", "never ends an ADD";
    Flood, "flood", "writes without end on ADD";
    HoldsStdout, "holds-stdout", "leaves a child that keeps standard output open on ADD";
    LeavesProcess, "leaves-process", "starts a process on ADD that DEL does not end";
    VersionFails, "version-fails", "answers VERSION with an error";
    VersionNoList, "version-no-list", "leaves `supportedVersions` out";
    VersionOddList, "version-odd-list", "lists a version that is no version";
    VersionNoCniVersion, "version-no-cni-version", "leaves `cniVersion` out of VERSION";
    VersionIgnoresInput, "version-ignores-input", "always answers VERSION with its newest version";
    VersionNeedsAttachment, "version-needs-attachment", "refuses VERSION without CNI_CONTAINERID";
    AcceptsAnyVersion, "accepts-any-version", "does ADD for a configuration of a version that it does not support";
    RefusesVersionWithOtherCode, "refuses-version-with-other-code", "refuses unsupported versions with code 7";
    RefusalLeavesLink, "refusal-leaves-link", "makes a link on the host before it refuses a configuration";
    AddPrintsNothing, "add-prints-nothing", "prints nothing on a successful ADD";
    ResultOtherVersion, "result-other-version", "gives 0.4.0 or 1.0.0 as the result's `cniVersion`, whichever was not asked for";
    ResultOldShape, "result-old-shape", "gives the result of an ADD in the shape of another version";
    ResultWrongTypes, "result-wrong-types", "gives `ips` as an object";
    OtherIfname, "other-ifname", "gives the interface another name than CNI_IFNAME";
    ReplacesExisting, "replaces-existing", "removes an existing interface of the requested name and succeeds";
    PhantomInterface, "phantom-interface", "lists an interface that does not exist";
    WrongMac, "wrong-mac", "gives another MAC than the interface has";
    WrongMtu, "wrong-mtu", "gives another MTU than the interface has";
    OmitsSandbox, "omits-sandbox", "leaves the sandbox of the container's interface out";
    WrongFamily, "wrong-family", "gives the other family as an address's `version`";
    WrongSandbox, "wrong-sandbox", "gives another sandbox than CNI_NETNS";
    OmitsHostInterface, "omits-host-interface", "leaves the host's interface out of the result";
    PhantomAddress, "phantom-address", "lists an address that the interface does not have";
    OmitsAddress, "omits-address", "gives the interface an address that is not in the result";
    WrongIndex, "wrong-index", "lets `ips` point beyond the list of interfaces";
    WrongIndexInside, "wrong-index-inside", "lets `ips` point at the host's interface";
    PhantomRoute, "phantom-route", "lists a route that does not exist";
    OmitsRoute, "omits-route", "does not list a route that it makes and was given by IPAM";
    DropsPrevResult, "drops-prev-result", "answers ADD without what prevResult holds";
    ForgetsDns, "forgets-dns", "leaves the delegate's `dns` out of the result";
    LinkDown, "link-down", "leaves the container's interface down";
    DelFails, "del-fails", "always answers DEL with an error";
    DelAgainFails, "del-again-fails", "answers a repeated DEL with an error";
    DelUnknownFails, "del-unknown-fails", "answers DEL of an attachment that it never made with an error";
    DelNeedsNetns, "del-needs-netns", "answers DEL with an error when CNI_NETNS is empty or not set";
    DelNeedsLiveNetns, "del-needs-live-netns", "answers DEL with an error when the namespace is gone";
    DelRefusesStaleFile, "del-refuses-stale-file", "answers DEL with an error when CNI_NETNS is an ordinary file";
    DelNeedsPrevResult, "del-needs-prev-result", "answers DEL with an error when there is no prevResult";
    DelNeedsInterface, "del-needs-interface", "answers DEL with an error when the interface is gone";
    DelLeavesInterface, "del-leaves-interface", "leaves the interface in the container";
    DelLeavesHostLink, "del-leaves-host-link", "leaves a link on the host";
    DelLeavesRoute, "del-leaves-route", "leaves a route on the host";
    DelLeavesRule, "del-leaves-rule", "leaves an nftables rule on the host";
    DelLeavesSysctl, "del-leaves-sysctl", "changes a sysctl of the host's `lo` on every ADD and leaves it so";
    DelLeavesFile, "del-leaves-file", "leaves a file of its own for every attachment";
    DelLeavesReservation, "del-leaves-reservation", "does not hand DEL on to its IPAM when the namespace is gone";
    DelRemovesOther, "del-removes-other", "removes another attachment's interface too";
    DelChangesDevice, "del-changes-device", "leaves a link that the host had with another MTU";
    CheckFails, "check-fails", "answers CHECK right after ADD with an error";
    CheckAlwaysSucceeds, "check-always-succeeds", "answers CHECK with success whatever it finds";
    CheckMissesAddress, "check-misses-address", "does not look for addresses in CHECK";
    CheckMissesInterface, "check-misses-interface", "does not look for the interface in CHECK";
    CheckMissesRoute, "check-misses-route", "does not look for routes in CHECK";
    CheckMissesLinkDown, "check-misses-link-down", "does not look whether the interface is up in CHECK";
    CheckMissesMtu, "check-misses-mtu", "does not look for the interface's MTU in CHECK";
    CheckMissesOtherAddress, "check-misses-other-address", "takes any address for the right one in CHECK";
    CheckMissesNextHop, "check-misses-next-hop", "does not look where routes lead in CHECK";
    CheckMissesHostLink, "check-misses-host-link", "does not look for the host's interface in CHECK";
    CheckMissesRule, "check-misses-rule", "does not look for the host's rules in CHECK";
    CheckMissesShaping, "check-misses-shaping", "does not look for queueing disciplines in CHECK";
    CheckMissesSysctl, "check-misses-sysctl", "does not look for sysctls in CHECK";
    CheckMissesReservation, "check-misses-reservation", "does not look for the reservation in CHECK, as IPAM";
    CheckRefusesLaterChange, "check-refuses-later-change", "answers CHECK with an error when a later plugin has added an address";
    CheckComparesConfig, "check-compares-config", "compares the interface's MTU with the configuration in CHECK";
    CheckNeedsIpv4, "check-needs-ipv4", "answers CHECK with an error when there is no address of IPv4";
    CheckPrints, "check-prints", "prints a document on a successful CHECK";
    CheckRepairs, "check-repairs", "puts missing addresses back in CHECK";
    CheckChanges, "check-changes", "changes the interface's MTU in CHECK";
    NoContainerIdAccepted, "no-containerid-accepted", "does ADD without CNI_CONTAINERID";
    NoNetnsAccepted, "no-netns-accepted", "answers ADD without CNI_NETNS with success";
    NoIfnameAccepted, "no-ifname-accepted", "does ADD without CNI_IFNAME, with a name of its own";
    MissingVariableOtherCode, "missing-variable-other-code", "reports missing variables with code 7";
    MissingVariableUnnamed, "missing-variable-unnamed", "does not name the missing variable";
    UnknownCommandAccepted, "unknown-command-accepted", "answers an unknown CNI_COMMAND with success";
    GarbageAccepted, "garbage-accepted", "answers undecodable input with success";
    GarbageOtherCode, "garbage-other-code", "reports undecodable input with code 7";
    NoNameAccepted, "no-name-accepted", "does ADD for a configuration without `name`";
    RefusalNotJson, "refusal-not-json", "refuses bad input without any document";
    DelegateOtherEnv, "delegate-other-env", "calls its IPAM without CNI_ARGS";
    DelegateOwnEnvOnly, "delegate-own-env-only", "calls its IPAM with CNI variables and nothing else";
    DelegatePartialConfig, "delegate-partial-config", "gives its IPAM only the section `ipam`";
    DelegateFailureIgnored, "delegate-failure-ignored", "succeeds although its IPAM refused";
    DelegateFailureNoDel, "delegate-failure-no-del", "does not call its IPAM with DEL after the IPAM's ADD failed";
    DelegateFailureLeavesLink, "delegate-failure-leaves-link", "leaves a link on the host when its IPAM refuses";
    DelNotDelegated, "del-not-delegated", "does not hand DEL on to its IPAM";
    CheckNotDelegated, "check-not-delegated", "does not hand CHECK on to its IPAM";
    CheckDelegateErrorIgnored, "check-delegate-error-ignored", "answers CHECK with success although its IPAM's CHECK failed";
    DelDelegateErrorIgnored, "del-delegate-error-ignored", "answers DEL with success although its IPAM's DEL failed";
    GcNotDelegated, "gc-not-delegated", "does not hand GC on to its IPAM";
    StatusNotDelegated, "status-not-delegated", "does not hand STATUS on to its IPAM";
    StatusDelegateErrorIgnored, "status-delegate-error-ignored", "answers STATUS with success although its IPAM's STATUS failed";
    DelegateGarbageAccepted, "delegate-garbage-accepted", "succeeds although its IPAM printed no JSON";
    DelegateStderrSwallowed, "delegate-stderr-swallowed", "does not pass its IPAM's standard error on";
    WrongPrefix, "wrong-prefix", "gives an address another prefix length than the interface has it with";
    OmitsIndex, "omits-index", "leaves `interface` out of `ips`";
    OmitsMac, "omits-mac", "leaves the MAC of the container's interface out";
    SandboxOnHost, "sandbox-on-host", "gives the host's interface a sandbox";
    GatewayOtherFamily, "gateway-other-family", "gives an address of IPv4 a `gateway` of IPv6";
    GatewayIsContainer, "gateway-is-container", "gives the container's own address as its `gateway`";
    RouteWithoutPrefix, "route-without-prefix", "gives the `dst` of routes without prefix length";
    RouteOtherFamily, "route-other-family", "gives a route of IPv4 a `gw` of IPv6";
    RouteElsewhere, "route-elsewhere", "makes a route through the container's `lo` and lists it";
    WrongRouteAttribute, "wrong-route-attribute", "gives a route another `mtu` than it has";
    IgnoresMtu, "ignores-mtu", "takes `mtu` and ignores it";
    IgnoresMac, "ignores-mac", "takes `mac` and ignores it";
    IgnoresSysctl, "ignores-sysctl", "takes `sysctl` and ignores it";
    IgnoresDns, "ignores-dns", "takes `dns` and ignores it";
    IgnoresBandwidth, "ignores-bandwidth", "declares the capability `bandwidth` and ignores it";
    BandwidthInBytes, "bandwidth-in-bytes", "takes the rates of the capability `bandwidth` for bytes";
    IgnoresRuntimeDns, "ignores-runtime-dns", "declares the capability `dns` and ignores it";
    IgnoresIpRanges, "ignores-ip-ranges", "declares the capability `ipRanges` and ignores it";
    AddressOfOtherSubnet, "address-of-other-subnet", "hands out an address that lies in none of its subnets";
    IpamForgetsRoutes, "ipam-forgets-routes", "leaves the routes of its configuration out, as IPAM";
    IgnoresRuntimeMac, "ignores-runtime-mac", "declares the capability `mac` and ignores it";
    IgnoresRuntimeIps, "ignores-runtime-ips", "declares the capability `ips` and ignores it";
    SecondInterfaceFails, "second-interface-fails", "refuses ADD for a container that has an interface already";
    DelTakesWholeContainer, "del-takes-whole-container", "takes away whatever the container has in DEL";
    DelByAddress, "del-by-address", "removes in DEL whoever has the addresses of prevResult now";
    AddNotAtOnce, "add-not-at-once", "refuses ADD while another ADD runs";
    CheckNotAtOnce, "check-not-at-once", "refuses CHECK while another CHECK runs";
    DelNotAtOnce, "del-not-at-once", "refuses DEL while another DEL runs";
    RacyAllocation, "racy-allocation", "hands out addresses without a lock";
    RacyDel, "racy-del", "leaves a file in DEL while another DEL runs";
    ExhaustedSucceeds, "exhausted-succeeds", "answers ADD with success and no address when no address is free";
    StatusIgnoresPool, "status-ignores-pool", "does not look for a free address in STATUS";
    StatusNeverRecovers, "status-never-recovers", "answers STATUS with an error for ever once no address was free";
    LeavesTentative, "leaves-tentative", "does not wait until addresses of IPv6 can be used";
    NeedsIpv6, "needs-ipv6", "refuses ADD where IPv6 is disabled, whatever the addresses";
    RefusesArgs, "refuses-args", "refuses a configuration with `args`";
    CniArgsFirst, "cni-args-first", "gives the address that CNI_ARGS ask for, whatever `args` ask for";
    GcReadsOneKey, "gc-reads-one-key", "takes everything for stale in GC without `cni.dev/valid-attachments`";
    GcRefusesUnknown, "gc-refuses-unknown", "answers GC with an error when an attachment of the list was never made";
    GcIgnoresEmptyList, "gc-ignores-empty-list", "takes an empty list of valid attachments in GC for no list";
    GatewayUnreachable, "gateway-unreachable", "enters the gateway as a neighbour that is not there";
    HostMtuSmaller, "host-mtu-smaller", "gives the host's interface a smaller MTU than the container's";
    ContainersApart, "containers-apart", "leads no container to another";
    IgnoresIpMasq, "ignores-ip-masq", "takes `ipMasq` and ignores it";
    IgnoresPortMappings, "ignores-port-mappings", "declares the capability `portMappings` and ignores it";
    MapsTcpAlone, "maps-tcp-alone", "maps ports of TCP alone";
    MapsNotForHost, "maps-not-for-host", "turns away what the host itself sends to mapped ports";
    MapsNotForItself, "maps-not-for-itself", "turns away what the container itself sends to its mapped ports";
    GcFails, "gc-fails", "answers GC with an error";
    GcRemovesValid, "gc-removes-valid", "removes a valid attachment in GC";
    GcKeepsStale, "gc-keeps-stale", "removes nothing in GC";
    GcPrints, "gc-prints", "prints a document on a successful GC";
    StatusFails, "status-fails", "answers STATUS with an error although it is ready";
    StatusNeedsAttachment, "status-needs-attachment", "refuses STATUS without CNI_CONTAINERID";
    IpamNoIps, "ipam-no-ips", "answers ADD as IPAM without addresses";
    IpamWithInterfaces, "ipam-with-interfaces", "answers ADD as IPAM with `interfaces`";
    IpamSameAddress, "ipam-same-address", "hands the same address out twice";
    IpamLeaks, "ipam-leaks", "never releases an address";
    IpamNoPrefix, "ipam-no-prefix", "hands out an address without prefix length";
}

impl Fault {
    /// The fault with this id.
    pub fn find(id: &str) -> Option<Fault> {
        Fault::ALL.iter().copied().find(|fault| fault.id() == id)
    }
}
