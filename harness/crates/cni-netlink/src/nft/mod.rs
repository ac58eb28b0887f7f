//! Masquerading, written into nftables: a table of one's own, in which every rule names its owner.

mod batch;
mod rule;

use std::time::Duration;

use ipnet::IpNet;

use crate::wire::{Message, Reply};
use crate::{Error, Result};
use batch::Nftables;

/// Traffic of one container address that leaves its network under the host's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Masquerade {
    /// The container's address as a prefix of full length.
    pub source: IpNet,
    /// The network inside which addresses stay as they are.
    pub inside: IpNet,
}

/// A rule found in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedRule {
    /// The kernel's handle of the rule.
    pub handle: u64,
    /// Whom it belongs to: the rule's comment.
    pub owner: String,
    /// The masquerading that the rule does, if it has the form that this module writes.
    pub masquerade: Option<Masquerade>,
}

/// A table of family `inet` with one `nat` chain at `postrouting`, in the namespace that was current at opening.
#[derive(Debug)]
pub struct MasqueradeTable {
    name: String,
    nftables: Nftables,
}

const CHAIN: &str = "postrouting";
const DELETE: &str = "delete masquerading rules";

/// How often a transaction is tried when others come in between.
const ATTEMPTS: u32 = 100;

/// The wait before another try; grows with every try, up to the longest.
const WAIT: Duration = Duration::from_micros(100);
const LONGEST_WAIT: Duration = Duration::from_millis(5);

/// Deletes every table of nftables, of whatever family, in the current namespace.
pub fn flush() -> Result<()> {
    let nftables = Nftables::open()?;
    nftables.commit("flush nftables", vec![batch::flush()], None)
}

impl MasqueradeTable {
    /// Opens nftables for the table `name`, which need not exist yet. [`Error::NoNftables`] if the kernel has none.
    pub fn open(name: &str) -> Result<Self> {
        Ok(Self {
            name: name.to_owned(),
            nftables: Nftables::open()?,
        })
    }

    /// Makes the owner's rules exactly these, the table and its chain included; all or nothing.
    pub fn set(&self, owner: &str, rules: &[Masquerade]) -> Result<()> {
        let owner = checked(owner)?;
        if let Some(broken) = rules
            .iter()
            .find(|rule| rule.source.addr().is_ipv4() != rule.inside.addr().is_ipv4())
        {
            let requirement = "is of the same family as its network";
            return Err(Error::Unusable {
                what: "an address",
                requirement,
                value: broken.source.to_string(),
            });
        }
        self.persist(|| {
            let old = self.rules_of(owner)?;
            let mut batch = vec![self.new_table(), self.new_chain()];
            batch.extend(old.iter().map(|rule| self.delete_rule(rule.handle)));
            batch.extend(rules.iter().map(|rule| self.new_rule(owner, rule)));
            self.nftables
                .commit("write the masquerading rules", batch, None)
        })
    }

    /// The rules of all owners; none if the table does not exist.
    pub fn rules(&self) -> Result<Vec<OwnedRule>> {
        let replies = self.nftables.dump("list the masquerading rules", || {
            batch::message(libc::NFT_MSG_GETRULE, libc::NLM_F_DUMP).text(rule::TABLE, &self.name)
        });
        match replies {
            // Kernels that do not know how to filter a dump list everything.
            Ok(replies) => Ok(replies
                .iter()
                .filter(|reply| self.holds(reply))
                .filter_map(rule::read)
                .collect()),
            Err(error) if error.is_not_found() => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// The owner's rules; none if the table does not exist.
    pub fn rules_of(&self, owner: &str) -> Result<Vec<OwnedRule>> {
        Ok(self
            .rules()?
            .into_iter()
            .filter(|rule| rule.owner == owner)
            .collect())
    }

    /// Deletes the rules of every owner that `gone` is true for, and the table with the last rule in it.
    /// Returns how many rules were deleted.
    pub fn remove(&self, gone: impl Fn(&str) -> bool) -> Result<usize> {
        self.persist(|| {
            // First of all, so that whatever happens later makes the kernel refuse to delete the table.
            let generation = self.nftables.generation()?;
            let all = self.rules()?;
            let (doomed, kept): (Vec<_>, Vec<_>) = all.iter().partition(|rule| gone(&rule.owner));
            if doomed.is_empty() {
                return Ok(0);
            }
            if kept.is_empty() && self.is_ours_alone()? {
                self.delete_table_unchanged_since(generation)?;
                return Ok(doomed.len());
            }
            let batch = doomed
                .iter()
                .map(|rule| self.delete_rule(rule.handle))
                .collect();
            self.nftables.commit(DELETE, batch, None)?;
            // Whoever kept a rule may have deleted it by now, and have left the table because of ours.
            self.persist(|| self.delete_empty_table())?;
            Ok(doomed.len())
        })
    }

    fn delete_empty_table(&self) -> Result<()> {
        let generation = self.nftables.generation()?;
        if self.rules()?.is_empty() && self.is_ours_alone()? {
            self.delete_table_unchanged_since(generation)?;
        }
        Ok(())
    }

    fn delete_table_unchanged_since(&self, generation: u32) -> Result<()> {
        const NAME: u16 = 1;
        let table = batch::change(libc::NFT_MSG_DELTABLE, 0).text(NAME, &self.name);
        self.nftables.commit(DELETE, vec![table], Some(generation))
    }

    /// Tries again as long as others come in between.
    fn persist<T>(&self, mut transaction: impl FnMut() -> Result<T>) -> Result<T> {
        const COLLISIONS: [i32; 5] = [
            libc::EAGAIN,
            libc::EBUSY,
            libc::EINTR,
            libc::ENOENT,
            libc::ERESTART,
        ];
        let mut attempt = 1;
        loop {
            match transaction() {
                Err(error)
                    if attempt < ATTEMPTS
                        && error
                            .errno()
                            .is_some_and(|errno| COLLISIONS.contains(&errno)) =>
                {
                    std::thread::sleep((WAIT * attempt).min(LONGEST_WAIT));
                    attempt += 1;
                }
                done => return done,
            }
        }
    }

    fn holds(&self, reply: &Reply) -> bool {
        let attributes = reply.attributes(batch::HEADER);
        reply.byte(0) == batch::INET && attributes.text(rule::TABLE).as_deref() == Some(&self.name)
    }

    /// Returns true if the table exists and holds only our chain.
    fn is_ours_alone(&self) -> Result<bool> {
        const NAME: u16 = 1;
        const USE: u16 = 3;
        let request =
            batch::message(libc::NFT_MSG_GETTABLE, libc::NLM_F_ACK).text(NAME, &self.name);
        match self
            .nftables
            .get("look at the table of masquerading rules", request)
        {
            Ok(table) => Ok(table.attributes(batch::HEADER).be32(USE) == Some(1)),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn new_table(&self) -> Message {
        const NAME: u16 = 1;
        const FLAGS: u16 = 2;
        batch::change(libc::NFT_MSG_NEWTABLE, libc::NLM_F_CREATE)
            .text(NAME, &self.name)
            .be32(FLAGS, 0)
    }

    fn new_chain(&self) -> Message {
        const TABLE: u16 = 1;
        const NAME: u16 = 3;
        const HOOK: u16 = 4;
        const TYPE: u16 = 7;
        const HOOK_NUMBER: u16 = 1;
        const HOOK_PRIORITY: u16 = 2;
        const POSTROUTING: u32 = 4;
        const SOURCE_NAT: u32 = 100;
        batch::change(libc::NFT_MSG_NEWCHAIN, libc::NLM_F_CREATE)
            .text(TABLE, &self.name)
            .text(NAME, CHAIN)
            .nest(HOOK, |hook| {
                hook.be32(HOOK_NUMBER, POSTROUTING)
                    .be32(HOOK_PRIORITY, SOURCE_NAT)
            })
            .text(TYPE, "nat")
    }

    fn new_rule(&self, owner: &str, masquerade: &Masquerade) -> Message {
        let message = batch::change(
            libc::NFT_MSG_NEWRULE,
            libc::NLM_F_CREATE | libc::NLM_F_APPEND,
        );
        rule::write(
            message
                .text(rule::TABLE, &self.name)
                .text(rule::CHAIN, CHAIN),
            owner,
            masquerade,
        )
    }

    fn delete_rule(&self, handle: u64) -> Message {
        batch::change(libc::NFT_MSG_DELRULE, 0)
            .text(rule::TABLE, &self.name)
            .text(rule::CHAIN, CHAIN)
            .put(rule::HANDLE, &handle.to_be_bytes())
    }
}

/// Deletes a rule of whatever table: as `family`, `table`, `chain` and `handle` of an observed rule name it.
pub fn delete_rule(family: &str, table: &str, chain: &str, handle: u64) -> Result<()> {
    let family = match family {
        "inet" => batch::INET,
        "ip" => 2,
        "arp" => 3,
        "netdev" => 5,
        "bridge" => 7,
        "ip6" => 10,
        other => {
            return Err(Error::Unusable {
                what: "the family of a rule",
                requirement: "is one of nftables'",
                value: other.to_owned(),
            });
        }
    };
    let rule = batch::change_in(family, libc::NFT_MSG_DELRULE, 0)
        .text(rule::TABLE, table)
        .text(rule::CHAIN, chain)
        .put(rule::HANDLE, &handle.to_be_bytes());
    Nftables::open()?.commit("delete a rule", vec![rule], None)
}

/// Checks that nft can print the owner as a comment and parse it again.
fn checked(owner: &str) -> Result<&str> {
    /// nft refuses longer comments, the zero byte at the end included.
    const LONGEST: usize = 127;
    let shown = |c: char| !c.is_control() && c != '"' && c != '\\';
    if (1..=LONGEST).contains(&owner.len()) && owner.chars().all(shown) {
        return Ok(owner);
    }
    let requirement = "has 1 to 127 bytes, without control characters, quotes and backslashes";
    Err(Error::Unusable {
        what: "the owner of a rule",
        requirement,
        value: owner.escape_debug().to_string(),
    })
}
