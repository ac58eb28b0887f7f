use cni_skel::{Call, GcCall, Network, Plugin, run};
use cni_types::{AddResult, CniError, IpConfig, Version};
use serde_json::Value;

/// A plugin that reads everything and does nothing.
struct Reader;

impl Reader {
    fn read(network: &Network<'_>) -> Result<(), CniError> {
        network.prev_result()?;
        network
            .config
            .dns()
            .map_err(|error| CniError::invalid_config(error.to_string()))?;
        Ok(())
    }
}

impl Plugin for Reader {
    const NAME: &'static str = "reader";

    fn supported_versions(&self) -> &[Version] {
        &Version::ALL
    }

    fn add(&self, call: &Call<'_>) -> Result<AddResult, CniError> {
        Self::read(&call.network)?;
        let previous = call.network.prev_result()?;
        let address = "10.0.0.2/24".parse().unwrap();
        Ok(previous.unwrap_or_else(|| {
            let mut result = AddResult::default();
            result.ips = vec![IpConfig::new(address, None)];
            result
        }))
    }

    fn check(&self, call: &Call<'_>) -> Result<(), CniError> {
        Self::read(&call.network)
    }

    fn del(&self, call: &Call<'_>) -> Result<(), CniError> {
        Self::read(&call.network)
    }

    fn gc(&self, call: &GcCall<'_>) -> Result<(), CniError> {
        Self::read(&call.network)
    }

    fn status(&self, network: &Network<'_>) -> Result<(), CniError> {
        Self::read(network)
    }
}

const COMMANDS: [&str; 7] = ["ADD", "DEL", "CHECK", "GC", "STATUS", "VERSION", ""];

/// Whatever a plugin is given: its exit status, and one document or nothing, are what section 5 asks for.
pub fn dispatch(data: &[u8]) -> bool {
    for command in COMMANDS {
        let env = vec![
            ("CNI_COMMAND", command),
            ("CNI_CONTAINERID", "c"),
            ("CNI_NETNS", "/nonexistent"),
            ("CNI_NETNS_OVERRIDE", "1"),
            ("CNI_IFNAME", "eth0"),
            ("CNI_PATH", "/nonexistent"),
        ];
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let exit = run(&Reader, &env, data, &mut stdout, &mut stderr);
        let says_something = exit != 0 || ["ADD", "VERSION"].contains(&command);
        if !says_something {
            assert_eq!(stdout, b"", "{command}");
            continue;
        }
        let document: Value = serde_json::from_slice(&stdout).unwrap();
        assert!(document["cniVersion"].is_string(), "{command}: {document}");
        if exit != 0 {
            let code = document["code"].as_u64().unwrap();
            assert!(
                code > 0 && document["msg"].is_string(),
                "{command}: {document}"
            );
            assert_ne!(
                code,
                u64::from(cni_skel::code::INTERNAL),
                "{command}: {document}"
            );
        }
    }
    true
}
