use std::fs;
use std::path::Path;

use cni_types::{CniError, Dns};

use super::failure;

/// The settings of a resolver's configuration file.
pub(crate) fn read(path: &Path) -> Result<Dns, CniError> {
    let text = fs::read(path).map_err(|e| failure::io("read", path, &e))?;
    Ok(parse(&String::from_utf8_lossy(&text)))
}

fn parse(text: &str) -> Dns {
    let mut dns = Dns::default();
    for line in text.lines() {
        // A comment begins where a word does.
        let mut words = line
            .split_whitespace()
            .take_while(|word| !word.starts_with(['#', ';']))
            .map(str::to_owned);
        match words.next().as_deref() {
            Some("nameserver") => dns.nameservers.extend(words.next()),
            // The last line of these counts.
            Some("domain") => dns.domain = words.next().unwrap_or_default(),
            Some("search") => dns.search = words.collect(),
            Some("options") => dns.options.extend(words),
            _ => {}
        }
    }
    dns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_read_and_the_rest_is_not() {
        let dns = parse(
            "# comment\nnameserver 10.0.0.1\nnameserver fd00::1 # second\ndomain example.org\nsearch a b\nsearch c d\n;x\noptions ndots:2\nsortlist 1.2.3.4\nnameserver\n",
        );
        assert_eq!(dns.nameservers, ["10.0.0.1", "fd00::1"]);
        assert_eq!(dns.domain, "example.org");
        assert_eq!(dns.search, ["c", "d"]);
        assert_eq!(dns.options, ["ndots:2"]);
    }
}
