//! A container's life, as every runtime leads it.

use cni_types::Version;

use super::{INTERFACE, PLUGINS, Scenario, Wants};
use crate::engine::lab::{Doing, Lab};
use crate::kind::Kind;

pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        id: "lifecycle",
        title: "ADD, CHECK and DEL of one container",
        kinds: Kind::ALL,
        since: Version::V0_1_0,
        once: false,
        wants: Wants::Nothing,
        run: lifecycle,
    },
    Scenario {
        id: "add-existing",
        title: "ADD of a container that has an interface of the requested name already",
        kinds: INTERFACE,
        since: Version::V0_1_0,
        once: false,
        wants: Wants::Nothing,
        run: add_existing,
    },
    Scenario {
        id: "netns-elsewhere",
        title: "ADD and DEL of a container whose network namespace is mounted where no runtime keeps them",
        kinds: PLUGINS,
        since: Version::V0_1_0,
        once: true,
        wants: Wants::Nothing,
        run: netns_elsewhere,
    },
];

fn lifecycle(lab: &mut Lab) -> Doing {
    lab.watch_sysctls();
    lab.observe("untouched")?;
    lab.warm_up()?;
    lab.container("a")?;
    lab.must_add("add", "a")?;
    if lab.subject().plugin_config().get("sysctl").is_some() {
        lab.observe("attached")?;
    }
    if lab.version().supports_check() {
        lab.check("check", "a")?;
    }
    lab.del("del", "a")?;
    lab.settle("start")?;
    lab.observe("end")
}

fn add_existing(lab: &mut Lab) -> Doing {
    lab.warm_up()?;
    lab.container("a")?;
    lab.make_interface("a", "interface-made")?;
    lab.add("add-existing", "a")?;
    lab.observe("after")?;
    lab.del("del-after-failure", "a")?;
    lab.settle("start")?;
    lab.observe("end")
}

fn netns_elsewhere(lab: &mut Lab) -> Doing {
    lab.warm_up()?;
    lab.container_elsewhere("a")?;
    lab.add("add-elsewhere", "a")?;
    lab.del("del-elsewhere", "a").map(drop)
}
