//! The store of one network, in upstream's layout: a file for each reserved address, named by the address, that holds
//! the container id and the ifname; `last_reserved_ip.N` for each range set; and `lock`.

use std::cell::RefCell;
use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use cni_types::CniError;

use super::failure;
use super::index::Index;

/// The name of a file while it is written. It is no address, so a file that a crash leaves reserves nothing.
const DRAFT: &str = ".draft";

/// With so many reservations, an index is worth its while.
const LARGE: usize = 64;

/// Whose a reservation is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) container_id: String,
    /// Stores of early versions of upstream's plugin do not have it.
    pub(crate) ifname: Option<String>,
}

impl Owner {
    pub(crate) fn new(container_id: &str, ifname: &str) -> Self {
        Self {
            container_id: container_id.to_owned(),
            ifname: Some(ifname.to_owned()),
        }
    }

    /// The owner as early versions of upstream's plugin write it.
    pub(crate) fn without_ifname(&self) -> Self {
        Self {
            ifname: None,
            ..self.clone()
        }
    }

    /// True if this owner of a reservation is that attachment. One without ifname is every attachment of its container.
    pub(crate) fn is(&self, container_id: &str, ifname: &str) -> bool {
        self.container_id == container_id && self.ifname.as_deref().is_none_or(|own| own == ifname)
    }

    /// True if a reservation of that owner is this one's.
    pub(crate) fn has(&self, other: &Owner) -> bool {
        other.is(
            &self.container_id,
            self.ifname.as_deref().unwrap_or_default(),
        )
    }

    /// `None` for what nobody has finished writing.
    fn parse(content: &[u8]) -> Option<Self> {
        let content = String::from_utf8_lossy(content);
        let mut lines = content.trim().lines();
        let container_id = lines.next()?.trim().to_owned();
        Some(Self {
            container_id,
            ifname: lines.next().map(|line| line.trim().to_owned()),
        })
    }

    fn content(&self) -> String {
        match &self.ifname {
            Some(ifname) => format!("{}\r\n{ifname}", self.container_id),
            None => self.container_id.clone(),
        }
    }

    /// The lengths in bytes that the content of a file of this owner can have: it may end in a line break, and have no
    /// ifname.
    fn may_be_of_length(&self, length: u64) -> bool {
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let shortest = self.container_id.len();
        let longest = self.content().len() + 2;
        (shortest..=longest).contains(&length)
    }
}

/// The store of one network.
#[derive(Debug)]
pub(crate) struct Store {
    directory: PathBuf,
}

/// The store while nobody else uses it.
#[derive(Debug)]
pub(crate) struct LockedStore {
    directory: PathBuf,
    /// None while the store is small, or once the index does not tell the truth.
    index: RefCell<Option<Index>>,
    /// The kernel takes the lock away when this is closed, however the process ends.
    _lock: File,
}

impl Store {
    pub(crate) fn at(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// Waits for the lock; makes the store if there is none.
    pub(crate) fn create(self) -> Result<LockedStore, CniError> {
        fs::create_dir_all(&self.directory)
            .map_err(|e| failure::io("make", &self.directory, &e))?;
        self.lock()
    }

    /// Waits for the lock; `None` if there is no store.
    pub(crate) fn open(self) -> Result<Option<LockedStore>, CniError> {
        match fs::metadata(&self.directory) {
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(failure::io("look at", &self.directory, &e)),
            Ok(_) => self.lock().map(Some),
        }
    }

    fn lock(self) -> Result<LockedStore, CniError> {
        let path = self.directory.join("lock");
        let open = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path);
        let locked = open.and_then(|file| file.lock().map(|()| file));
        let lock = locked.map_err(|e| failure::io("lock", &path, &e))?;
        // Whoever has written it is gone: nobody else writes while the lock is held. It is in nobody's way if it stays.
        let _ = fs::remove_file(self.directory.join(DRAFT));
        Ok(LockedStore {
            index: RefCell::new(Index::open(&self.directory)),
            directory: self.directory,
            _lock: lock,
        })
    }
}

impl LockedStore {
    /// Every address that has a file.
    pub(crate) fn addresses(&self) -> Result<HashSet<IpAddr>, CniError> {
        let entries = fs::read_dir(&self.directory).map_err(|e| self.unreadable(&e))?;
        let mut addresses = HashSet::new();
        for entry in entries {
            let name = entry.map_err(|e| self.unreadable(&e))?.file_name();
            // `last_reserved_ip.0`, `lock` and whatever else stands here.
            addresses.extend(name.to_str().and_then(|name| name.parse::<IpAddr>().ok()));
        }
        Ok(addresses)
    }

    /// Whose the address is; `None` where nobody's, though there may be an empty file.
    pub(crate) fn owner(&self, address: IpAddr) -> Result<Option<Owner>, CniError> {
        let path = self.file(address);
        match fs::read(&path) {
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(failure::io("read", &path, &e)),
            Ok(content) => Ok(Owner::parse(&content)),
        }
    }

    /// True if the address has a file, finished or not.
    pub(crate) fn has_file(&self, address: IpAddr) -> Result<bool, CniError> {
        let path = self.file(address);
        path.try_exists()
            .map_err(|e| failure::io("look at", &path, &e))
    }

    /// The reservations of this owner.
    pub(crate) fn reserved_for(&self, owner: &Owner) -> Result<Vec<IpAddr>, CniError> {
        let known = match &*self.index.borrow() {
            Some(index) => index.addresses_of(owner).ok(),
            None => None,
        };
        if let Some(known) = known {
            return self.confirmed(owner, known);
        }
        let all = self.addresses()?;
        if all.len() < LARGE {
            return self.confirmed(owner, all);
        }
        // Every file has to be looked into; so that this is the last time, an index is made of it.
        let mut reservations = Vec::with_capacity(all.len());
        for address in all {
            match self.owner(address)? {
                Some(owner) => reservations.push((owner, address)),
                None => self.discard(address),
            }
        }
        // Without an index, it only takes longer.
        let entries = reservations
            .iter()
            .map(|(owner, address)| (owner, *address));
        if Index::build(&self.directory, entries).is_ok() {
            *self.index.borrow_mut() = Index::open(&self.directory);
        }
        let own = reservations
            .into_iter()
            .filter(|(other, _)| owner.has(other));
        Ok(own.map(|(_, address)| address).collect())
    }

    /// Those of `addresses` that are reserved for this owner, without reading files where a length tells enough.
    fn confirmed(
        &self,
        owner: &Owner,
        addresses: impl IntoIterator<Item = IpAddr>,
    ) -> Result<Vec<IpAddr>, CniError> {
        let mut found = Vec::new();
        for address in addresses {
            let length = fs::metadata(self.file(address)).map(|metadata| metadata.len());
            match length {
                Ok(0) => self.discard(address),
                Ok(length) if owner.may_be_of_length(length) => {
                    let found_owner = self.owner(address)?;
                    found.extend(
                        found_owner
                            .filter(|other| owner.has(other))
                            .map(|_| address),
                    );
                }
                _ => {}
            }
        }
        Ok(found)
    }

    /// Frees an address whose file is empty: upstream's plugin makes the file first and writes the owner then, and this one was
    /// killed in between. While the lock is held, nobody is about to write it.
    fn discard(&self, address: IpAddr) {
        // If it stays, the address is the last to be given away.
        let _ = fs::remove_file(self.file(address));
    }

    /// Reserves an address, whoever's it was: the caller knows that it is free.
    pub(crate) fn reserve(&self, address: IpAddr, owner: &Owner) -> Result<(), CniError> {
        self.write(&self.file(address), &owner.content())?;
        self.note(|index| index.add(owner, address));
        Ok(())
    }

    /// Releases an address, if it is reserved; `owner` is whose it was.
    pub(crate) fn release(&self, address: IpAddr, owner: Option<&Owner>) -> Result<(), CniError> {
        let path = self.file(address);
        match fs::remove_file(&path) {
            Err(e) if e.kind() != ErrorKind::NotFound => {
                return Err(failure::io("remove", &path, &e));
            }
            _ => {}
        }
        if let Some(owner) = owner {
            self.note(|index| index.remove(owner, address));
        }
        Ok(())
    }

    /// Tells the index of a change. An index that cannot be told is given up: the store's change has made it void.
    fn note(&self, change: impl FnOnce(&mut Index) -> io::Result<()>) {
        let mut index = self.index.borrow_mut();
        if index.as_mut().is_some_and(|index| change(index).is_err()) {
            *index = None;
        }
    }

    /// The address of a range set that was reserved last, if that is known.
    pub(crate) fn last_reserved(&self, set: usize) -> Option<IpAddr> {
        // It is only where the search begins, so nothing is lost with it.
        fs::read_to_string(self.last_reserved_file(set))
            .ok()?
            .trim()
            .parse()
            .ok()
    }

    /// Remembers the address of a range set that was reserved last.
    pub(crate) fn set_last_reserved(&self, set: usize, address: IpAddr) -> Result<(), CniError> {
        self.write(&self.last_reserved_file(set), &address.to_string())
    }

    /// Writes a file whole or not at all.
    fn write(&self, path: &Path, content: &str) -> Result<(), CniError> {
        let draft = self.directory.join(DRAFT);
        let written = fs::write(&draft, content).and_then(|()| fs::rename(&draft, path));
        written.map_err(|e| {
            // On a disk that is full, it takes what little room there is.
            let _ = fs::remove_file(&draft);
            failure::io("write", path, &e)
        })
    }

    fn file(&self, address: IpAddr) -> PathBuf {
        self.directory.join(address.to_string())
    }

    fn last_reserved_file(&self, set: usize) -> PathBuf {
        self.directory.join(format!("last_reserved_ip.{set}"))
    }

    fn unreadable(&self, error: &io::Error) -> CniError {
        failure::io("list", &self.directory, error)
    }
}

impl Drop for LockedStore {
    fn drop(&mut self) {
        // A failure here leaves a void index.
        if let Some(index) = self.index.get_mut() {
            let _ = index.seal();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn owners_of_every_age_are_read() {
        let read = |content: &str| Owner::parse(content.as_bytes());
        assert_eq!(read("c1\r\neth0"), Some(Owner::new("c1", "eth0")));
        assert_eq!(read("c1\neth0\n"), Some(Owner::new("c1", "eth0")));
        assert_eq!(
            read("c1"),
            Some(Owner {
                container_id: "c1".to_owned(),
                ifname: None
            })
        );
        assert_eq!(read(" \r\n"), None);
        assert!(read("c1").unwrap().is("c1", "eth7"));
        assert!(!read("c1\r\neth0").unwrap().is("c1", "eth7"));
    }

    #[test]
    fn drafts_of_interrupted_writers_are_removed() {
        let directory = tempfile::tempdir().unwrap();
        let draft = directory.path().join(DRAFT);
        fs::write(&draft, "c1").unwrap();
        let store = Store::at(directory.path().to_owned()).create().unwrap();
        assert!(!draft.exists());
        fs::create_dir(directory.path().join("10.0.0.2")).unwrap();
        let address = "10.0.0.2".parse().unwrap();
        assert!(store.reserve(address, &Owner::new("c1", "eth0")).is_err());
        assert!(!draft.exists());
    }

    #[test]
    fn empty_reservations_of_interrupted_writers_are_freed() {
        for others in [1, LARGE as u32] {
            let directory = tempfile::tempdir().unwrap();
            let store = Store::at(directory.path().to_owned()).create().unwrap();
            for number in 0..others {
                let address = IpAddr::from((0x0a00_0100 + number).to_be_bytes());
                store.reserve(address, &Owner::new("c1", "eth0")).unwrap();
            }
            let unfinished = directory.path().join("10.0.0.2");
            fs::write(&unfinished, "").unwrap();
            let found = store.reserved_for(&Owner::new("c2", "eth0")).unwrap();
            assert!(found.is_empty());
            assert!(!unfinished.exists(), "among {others}");
            let kept = store.reserved_for(&Owner::new("c1", "eth0")).unwrap();
            assert_eq!(kept.len(), others as usize);
        }
    }

    #[test]
    fn lengths_rule_nothing_out_that_is_there() {
        let owner = Owner::new("c1", "eth0");
        for content in ["c1\r\neth0", "c1\neth0", "c1", "c1\r\neth0\r\n"] {
            assert!(owner.may_be_of_length(content.len() as u64), "{content:?}");
        }
        assert!(!owner.may_be_of_length(0));
    }
}
