//! What is done to the surroundings of a plugin between its calls: to its delegate, to the host, to a container.

use std::path::{Path, PathBuf};

use cni_types::Operation;
use ipnet::IpNet;
use serde_json::{Value, json};

use super::lab::{Doing, Lab, Stop};
use super::operations::joined;
use super::standin::{self, Orders, Reply, Second};
use super::{machine, recorders, surroundings};
use crate::error::HarnessError;
use crate::label::{self, Label};

/// Whether what is executed at this path is the recording plugin.
fn is_recorded(path: &Path) -> bool {
    let file = path.canonicalize();
    recorders::is_covered(path) || file.is_ok_and(|file| recorders::is_covered(&file))
}

impl Lab {
    /// Lets recording plugins be found in place of those neighbours that could not be covered.
    pub(super) fn stand_before_others(&self) -> Result<(), HarnessError> {
        standin::prepare()
            .and_then(|()| {
                for neighbour in &self.subject().neighbours {
                    let found = self.find_delegate(&neighbour.plugin_type);
                    if let Some(path) = found.filter(|path| !is_recorded(path)) {
                        standin::install(&neighbour.plugin_type, Some(&path))?;
                    }
                }
                Ok(())
            })
            .map_err(|error| HarnessError::new(format!("the lab cannot watch delegates: {error}")))
    }

    /// The plugins that answer in the delegates' place where a scenario tells them to: the one that `ipam` names, or else those
    /// that the subject executes.
    fn delegates(&self) -> Vec<String> {
        match self.subject().ipam_type() {
            Some(ipam) => vec![ipam.to_owned()],
            None => self.subject().delegates.clone(),
        }
    }

    /// Delegates do their work, but this operation is answered for them.
    pub fn stand_in(&self, answer: Option<(Operation, Reply)>) -> Doing {
        let mut orders = Orders::default();
        if let Some((operation, reply)) = answer {
            for delegate in &self.delegates() {
                orders = orders.but(delegate, operation, reply.clone());
            }
        }
        Ok(standin::give(&orders)?)
    }

    /// Delegates do their work, and results of the IPAM plugin are augmented, if they are to be.
    pub fn augment_results(&self, how: Option<Second>) -> Doing {
        let ipam = self.subject().ipam_type().map(str::to_owned);
        Ok(standin::give(&Orders {
            augments: ipam.zip(how),
            ..Orders::default()
        })?)
    }

    fn find_delegate(&self, plugin_type: &str) -> Option<PathBuf> {
        let path = self.cni_path();
        let real = path
            .iter()
            .filter(|directory| *directory != Path::new(standin::DIRECTORY));
        real.map(|directory| directory.join(plugin_type))
            .find(|path| path.is_file())
    }

    /// A CNI_PATH in which delegates stand in the last directory only, which is reached by a link; the
    /// directory before it is empty, and the first one does not exist. Other plugins stand there, too.
    pub fn roundabout_path(&self) -> Doing<String> {
        let own = Path::new(machine::OWN);
        let [missing, empty, last, link] =
            ["missing", "empty", "last", "link"].map(|name| own.join(name));
        std::fs::create_dir(&empty)?;
        std::fs::create_dir(&last)?;
        let ordinary = self.cni_path();
        let directories = ordinary
            .iter()
            .filter(|directory| *directory != Path::new(standin::DIRECTORY));
        for entry in directories.filter_map(|directory| std::fs::read_dir(directory).ok()) {
            for plugin in entry {
                let plugin = plugin?;
                // The first one of a name counts, and is there already.
                let _ = std::os::unix::fs::symlink(plugin.path(), last.join(plugin.file_name()));
            }
        }
        std::os::unix::fs::symlink(&last, &link)?;
        Ok([missing, empty, link]
            .map(|path| path.display().to_string())
            .join(":"))
    }

    /// The usual CNI_PATH, seen from the directory that plugins run in.
    pub fn relative_path(&self) -> Doing<String> {
        let up = std::env::current_dir()?.components().count() - 1;
        let relative = |directory: &PathBuf| {
            let below_root = directory.strip_prefix("/").unwrap_or(directory);
            Path::new(".").join("../".repeat(up)).join(below_root)
        };
        let directories: Vec<PathBuf> = self.cni_path().iter().map(relative).collect();
        Ok(joined(&directories).text())
    }

    /// Whether every new network namespace has an interface of the requested name already.
    pub fn must_be_free_name(&self, container: &str) -> Doing {
        let state = self.look()?;
        let links = state
            .containers
            .get(container)
            .map(|inside| inside.links.as_slice())
            .unwrap_or_default();
        match links.iter().any(|link| link.name == self.ifname()) {
            true => Err(Stop::NotApplicable(format!(
                "every network namespace has an interface `{}`",
                self.ifname()
            ))),
            false => Ok(()),
        }
    }

    /// Makes an interface of the requested name in the container, before any plugin does.
    pub fn make_interface(&self, container: &str, label: Label<'_>) -> Doing {
        self.must_be_free_name(container)?;
        let what = format!("an interface `{}` was made", self.ifname());
        self.change(container, label, what, || {
            surroundings::make_spare_link(self.ifname())
        })
    }

    /// Makes an interface in the container that no plugin asks for, with default routes if it is to have them.
    pub fn make_other_interface(
        &self,
        container: &str,
        label: Label<'_>,
        with_default_routes: bool,
    ) -> Doing {
        const NAME: &str = "other0";
        let what = match with_default_routes {
            true => format!("an interface `{NAME}` with default routes was made"),
            false => format!("an interface `{NAME}` was made"),
        };
        self.change(container, label, what, || {
            surroundings::make_spare_link(NAME)?;
            match with_default_routes {
                true => surroundings::lead_everything_through(NAME),
                false => Ok(()),
            }
        })
    }

    /// Makes a link of the requested name on the host.
    pub fn make_namesake(&self, label: Label<'_>) -> Doing {
        surroundings::make_spare_link(self.ifname())?;
        self.note(
            label,
            format!("a link `{}` was made on the host", self.ifname()),
        );
        Ok(())
    }

    /// Deletes every table of nftables on the host.
    pub fn flush_firewall(&self, label: Label<'_>) -> Doing {
        cni_netlink::nft::flush()?;
        self.note(
            label,
            "every table of nftables was deleted on the host".to_owned(),
        );
        Ok(())
    }

    /// Deletes the files that a container's ADD of this label brought.
    pub fn delete_state(&self, add: Label<'_>, label: Label<'_>) -> Doing {
        let brought = self.files_of(add);
        if brought.is_empty() {
            return Err(Stop::NotApplicable("its ADD makes no new file".to_owned()));
        }
        for path in &brought {
            std::fs::remove_file(path)?;
        }
        self.note(
            label,
            format!("these files were deleted: {}", brought.join(", ")),
        );
        Ok(())
    }

    /// Deletes the attachment's interface in the container.
    pub fn delete_interface(&self, container: &str, label: Label<'_>) -> Doing {
        let ifname = self.ifname();
        let what = format!("the interface `{ifname}` was deleted");
        self.change(container, label, what, || {
            surroundings::delete_link(ifname)?
                .then_some(())
                .ok_or_else(|| {
                    Stop::NotApplicable(format!(
                        "an interface like its `{ifname}` cannot be deleted"
                    ))
                })
        })
    }

    /// Takes every address away from the attachment's interface.
    pub fn remove_addresses(&self, container: &str, label: Label<'_>) -> Doing {
        let what = format!("the addresses of `{}` were removed", self.ifname());
        self.change(container, label, what, || {
            surroundings::remove_addresses(self.ifname())
        })
    }

    /// Takes the last one of several addresses of the attachment's result away from its interface.
    pub fn remove_last_address(&self, container: &str, label: Label<'_>) -> Doing {
        let result = self.stored_result(container).unwrap_or_default();
        let listed: Vec<IpNet> = of_each(&result["ips"], "address");
        let [_, .., last] = listed.as_slice() else {
            let fact = "its result does not have several addresses".to_owned();
            return Err(Stop::NotApplicable(fact));
        };
        let what = format!("the address `{last}` of `{}` was removed", self.ifname());
        self.change(container, label, what, || {
            surroundings::remove_address(self.ifname(), *last)
        })
    }

    /// Sets the attachment's interface down.
    pub fn set_interface_down(&self, container: &str, label: Label<'_>) -> Doing {
        let what = format!("the interface `{}` was set down", self.ifname());
        self.change(container, label, what, || {
            surroundings::set_down(self.ifname())
        })
    }

    /// Gives the attachment's interface another MAC.
    pub fn change_mac(&self, container: &str, label: Label<'_>) -> Doing {
        let what = format!("the MAC of `{}` was changed", self.ifname());
        self.change(container, label, what, || {
            surroundings::change_mac(self.ifname())
        })
    }

    /// Deletes one route of the attachment's result in the container.
    pub fn remove_result_route(&self, container: &str, label: Label<'_>) -> Doing {
        let result = self.stored_result(container).unwrap_or_default();
        let Some(destination) = result["routes"][0]["dst"].as_str().map(str::to_owned) else {
            return Err(Stop::NotApplicable("its result has no routes".to_owned()));
        };
        self.remove_route(container, label, &destination)
    }

    /// Deletes the last one of several routes of the attachment's result in the container.
    pub fn remove_last_route(&self, container: &str, label: Label<'_>) -> Doing {
        let result = self.stored_result(container).unwrap_or_default();
        let listed: Vec<IpNet> = of_each(&result["routes"], "dst");
        match listed.as_slice() {
            [first, .., last] if first != last => {
                self.remove_route(container, label, &last.to_string())
            }
            _ => Err(Stop::NotApplicable(
                "its result does not have several routes".to_owned(),
            )),
        }
    }

    fn remove_route(&self, container: &str, label: Label<'_>, destination: &str) -> Doing {
        let what = format!("the route to `{destination}` was deleted");
        self.change(container, label, what, || {
            surroundings::remove_route(destination)
        })
    }

    /// Lets a container look for duplicates of IPv6 addresses, as every kernel does that is not told otherwise.
    pub fn look_for_duplicates(&self, container: &str) -> Doing {
        self.inside(container, || {
            surroundings::set_ipv6(&["default"], "accept_dad", "1")
        })
    }

    /// Disables IPv6 on the host and in a container.
    pub fn disable_ipv6(&self, container: &str) -> Doing {
        let disable = || surroundings::set_ipv6(&["all", "default"], "disable_ipv6", "1");
        disable()?;
        self.change(
            container,
            label::IPV6_DISABLED,
            "IPv6 was disabled, on the host too",
            disable,
        )
    }

    /// Lets the stored result tell of DNS, as an earlier plugin of the list may have done.
    pub fn tell_dns(&self, container: &str, label: Label<'_>) {
        let mut result = self.stored_result(container).unwrap_or_default();
        result["dns"] = json!({
            "nameservers": ["192.0.2.53", "192.0.2.54", "2001:db8::53"],
            "domain": "cnispec.example",
            "search": ["a.cnispec.example", "b.cnispec.example"],
            "options": ["ndots:2", "timeout:3"],
        });
        self.note(
            label,
            format!("the previous result was given {}", result["dns"]),
        );
        self.store_result(container, Some(result));
    }

    /// Does what a later plugin of the list may do: another address, another route.
    pub fn add_as_later_plugin(&self, container: &str, label: Label<'_>) -> Doing {
        let what = format!(
            "a later plugin gave `{}` another address and route",
            self.ifname()
        );
        let added = self.change(container, label, what, || {
            surroundings::add_address_and_route(self.ifname())
        });
        // A link that is down takes no routes.
        added.map_err(|stop| match stop {
            Stop::Harness(error) => Stop::NotApplicable(error.what),
            stop => stop,
        })
    }

    /// Does what a later plugin of the list may do: another MAC and a smaller MTU, which its result tells. Where
    /// results have no MTU, nobody could know of another one.
    pub fn adjust_as_later_plugin(&self, container: &str, label: Label<'_>) -> Doing {
        let ifname = self.ifname();
        let mut result = self.stored_result(container).unwrap_or_default();
        let interfaces = result.get_mut("interfaces").and_then(Value::as_array_mut);
        let own: Vec<&mut Value> = interfaces
            .into_iter()
            .flatten()
            .filter(|interface| {
                let sandbox = interface["sandbox"].as_str().unwrap_or_default();
                !sandbox.is_empty() && interface["name"] == *ifname
            })
            .collect();
        let has_mtu = own.iter().any(|interface| interface.get("mtu").is_some());
        let adjusted = if has_mtu { "MAC and MTU" } else { "MAC" };
        let what =
            format!("a later plugin gave `{ifname}` another {adjusted}, and said so in its result");
        let (mac, mtu) = self.change(container, label, what, || {
            surroundings::change_mac(ifname)?;
            if has_mtu {
                surroundings::shrink_mtu(ifname)?;
            }
            surroundings::mac_and_mtu(ifname)
        })?;
        for interface in own {
            interface["mac"] = json!(mac);
            if interface.get("mtu").is_some() {
                interface["mtu"] = json!(mtu);
            }
        }
        self.store_result(container, Some(result));
        Ok(())
    }
}

/// What stands under a key in each entry of a list, where it can be read.
fn of_each(list: &Value, key: &str) -> Vec<IpNet> {
    let entries = list.as_array().into_iter().flatten();
    entries
        .filter_map(|entry| entry[key].as_str()?.parse().ok())
        .collect()
}
