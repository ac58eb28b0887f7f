//! Every way in which the scripted plugin and the scripted runtime can break the SPEC.
//!
//! A check names the fault that must trip it; the scripted plugin commits the fault that stands
//! behind the first dot of the name that it is called by, as in `scripted.two-documents`. So does the
//! scripted runtime, as in `scripted-runtime.runtime-del-forward`.

macro_rules! faults {
    ($($name:ident, $id:literal, $does:literal;)*) => {
        /// One way to break the SPEC.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Fault {
            $(#[doc = concat!("It ", $does, ".")] $name,)*
        }

        impl Fault {
            /// Every fault.
            pub const ALL: &'static [Fault] = &[$(Fault::$name,)*];

            /// Its name on the command line.
            pub fn id(self) -> &'static str {
                match self { $(Fault::$name => $id,)* }
            }

            /// The plugin's action, as the predicate of a sentence.
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
    AlwaysCode1, "always-code-1", "gives 1 as the `code` of every error";
    ErrorCodeReserved, "error-code-reserved", "uses 42, which is reserved and has no meaning, as `code`";
    ErrorWithoutDetails, "error-without-details", "leaves `details` out of errors";
    ErrorDetailsIsObject, "error-details-is-object", "gives the error's `details` as an object";
    ErrorMsgEmpty, "error-msg-empty", "gives an empty `msg` in errors";
    ErrorOtherVersion, "error-other-version", "gives 0.4.0 or 1.0.0 as the error's `cniVersion`, whichever was not asked for";
    ErrorDuplicateKey, "error-duplicate-key", "prints errors in which `code` stands twice";
    ErrorWithLog, "error-with-log", "prints a line of log before its errors";
    Crash, "crash", "dies by a signal on ADD";
    OddResultCrashes, "odd-result-crashes", "dies by a signal on a previous result of another version";
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
    VersionNeedsInput, "version-needs-input", "refuses VERSION when nothing is on standard input";
    VersionRefusesUnknown, "version-refuses-unknown", "refuses VERSION with code 7 when it is asked in a version that it does not know";
    ClaimsTooMany, "claims-too-many", "claims 1.1.0, and refuses every operation in it as an unsupported version";
    ClaimsTooFew, "claims-too-few", "does not claim 0.1.0 and 0.2.0, and accepts them";
    AcceptsAnyVersion, "accepts-any-version", "does ADD for a configuration of a version that it does not support";
    RefusesVersionWithOtherCode, "refuses-version-with-other-code", "refuses unsupported versions with code 7";
    RefusalLeavesLink, "refusal-leaves-link", "makes a link on the host before it refuses a configuration";
    AddPrintsNothing, "add-prints-nothing", "prints nothing on a successful ADD";
    ResultOtherVersion, "result-other-version", "gives 0.4.0 or 1.0.0 as the result's `cniVersion`, whichever was not asked for";
    ResultOldShape, "result-old-shape", "gives the result of an ADD in the shape of another version";
    ResultOddValues, "result-odd-values", "gives routes of the result a destination that is none";
    ResultMissingKeys, "result-missing-keys", "leaves `dst` out of the routes of the result";
    ResultOddGateway, "result-odd-gateway", "gives the gateways of the result a prefix length";
    ResultWrongTypes, "result-wrong-types", "gives `ips` as an object";
    OtherIfname, "other-ifname", "gives the interface another name than CNI_IFNAME";
    TruncatesIfname, "truncates-ifname", "gives the interface the first 14 bytes of CNI_IFNAME as its name";
    ReplacesIfname, "replaces-ifname", "makes up a name for the interface where CNI_IFNAME is impossible";
    ReplacesExisting, "replaces-existing", "removes an existing interface of the requested name and succeeds";
    RefusalRemovesExisting, "refusal-removes-existing", "removes an existing interface of the requested name and refuses ADD";
    PhantomInterface, "phantom-interface", "lists an interface that does not exist";
    ListsLoopback, "lists-loopback", "lists the container's `lo` among the interfaces that it made";
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
    UsesFirstAddress, "uses-first-address", "uses nothing but the first address of each family that its IPAM gave";
    NarrowsSubnets, "narrows-subnets", "gives every address a longer prefix than its IPAM did, and tells so";
    MakesBareRoutes, "makes-bare-routes", "makes and lists routes without the attributes that its IPAM gave";
    OmitsRouteAttributes, "omits-route-attributes", "lists routes without the attributes that it makes them with";
    OmitsRoute, "omits-route", "does not list a route that it makes and was given by IPAM";
    OmitsFurtherRoutes, "omits-further-routes", "lists no routes but default ones";
    OmitsDefaultRoutes, "omits-default-routes", "does not list the default routes that it makes";
    DropsDetails, "drops-details", "hands the previous result on without hardware addresses and gateways";
    ChangesPrevResult, "changes-prev-result", "hands the previous result on with another prefix length of every address";
    DropsPrevResult, "drops-prev-result", "answers ADD without what prevResult holds";
    ShortensDns, "shortens-dns", "hands on no more than the first entry of each list in `dns` of the previous result, or of its IPAM";
    ReordersDns, "reorders-dns", "hands on the lists in `dns` of the previous result, or of its IPAM, in reverse";
    DropsSearches, "drops-searches", "hands the previous result on without the `search` of its `dns`";
    ForgetsDns, "forgets-dns", "leaves the delegate's `dns` out of the result";
    LinkDown, "link-down", "leaves the container's interface down";
    DelFails, "del-fails", "always answers DEL with an error";
    AddAfterDelFails, "add-after-del-fails", "answers ADD of an attachment that was deleted before with an error";
    AddRemovesOther, "add-removes-other", "removes the interfaces of all other attachments on ADD";
    DelAgainFails, "del-again-fails", "answers a repeated DEL with an error";
    DelUnknownFails, "del-unknown-fails", "answers DEL of an attachment that it never made with an error";
    DelNeedsNetns, "del-needs-netns", "answers DEL with an error when CNI_NETNS is empty or not set";
    DelNeedsLiveNetns, "del-needs-live-netns", "answers DEL with an error when the namespace is gone";
    DelRefusesStaleFile, "del-refuses-stale-file", "answers DEL with an error when CNI_NETNS is an ordinary file";
    DelNeedsPrevResult, "del-needs-prev-result", "answers DEL with an error when there is no prevResult";
    DelNeedsInterface, "del-needs-interface", "answers DEL with an error when the interface is gone";
    DelNeedsState, "del-needs-state", "answers DEL with an error when the file that it wrote on ADD is gone";
    DelNeedsAddress, "del-needs-address", "answers DEL with an error when the interface is there without addresses";
    OwnNamespaceLeavesLink, "own-namespace-leaves-link", "leaves a link on the host when CNI_NETNS is its own network namespace";
    DelNeedsRules, "del-needs-rules", "answers DEL with an error when the nftables table that it made on ADD is gone";
    DelNeedsRuntimeConfig, "del-needs-runtime-config", "answers DEL with an error when there is no runtimeConfig";
    StealsDefaultRoutes, "steals-default-routes", "takes every default route away that the container has on ADD";
    JoinsKeys, "joins-keys", "knows an attachment by its container's id and its interface's name joined by a hyphen, and splits them at the last one";
    SharesPrivateState, "shares-private-state", "keeps a file for each attachment, called by the container's id and the interface's name joined by a hyphen, whatever the network, and removes in GC those that are not listed";
    DoesNotForward, "does-not-forward", "does not let the host forward what comes from containers";
    AddFails, "add-fails", "answers every ADD with an error, and STATUS with success";
    SetsHostOnce, "sets-host-once", "changes a sysctl of the host's `lo` on the first ADD and leaves it so";
    DelForgetsWithoutRuntimeConfig, "del-forgets-without-runtime-config", "leaves the host's rules, or its forwarder of ports, in DEL without `runtimeConfig`";
    GivesBroadcast, "gives-broadcast", "gives the broadcast address when no other is free, as IPAM";
    LeaksFirstRange, "leaks-first-range", "keeps the address of the first subnet when another has none that is free, as IPAM, and does not release it in DEL";
    LeaksRequested, "leaks-requested", "keeps the requested addresses that are free when others are not, as IPAM, and does not release them in DEL";
    StatusNeedsEmptyPool, "status-needs-empty-pool", "answers STATUS with an error as soon as an address is taken, as IPAM";
    RefusesPodArgs, "refuses-pod-args", "refuses CNI_ARGS with keys that it does not know, whatever `IgnoreUnknown` says";
    CrashesWithoutIpam, "crashes-without-ipam", "dies by a signal on ADD when `ipam` is missing or no object";
    RacyFirstAdd, "racy-first-add", "makes what all attachments share on the first ADD, and fails when another ADD has just made it";
    CheckWritesSysctl, "check-writes-sysctl", "changes a sysctl of the host in CHECK";
    DelFallsBackToHost, "del-falls-back-to-host", "removes a link of the name CNI_IFNAME on the host in DEL when there is no namespace";
    DelRemovesNamesake, "del-removes-namesake", "deletes the host's interface that is called like the container's on DEL";
    DelWithoutNetnsRemovesAll, "del-without-netns-removes-all", "removes every attachment when DEL does not name a namespace";
    DelSkipsFailedAdd, "del-skips-failed-add", "undoes nothing of an ADD that failed, neither itself nor by DEL";
    DelLeavesInterface, "del-leaves-interface", "leaves the interface in the container";
    DelLeavesHostLink, "del-leaves-host-link", "leaves a link on the host";
    DelLeavesInside, "del-leaves-inside", "leaves a routing policy rule in the container";
    DelLeavesRoute, "del-leaves-route", "leaves a route on the host";
    DelLeavesRule, "del-leaves-rule", "leaves an nftables rule on the host";
    DelLeavesSysctl, "del-leaves-sysctl", "changes a sysctl of the host's `lo` on every ADD and leaves it so";
    DelLeavesFile, "del-leaves-file", "leaves a file of its own for every attachment";
    DelLeavesRareState, "del-leaves-rare-state", "leaves on the host one object of every kind of state that plugins seldom make";
    DelLeavesRecord, "del-leaves-record", "keeps a record of every attachment in one file, and takes none out of it";
    DelLeavesReservation, "del-leaves-reservation", "does not hand DEL on to its IPAM when the namespace is gone";
    DelRemovesOther, "del-removes-other", "removes another attachment's interface too";
    RemovesOthersFiles, "removes-others-files", "removes on DEL directories of other programs below `/run`";
    DelChangesDevice, "del-changes-device", "leaves a link that the host had with another MTU";
    CheckFails, "check-fails", "answers CHECK right after ADD with an error";
    CheckAlwaysSucceeds, "check-always-succeeds", "answers CHECK with success whatever it finds";
    CheckMissesAddress, "check-misses-address", "does not look for addresses in CHECK";
    CheckMissesNetns, "check-misses-netns", "answers CHECK with success when there is nothing at CNI_NETNS";
    CheckMissesInterface, "check-misses-interface", "does not look for the interface in CHECK";
    CheckMissesLastAddress, "check-misses-last-address", "looks for no address but the first in CHECK";
    CheckMissesLastRoute, "check-misses-last-route", "looks for no route but the first in CHECK";
    CheckMissesRoute, "check-misses-route", "does not look for routes in CHECK";
    CheckMissesLinkDown, "check-misses-link-down", "does not look whether the interface is up in CHECK";
    CheckMissesMtu, "check-misses-mtu", "does not look for the interface's MTU in CHECK";
    CheckMissesOtherAddress, "check-misses-other-address", "takes any address for the right one in CHECK";
    CheckMissesNextHop, "check-misses-next-hop", "does not look where routes lead in CHECK";
    CheckMissesHostLink, "check-misses-host-link", "does not look for the host's interface in CHECK";
    CheckMissesRule, "check-misses-rule", "does not look for the host's rules in CHECK";
    CheckMissesShaping, "check-misses-shaping", "does not look for queueing disciplines in CHECK";
    CheckMissesHostRoute, "check-misses-host-route", "does not look for the host's routes in CHECK";
    CheckMissesOtherRule, "check-misses-other-rule", "looks for no rule of the host but the first in CHECK";
    CheckMissesShapingInside, "check-misses-shaping-inside", "looks for queueing disciplines on the host only in CHECK";
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
    NoSuchNetnsAccepted, "no-such-netns-accepted", "answers ADD with success when there is nothing at CNI_NETNS";
    NeedsArgs, "needs-args", "refuses ADD when CNI_ARGS is not set";
    NoIfnameAccepted, "no-ifname-accepted", "does ADD without CNI_IFNAME, with a name of its own";
    DelNeedsNoVariables, "del-needs-no-variables", "answers DEL without CNI_CONTAINERID or CNI_IFNAME with success";
    CheckNeedsNoVariables, "check-needs-no-variables", "answers CHECK without CNI_CONTAINERID, CNI_NETNS or CNI_IFNAME with success";
    MissingVariableOtherCode, "missing-variable-other-code", "reports missing variables with code 7";
    MissingVariableUnnamed, "missing-variable-unnamed", "does not name the missing variable";
    InvalidIdAccepted, "invalid-id-accepted", "does ADD with any CNI_CONTAINERID that is not empty";
    InvalidVariableUnnamed, "invalid-variable-unnamed", "does not name the variable that has an impossible value";
    InvalidVariableOtherCode, "invalid-variable-other-code", "reports variables with impossible values with code 7";
    RefusesLongIds, "refuses-long-ids", "refuses container ids of more than 63 characters";
    RefusesDottedIds, "refuses-dotted-ids", "refuses container ids with a dot";
    NoCommandAccepted, "no-command-accepted", "answers a call without CNI_COMMAND with success";
    UnknownCommandAccepted, "unknown-command-accepted", "answers an unknown CNI_COMMAND with success";
    GarbageAccepted, "garbage-accepted", "answers undecodable input with success";
    GarbageOtherCode, "garbage-other-code", "reports undecodable input with code 7";
    ReadsOnce, "reads-once", "takes what the first attempt to read standard input gives for all of it";
    ReadsLine, "reads-line", "reads the first line of standard input and no more";
    ReadsPage, "reads-page", "reads 64 KiB of standard input and no more";
    UnreadableAccepted, "unreadable-accepted", "answers ADD with success when standard input cannot be read";
    UnreadableOtherCode, "unreadable-other-code", "reports that standard input cannot be read with code 6";
    OddVersionAccepted, "odd-version-accepted", "does ADD for a configuration whose `cniVersion` is no version";
    UnknownArgsRefused, "unknown-args-refused", "refuses a configuration whose `args` it does not understand";
    UnknownKeyUnnamed, "unknown-key-unnamed", "refuses an unknown key of the configuration with code 2 and does not name it";
    MalformedCapabilityAccepted, "malformed-capability-accepted", "ignores a capability argument that has no meaning";
    NoNameOtherCode, "no-name-other-code", "reports a configuration without `name` with code 199";
    NoNameAccepted, "no-name-accepted", "does ADD for a configuration without `name`";
    RefusalNotJson, "refusal-not-json", "refuses bad input without any document";
    DelegateOtherEnv, "delegate-other-env", "calls its IPAM without CNI_ARGS";
    DelegateOwnEnvOnly, "delegate-own-env-only", "calls its IPAM with CNI variables and nothing else";
    DelegatePartialConfig, "delegate-partial-config", "gives its IPAM only the section `ipam`";
    DelegateFailureIgnored, "delegate-failure-ignored", "succeeds although its IPAM refused";
    DelegateFailureNoDel, "delegate-failure-no-del", "does not call its IPAM with DEL after the IPAM's ADD failed";
    DelegateUndoneWithNothing, "delegate-undone-with-nothing", "gives its IPAM nothing on standard input when it undoes the IPAM's failed ADD";
    DelegateFailureLeavesLink, "delegate-failure-leaves-link", "leaves a link on the host when its IPAM refuses";
    DelNotDelegated, "del-not-delegated", "does not hand DEL on to its IPAM";
    CheckNotDelegated, "check-not-delegated", "does not hand CHECK on to its IPAM";
    CheckDelegateErrorIgnored, "check-delegate-error-ignored", "answers CHECK with success although its IPAM's CHECK failed";
    DelDelegateErrorIgnored, "del-delegate-error-ignored", "answers DEL with success although its IPAM's DEL failed";
    GcNotDelegated, "gc-not-delegated", "does not hand GC on to its IPAM";
    StatusNotDelegated, "status-not-delegated", "does not hand STATUS on to its IPAM";
    StatusDelegateErrorIgnored, "status-delegate-error-ignored", "answers STATUS with success although its IPAM's STATUS failed";
    DelegateGarbageAccepted, "delegate-garbage-accepted", "succeeds although its IPAM printed no JSON";
    DelegateNullAccepted, "delegate-null-accepted", "succeeds although its IPAM printed `null`";
    GcStopsAtDelegateError, "gc-stops-at-delegate-error", "removes nothing in GC when its IPAM's GC failed";
    StatusFailureBlocksDel, "status-failure-blocks-del", "refuses DEL once its STATUS has failed";
    GcDelegateErrorIgnored, "gc-delegate-error-ignored", "answers GC with success although its IPAM's GC failed";
    SkipsLinkedDirectories, "skips-linked-directories", "does not look for its IPAM in directories of CNI_PATH that are links";
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
    RouteMetric, "route-metric", "makes its routes with metric 100";
    DefaultRouteTakenFails, "default-route-taken-fails", "refuses ADD for a container that has a default route already";
    SecondInterfaceFails, "second-interface-fails", "refuses ADD for a container that has an interface already";
    DelTakesWholeContainer, "del-takes-whole-container", "takes away whatever the container has in DEL";
    DelByAddress, "del-by-address", "removes in DEL whoever has the addresses of prevResult now";
    FoldsIds, "folds-ids", "knows containers by their ids in small letters";
    EscapesIds, "escapes-ids", "writes `_` for every `.` in the ids that it knows containers by";
    CutsIds, "cuts-ids", "knows containers by the first 32 characters of their ids";
    KnowsByPod, "knows-by-pod", "knows containers by the name of the pod in CNI_ARGS";
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
    GcKeepsContainers, "gc-keeps-containers", "takes every attachment of a container for valid in GC if one of them is, as IPAM";
    GcKeepsOneInterface, "gc-keeps-one-interface", "takes one attachment of each container for valid in GC";
    GcRemovesOtherNetworks, "gc-removes-other-networks", "takes the attachments of other networks for stale in GC";
    GcKeepsStale, "gc-keeps-stale", "removes nothing in GC";
    GcRemovesOne, "gc-removes-one", "removes no more than one stale attachment in GC";
    GcByNetworkPrefix, "gc-by-network-prefix", "takes the attachments of networks whose names begin alike for its own in GC";
    NetnsByName, "netns-by-name", "looks in `/run/netns` for the last part of CNI_NETNS";
    GcPrints, "gc-prints", "prints a document on a successful GC";
    StatusFails, "status-fails", "answers STATUS with an error although it is ready";
    GcNeedsAttachment, "gc-needs-attachment", "refuses GC without CNI_CONTAINERID";
    StatusNeedsAttachment, "status-needs-attachment", "refuses STATUS without CNI_CONTAINERID";
    IpamNoIps, "ipam-no-ips", "answers ADD as IPAM without addresses";
    IpamWithInterfaces, "ipam-with-interfaces", "answers ADD as IPAM with `interfaces`";
    IpamSameAddress, "ipam-same-address", "hands the same address out twice";
    IpamByContainer, "ipam-by-container", "gives every attachment of a container the same address";
    IpamLeaks, "ipam-leaks", "never releases an address";
    IpamWithIndex, "ipam-with-index", "answers ADD as IPAM with an `interface` for every address";
    IpamNoPrefix, "ipam-no-prefix", "hands out an address without prefix length";
    CrashedAddBlocksDel, "crashed-add-blocks-del", "answers the DEL that follows an interrupted ADD with an error";
    CrashedAddBlocksAdd, "crashed-add-blocks-add", "answers ADD with an error for ever after one of the attachment was interrupted";
    CrashedAddIsUndoneForAll, "crashed-add-is-undone-for-all", "removes what all attachments have on the DEL that follows an interrupted ADD";
    DelForgetsFirst, "del-forgets-first", "forgets on DEL that it has made a rule before it removes the rule";
    RuntimeAddReversed, "runtime-add-reversed", "executes ADD in reverse order";
    RuntimeFirstHasResult, "runtime-first-has-result", "gives the first ADD a `prevResult`";
    RuntimeForgetsResult, "runtime-forgets-result", "gives no ADD the result of the one before";
    RuntimeKeepsName, "runtime-keeps-name", "leaves a plugin's own `name` and `cniVersion` as they are";
    RuntimeDropsUnknown, "runtime-drops-unknown", "gives plugins only the keys that it knows";
    RuntimeKeepsCapabilities, "runtime-keeps-capabilities", "leaves `capabilities` in what plugins are given";
    RuntimeAllCapabilities, "runtime-all-capabilities", "gives every plugin every capability argument";
    RuntimeOmitsArgs, "runtime-omits-args", "executes plugins without CNI_ARGS";
    RuntimeOddContainer, "runtime-odd-container", "gives containers ids that start with a hyphen";
    RuntimeOtherEnvironment, "runtime-other-environment", "gives each plugin of a list another variable";
    RuntimeCheckOtherIfname, "runtime-check-other-ifname", "executes CHECK with another CNI_IFNAME than ADD";
    RuntimeDelOtherIfname, "runtime-del-other-ifname", "executes DEL with another CNI_IFNAME than ADD";
    RuntimeDelForward, "runtime-del-forward", "executes DEL in the order of ADD";
    RuntimeDelWithoutResult, "runtime-del-without-result", "executes DEL without `prevResult`";
    RuntimeKeepsResult, "runtime-keeps-result", "does not forget the result after DEL";
    RuntimeCheckSkips, "runtime-check-skips", "executes CHECK by the first plugin only";
    RuntimeCheckWithoutResult, "runtime-check-without-result", "executes CHECK without `prevResult`";
    RuntimeChecksAnyway, "runtime-checks-anyway", "executes CHECK although `disableCheck` is set";
    RuntimeChecksUnknown, "runtime-checks-unknown", "executes CHECK for a container that it never added";
    RuntimeAddGoesOn, "runtime-add-goes-on", "goes on with ADD after an error";
    RuntimeDelGoesOn, "runtime-del-goes-on", "goes on with DEL after an error";
    RuntimeSwallowsErrors, "runtime-swallows-errors", "reports success when a plugin failed";
    RuntimeFailsAnyway, "runtime-fails-anyway", "reports failure when every plugin succeeded";
    RuntimeSkipsMissing, "runtime-skips-missing", "passes over plugins that do not exist";
    RuntimeForgetsFailedAdd, "runtime-forgets-failed-add", "does nothing on DEL after a failed ADD";
    RuntimeDelAtOnce, "runtime-del-at-once", "executes the DELs of a list all at once";
    RuntimeNoLock, "runtime-no-lock", "executes operations for one container at the same time";
    RuntimeGcBeside, "runtime-gc-beside", "executes GC beside other operations";
    RuntimeGcWithoutList, "runtime-gc-without-list", "executes GC without the list of valid attachments";
    RuntimeGcNamesContainer, "runtime-gc-names-container", "executes GC with a container's parameters";
    RuntimeGcStops, "runtime-gc-stops", "stops GC at the first error";
    RuntimeLowestVersion, "runtime-lowest-version", "chooses the lowest version of `cniVersions`";
    RuntimeTrimsResults, "runtime-trims-results", "stores and hands on only what 1.0.0 has of a result, and one entry of each list";
    RuntimeOneResultForContainer, "runtime-one-result-for-container", "stores one result for all interfaces of a container";
    RuntimeOneResultForIfname, "runtime-one-result-for-ifname", "stores one result for all containers whose interfaces have one name";
    RuntimeForgetsByPrefix, "runtime-forgets-by-prefix", "forgets on DEL the results of every network whose name begins alike";
    RuntimeBorrowsResult, "runtime-borrows-result", "gives DEL the result of another attachment where none is stored";
    RuntimeFirstDirectory, "runtime-first-directory", "looks for plugins in the first directory of CNI_PATH only";
    RuntimeStatusOfNone, "runtime-status-of-none", "tells a good status without asking a plugin";
    RuntimeStatusSwallows, "runtime-status-swallows", "tells a good status although a plugin refuses STATUS";
    RuntimeStatusNamesContainer, "runtime-status-names-container", "executes STATUS with a container's parameters";
    RuntimeLaterOperations, "runtime-later-operations", "executes CHECK, GC and STATUS in versions that lack them";
    RuntimeGcListsNone, "runtime-gc-lists-none", "executes GC with an empty list although attachments are valid";
    RuntimeGcListsDeleted, "runtime-gc-lists-deleted", "lists deleted attachments as valid on GC";
    RuntimeGcListsOthers, "runtime-gc-lists-others", "lists attachments of every network on GC";
}

impl Fault {
    /// True if the scripted runtime commits it, not the scripted plugin.
    pub fn is_a_runtimes(self) -> bool {
        self.id().starts_with("runtime-")
    }

    /// The fault with this id.
    pub fn find(id: &str) -> Option<Fault> {
        Fault::ALL.iter().copied().find(|fault| fault.id() == id)
    }
}
