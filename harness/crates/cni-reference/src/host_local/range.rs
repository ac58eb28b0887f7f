//! Ranges of addresses, and sets of them: each attachment gets one address of every set.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use serde::Deserialize;

/// A range as the configuration has it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct RangeConfig {
    subnet: IpNet,
    #[serde(rename = "rangeStart", default)]
    start: Option<IpAddr>,
    #[serde(rename = "rangeEnd", default)]
    end: Option<IpAddr>,
    #[serde(default)]
    gateway: Option<IpAddr>,
}

/// Consecutive addresses of one subnet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) subnet: IpNet,
    pub(crate) gateway: IpAddr,
    /// The first and the last address, as numbers.
    first: u128,
    last: u128,
}

/// Ranges of one family that stand in for each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RangeSet(Vec<Range>);

impl TryFrom<RangeConfig> for Range {
    type Error = String;

    fn try_from(config: RangeConfig) -> Result<Self, String> {
        let subnet = config.subnet;
        if subnet.addr() != subnet.network() {
            return Err(format!(
                "{subnet} has bits beyond its prefix; hint: the subnet is {}",
                subnet.trunc()
            ));
        }
        let host_bits = subnet.max_prefix_len() - subnet.prefix_len();
        if host_bits < 2 {
            return Err(format!(
                "{subnet} is too small for a gateway and an address"
            ));
        }
        let family = subnet.addr();
        let base = number(family);
        let size = 1u128
            .checked_shl(host_bits.into())
            .map_or(u128::MAX, |size| size - 1);
        // IPv4's last address is for broadcast.
        let usable = (base + 1)..=(base + size - u128::from(family.is_ipv4()));
        let bound = |given: Option<IpAddr>, name: &str, otherwise: u128| match given {
            None => Ok(otherwise),
            Some(address) if same_family(address, family) && usable.contains(&number(address)) => {
                Ok(number(address))
            }
            Some(address) => Err(format!(
                "`{name}` {address} is no usable address of {subnet}"
            )),
        };
        let first = bound(config.start, "rangeStart", *usable.start())?;
        let last = bound(config.end, "rangeEnd", *usable.end())?;
        if first > last {
            return Err(format!("`rangeStart` is behind `rangeEnd` in {subnet}"));
        }
        let gateway = config.gateway.unwrap_or_else(|| address(base + 1, family));
        if !same_family(gateway, family) {
            return Err(format!(
                "`gateway` {gateway} is of another family than {subnet}"
            ));
        }
        Ok(Self {
            subnet,
            gateway,
            first,
            last,
        })
    }
}

impl Range {
    /// True if the range may assign the address.
    fn offers(&self, candidate: IpAddr) -> bool {
        same_family(candidate, self.subnet.addr())
            && (self.first..=self.last).contains(&number(candidate))
            && candidate != self.gateway
    }

    fn overlaps(&self, other: &Range) -> bool {
        same_family(self.subnet.addr(), other.subnet.addr())
            && self.first <= other.last
            && other.first <= self.last
    }

    /// How many addresses it can hand out.
    fn capacity(&self) -> u128 {
        let gateway_inside = (self.first..=self.last).contains(&number(self.gateway));
        (self.last - self.first).saturating_add(1) - u128::from(gateway_inside)
    }
}

impl RangeSet {
    /// A set of at least one range; all are of one family, and none overlaps another.
    pub(crate) fn new(ranges: Vec<Range>) -> Result<Self, String> {
        let first = ranges.first().ok_or("a range set is empty")?;
        if ranges
            .iter()
            .any(|range| !same_family(range.subnet.addr(), first.subnet.addr()))
        {
            return Err("a range set mixes IPv4 and IPv6".to_owned());
        }
        for (index, range) in ranges.iter().enumerate() {
            if let Some(other) = ranges[..index].iter().find(|other| other.overlaps(range)) {
                return Err(format!(
                    "ranges overlap in {} and {}",
                    other.subnet, range.subnet
                ));
            }
        }
        Ok(Self(ranges))
    }

    /// True if the sets overlap.
    pub(crate) fn overlaps(&self, other: &RangeSet) -> bool {
        self.0
            .iter()
            .any(|range| other.0.iter().any(|other| range.overlaps(other)))
    }

    /// True if its addresses are of IPv4.
    pub(crate) fn is_ipv4(&self) -> bool {
        self.0.iter().all(|range| range.subnet.addr().is_ipv4())
    }

    /// The range that may hand the address out.
    pub(crate) fn range_of(&self, candidate: IpAddr) -> Option<&Range> {
        self.0.iter().find(|range| range.offers(candidate))
    }

    /// How many addresses it can hand out.
    pub(crate) fn capacity(&self) -> u128 {
        self.0
            .iter()
            .map(Range::capacity)
            .fold(0, u128::saturating_add)
    }

    /// Every address that it can hand out, once, beginning behind `last`.
    pub(crate) fn candidates(
        &self,
        last: Option<IpAddr>,
    ) -> impl Iterator<Item = (IpAddr, &Range)> {
        let ranges = &self.0;
        let holds = |range: &Range, last: IpAddr| {
            same_family(last, range.subnet.addr())
                && (range.first..=range.last).contains(&number(last))
        };
        let position = last.and_then(|last| {
            let index = ranges.iter().position(|range| holds(range, last))?;
            Some((index, number(last)))
        });
        // Behind the last one in its range, then the other ranges, then that range up to the last one.
        let (start, split) = position.unwrap_or((0, ranges[0].last));
        let behind = segment(&ranges[start], split.saturating_add(1), ranges[start].last);
        let others = (1..ranges.len()).flat_map(move |step| {
            let range = &ranges[(start + step) % ranges.len()];
            segment(range, range.first, range.last)
        });
        let before = segment(&ranges[start], ranges[start].first, split);
        let (first, second) = if position.is_some() {
            (None, Some(before))
        } else {
            (Some(before), None)
        };
        first
            .into_iter()
            .flatten()
            .chain(behind)
            .chain(others)
            .chain(second.into_iter().flatten())
    }
}

impl fmt::Display for RangeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, range) in self.0.iter().enumerate() {
            let family = range.subnet.addr();
            let separator = if index == 0 { "" } else { ", " };
            write!(
                f,
                "{separator}{}-{}",
                address(range.first, family),
                address(range.last, family)
            )?;
        }
        Ok(())
    }
}

fn segment(range: &Range, first: u128, last: u128) -> impl Iterator<Item = (IpAddr, &Range)> {
    let family = range.subnet.addr();
    let candidates = (first..=last).map(move |number| address(number, family));
    candidates
        .filter(|candidate| *candidate != range.gateway)
        .map(move |candidate| (candidate, range))
}

fn same_family(one: IpAddr, other: IpAddr) -> bool {
    one.is_ipv4() == other.is_ipv4()
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    }
}

fn address(number: u128, family: IpAddr) -> IpAddr {
    match family {
        // The number is an address of this family, so nothing is cut off.
        IpAddr::V4(_) => Ipv4Addr::from(u32::try_from(number).unwrap_or(u32::MAX)).into(),
        IpAddr::V6(_) => Ipv6Addr::from(number).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    fn range(json: serde_json::Value) -> Result<Range, String> {
        let config: RangeConfig = serde_json::from_value(json).map_err(|e| e.to_string())?;
        Range::try_from(config)
    }

    fn all(set: &RangeSet, last: Option<&str>) -> Vec<String> {
        let last = last.map(|text| text.parse().unwrap());
        set.candidates(last)
            .map(|(address, _)| address.to_string())
            .collect()
    }

    #[test]
    fn a_subnet_offers_all_but_network_gateway_and_broadcast() {
        let set = RangeSet::new(vec![
            range(serde_json::json!({"subnet": "10.0.0.0/29"})).unwrap(),
        ])
        .unwrap();
        assert_eq!(
            all(&set, None),
            ["10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"]
        );
        assert_eq!(set.capacity(), 5);
        let set = RangeSet::new(vec![
            range(serde_json::json!({"subnet": "fd00::/126"})).unwrap(),
        ])
        .unwrap();
        assert_eq!(all(&set, None), ["fd00::2", "fd00::3"]);
    }

    #[test]
    fn the_search_begins_behind_the_last_one_and_goes_round() {
        let ranges = [
            serde_json::json!({"subnet": "10.0.0.0/24", "rangeStart": "10.0.0.5", "rangeEnd": "10.0.0.7"}),
            serde_json::json!({"subnet": "10.1.0.0/24", "rangeStart": "10.1.0.8", "rangeEnd": "10.1.0.9"}),
        ];
        let set = RangeSet::new(
            ranges
                .into_iter()
                .map(|json| range(json).unwrap())
                .collect(),
        )
        .unwrap();
        assert_eq!(
            all(&set, Some("10.0.0.6")),
            ["10.0.0.7", "10.1.0.8", "10.1.0.9", "10.0.0.5", "10.0.0.6"]
        );
        assert_eq!(
            all(&set, Some("10.1.0.9")),
            ["10.0.0.5", "10.0.0.6", "10.0.0.7", "10.1.0.8", "10.1.0.9"]
        );
        assert_eq!(all(&set, Some("10.9.0.1")).len(), 5);
    }

    #[test]
    fn unusable_ranges_are_refused() {
        for json in [
            serde_json::json!({"subnet": "10.0.0.1/24"}),
            serde_json::json!({"subnet": "10.0.0.0/31"}),
            serde_json::json!({"subnet": "10.0.0.0/24", "rangeStart": "10.0.1.1"}),
            serde_json::json!({"subnet": "10.0.0.0/24", "rangeEnd": "10.0.0.255"}),
            serde_json::json!({"subnet": "10.0.0.0/24", "rangeStart": "10.0.0.9", "rangeEnd": "10.0.0.8"}),
            serde_json::json!({"subnet": "10.0.0.0/24", "gateway": "fd00::1"}),
            serde_json::json!({"subnet": "fd00::/64", "rangeStart": "10.0.0.9"}),
            serde_json::json!({"rangeStart": "10.0.0.9"}),
        ] {
            assert!(range(json.clone()).is_err(), "{json}");
        }
    }

    #[test]
    fn the_largest_subnets_are_no_special_case() {
        for subnet in ["0.0.0.0/0", "::/0"] {
            let set =
                RangeSet::new(vec![range(serde_json::json!({"subnet": subnet})).unwrap()]).unwrap();
            assert!(set.candidates(None).next().is_some());
        }
    }

    proptest! {
        #[test]
        fn every_candidate_comes_once_wherever_the_search_begins(
            bits in 2u32..8, last in any::<u8>(), gateway in any::<u8>()
        ) {
            let subnet = format!("10.0.0.0/{}", 32 - bits);
            let gateway = format!("10.0.0.{gateway}");
            let set = RangeSet::new(vec![
                range(serde_json::json!({"subnet": subnet, "gateway": gateway})).unwrap(),
            ]).unwrap();
            let found = all(&set, Some(&format!("10.0.0.{last}")));
            prop_assert_eq!(found.len() as u128, set.capacity());
            prop_assert!(!found.contains(&gateway));
            prop_assert_eq!(found.iter().collect::<HashSet<_>>().len(), found.len());
        }
    }
}
