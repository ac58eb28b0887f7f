//! Drift: changes of the state that a plugin has made, behind its back.

use ipnet::IpNet;
use serde_json::{Value, json};

use super::{Lab, StepResult, Stop};
use crate::engine::links;
use crate::error::HarnessError;
use crate::label::Label;

/// Applies drift to an attachment or to the host, between two calls of the plugin.
#[derive(Clone, Copy)]
pub struct Drift<'a> {
    pub(super) lab: &'a Lab,
}

impl Drift<'_> {
    /// Deletes every table of nftables on the host.
    pub fn flush_firewall(&self, label: Label<'_>) -> StepResult {
        cni_netlink::nft::flush()?;
        self.lab.note(
            label,
            "every table of nftables was deleted on the host".to_owned(),
        );
        Ok(())
    }

    /// Deletes the files that a container's ADD of this label brought.
    pub fn delete_state(&self, add: Label<'_>, label: Label<'_>) -> StepResult {
        let brought = self.lab.files_of(add);
        if brought.is_empty() {
            return Err(Stop::NotApplicable("its ADD makes no new file".to_owned()));
        }
        for path in &brought {
            std::fs::remove_file(path)?;
        }
        self.lab.note(
            label,
            format!("these files were deleted: {}", brought.join(", ")),
        );
        Ok(())
    }

    /// Deletes the attachment's interface in the container.
    pub fn delete_interface(&self, container: &str, label: Label<'_>) -> StepResult {
        let ifname = self.lab.ifname();
        let what = format!("the interface `{ifname}` was deleted");
        self.lab.container(container).change(label, what, || {
            links::delete_link(ifname)?.then_some(()).ok_or_else(|| {
                Stop::NotApplicable(format!(
                    "an interface like its `{ifname}` cannot be deleted"
                ))
            })
        })
    }

    /// Takes every address away from the attachment's interface.
    pub fn remove_addresses(&self, container: &str, label: Label<'_>) -> StepResult {
        let what = format!("the addresses of `{}` were removed", self.lab.ifname());
        self.lab
            .container(container)
            .change(label, what, || links::remove_addresses(self.lab.ifname()))
    }

    /// Takes the last one of several addresses of the attachment's result away from its interface.
    pub fn remove_last_address(&self, container: &str, label: Label<'_>) -> StepResult {
        let result = self
            .lab
            .container(container)
            .stored_result()
            .unwrap_or_default();
        let listed: Vec<IpNet> = of_each(&result["ips"], "address");
        let [_, .., last] = listed.as_slice() else {
            let fact = "its result does not have several addresses".to_owned();
            return Err(Stop::NotApplicable(fact));
        };
        let what = format!(
            "the address `{last}` of `{}` was removed",
            self.lab.ifname()
        );
        self.lab.container(container).change(label, what, || {
            links::remove_address(self.lab.ifname(), *last)
        })
    }

    /// Sets the attachment's interface down.
    pub fn set_interface_down(&self, container: &str, label: Label<'_>) -> StepResult {
        let what = format!("the interface `{}` was set down", self.lab.ifname());
        self.lab
            .container(container)
            .change(label, what, || links::set_down(self.lab.ifname()))
    }

    /// Gives the attachment's interface another MAC.
    pub fn change_mac(&self, container: &str, label: Label<'_>) -> StepResult {
        let what = format!("the MAC of `{}` was changed", self.lab.ifname());
        self.lab
            .container(container)
            .change(label, what, || links::change_mac(self.lab.ifname()))
    }

    /// Deletes one route of the attachment's result in the container.
    pub fn remove_result_route(&self, container: &str, label: Label<'_>) -> StepResult {
        let result = self
            .lab
            .container(container)
            .stored_result()
            .unwrap_or_default();
        let Some(destination) = result["routes"][0]["dst"].as_str().map(str::to_owned) else {
            return Err(Stop::NotApplicable("its result has no routes".to_owned()));
        };
        self.remove_route(container, label, &destination)
    }

    /// Deletes the last one of several routes of the attachment's result in the container.
    pub fn remove_last_route(&self, container: &str, label: Label<'_>) -> StepResult {
        let result = self
            .lab
            .container(container)
            .stored_result()
            .unwrap_or_default();
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

    fn remove_route(&self, container: &str, label: Label<'_>, destination: &str) -> StepResult {
        let what = format!("the route to `{destination}` was deleted");
        self.lab
            .container(container)
            .change(label, what, || links::remove_route(destination))
    }

    /// Changes an attachment as a later plugin of the list may: another address, another route.
    pub fn add_as_later_plugin(&self, container: &str, label: Label<'_>) -> StepResult {
        let what = format!(
            "a later plugin gave `{}` another address and route",
            self.lab.ifname()
        );
        let added = self.lab.container(container).change(label, what, || {
            links::add_address_and_route(self.lab.ifname())
        });
        // A link that is down takes no routes.
        added.map_err(|stop| match stop {
            Stop::Harness(HarnessError { what, .. }) | Stop::Disturbed(what) => {
                Stop::NotApplicable(what)
            }
            stop => stop,
        })
    }

    /// Changes an attachment as a later plugin of the list may: another MAC and a smaller MTU, both in its result. The MTU
    /// stays in versions whose results have none.
    pub fn adjust_as_later_plugin(&self, container: &str, label: Label<'_>) -> StepResult {
        let ifname = self.lab.ifname();
        let mut result = self
            .lab
            .container(container)
            .stored_result()
            .unwrap_or_default();
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
        let (mac, mtu) = self.lab.container(container).change(label, what, || {
            links::change_mac(ifname)?;
            if has_mtu {
                links::shrink_mtu(ifname)?;
            }
            links::mac_and_mtu(ifname)
        })?;
        for interface in own {
            interface["mac"] = json!(mac);
            if interface.get("mtu").is_some() {
                interface["mtu"] = json!(mtu);
            }
        }
        self.lab.container(container).store_result(Some(result));
        Ok(())
    }
}

/// The value of a key in each entry of a list, where it can be parsed.
fn of_each(list: &Value, key: &str) -> Vec<IpNet> {
    let entries = list.as_array().into_iter().flatten();
    entries
        .filter_map(|entry| entry[key].as_str()?.parse().ok())
        .collect()
}
