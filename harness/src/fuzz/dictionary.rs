//! Words that a plugin may know: those of the field, those of its own binary, those of its messages.

use std::collections::BTreeSet;

use super::tree::Tree;

/// Keys of configurations, results and errors, in the SPEC, its conventions and well-known plugins.
const KEYS: &[&str] = &[
    "cniVersion",
    "cniVersions",
    "name",
    "type",
    "plugins",
    "disableCheck",
    "disableGC",
    "capabilities",
    "runtimeConfig",
    "args",
    "cni",
    "ips",
    "ipMasq",
    "ipMasqBackend",
    "ipam",
    "dns",
    "nameservers",
    "domain",
    "search",
    "options",
    "prevResult",
    "interfaces",
    "interface",
    "mac",
    "mtu",
    "sandbox",
    "socketPath",
    "pciID",
    "address",
    "gateway",
    "version",
    "routes",
    "dst",
    "gw",
    "advmss",
    "priority",
    "table",
    "scope",
    "ip4",
    "ip6",
    "ip",
    "subnet",
    "rangeStart",
    "rangeEnd",
    "ranges",
    "ipRanges",
    "dataDir",
    "resolvConf",
    "addresses",
    "bridge",
    "isGateway",
    "isDefaultGateway",
    "forceAddress",
    "hairpinMode",
    "promiscMode",
    "vlan",
    "vlanTrunk",
    "minID",
    "maxID",
    "id",
    "preserveDefaultVlan",
    "macspoofchk",
    "enabledad",
    "uplinkInterface",
    "master",
    "mode",
    "vlanId",
    "linkInContainer",
    "device",
    "hwaddr",
    "kernelpath",
    "pciBusID",
    "portMappings",
    "hostPort",
    "containerPort",
    "protocol",
    "hostIP",
    "snat",
    "masqAll",
    "markMasqBit",
    "conditionsV4",
    "conditionsV6",
    "externalSetMarkChain",
    "backend",
    "bandwidth",
    "ingressRate",
    "ingressBurst",
    "egressRate",
    "egressBurst",
    "sysctl",
    "promisc",
    "allmulti",
    "txQLen",
    "firewalld",
    "firewalldZone",
    "iptablesAdminChainName",
    "ingressPolicy",
    "vrfname",
    "bcqueuelen",
    "daemonSocketPath",
    "request",
    "provide",
    "skipDefault",
    "infinibandGUID",
    "aliases",
    "cni.dev/attachments",
    "cni.dev/valid-attachments",
    "containerID",
    "ifname",
];

/// The words of one run.
#[derive(Debug, Clone)]
pub struct Dictionary {
    keys: Vec<String>,
    words: Vec<String>,
    known: BTreeSet<String>,
}

/// The most words that are taken from messages: a plugin that repeats its input teaches nothing.
const MOST_LEARNED: usize = 512;

impl Dictionary {
    /// The words of the field, and those that the plugin's binary names as keys.
    pub fn new(binary: &[u8]) -> Self {
        let mut dictionary = Self {
            keys: Vec::new(),
            words: Vec::new(),
            known: BTreeSet::new(),
        };
        for key in KEYS.iter().copied().chain(keys_of_go(binary)) {
            if dictionary.known.insert(key.to_owned()) {
                dictionary.keys.push(key.to_owned());
            }
        }
        dictionary
    }

    /// Takes up the words that a message quotes: they are often the keys and values that it wants.
    pub fn learn(&mut self, message: &str) {
        for word in quoted_words(message)
            .into_iter()
            .chain(plain_words(message))
        {
            if self.words.len() < MOST_LEARNED && self.known.insert(word.to_owned()) {
                self.words.push(word.to_owned());
            }
        }
    }

    /// A key.
    pub fn key(&self, rng: &mut fastrand::Rng) -> String {
        match rng.u8(..3) {
            0 if !self.words.is_empty() => self.words[rng.usize(..self.words.len())].clone(),
            _ => self.keys[rng.usize(..self.keys.len())].clone(),
        }
    }

    /// A word of the plugin's messages as a value, if it has said any: text, or the number that it is.
    pub fn word(&self, rng: &mut fastrand::Rng) -> Option<Tree> {
        let word = self.words.get(rng.usize(..self.words.len().max(1)))?;
        let is_number = word.parse::<i64>().is_ok();
        Some(match is_number && rng.bool() {
            true => Tree::number(word),
            false => Tree::text(word.as_str()),
        })
    }
}

/// The keys in struct tags of Go, as in `json:"subnet,omitempty"`.
fn keys_of_go(binary: &[u8]) -> Vec<&str> {
    const TAG: &[u8] = b"json:\"";
    let mut keys = Vec::new();
    let mut rest = binary;
    while let Some(at) = rest.windows(TAG.len()).position(|window| window == TAG) {
        rest = &rest[at + TAG.len()..];
        let end = rest
            .iter()
            .take(64)
            .position(|byte| !(byte.is_ascii_alphanumeric() || b"-_./".contains(byte)));
        if let Some(key) = end.and_then(|end| std::str::from_utf8(&rest[..end]).ok())
            && key.len() > 1
        {
            keys.push(key);
        }
    }
    keys
}

/// Words in quotes or backticks: the subject of a message.
pub fn quoted_words(message: &str) -> Vec<&str> {
    let quotes = ['`', '"', '\''];
    let between = quotes.iter().flat_map(|quote| {
        let parts = message.split(*quote);
        parts.skip(1).step_by(2).collect::<Vec<_>>()
    });
    let mut words: Vec<&str> = between.filter(is_word).collect();
    words.dedup();
    words.truncate(12);
    words
}

/// Every word, in quotes or not.
pub fn plain_words(message: &str) -> impl Iterator<Item = &str> {
    message
        .split(|c: char| !(c.is_ascii_alphanumeric() || "-_./".contains(c)))
        .filter(|word| word.len() >= 2 && word.len() <= 24)
}

fn is_word(word: &&str) -> bool {
    (1..=40).contains(&word.len()) && !word.contains(|c: char| c.is_whitespace() || c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_tells_its_keys() {
        let binary = b"\x00json:\"isGateway\"\x01json:\"mtu,omitempty\" json:\"-\"";
        assert_eq!(keys_of_go(binary), ["isGateway", "mtu"]);
    }

    #[test]
    fn messages_teach_words() {
        let mut dictionary = Dictionary::new(b"");
        dictionary.learn("unknown variant `x`, expected one of `turbo`, `eco-2`");
        let learned = |word: &str| dictionary.words.iter().any(|known| known == word);
        assert!(learned("turbo") && learned("eco-2") && learned("expected"));
    }
}
