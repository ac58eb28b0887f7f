//! The reservations of a network: a directory with one file for each attachment. The directory itself
//! is the lock, so that nothing lies about besides.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::scripted::call::Attachment;
use crate::scripted::error::{NO_ADDRESS, PluginError};

/// The name of a file while it is written; such a file was never finished.
const DRAFT: &str = ".draft";

/// The addresses of an attachment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// Whose they are.
    pub attachment: Attachment,
    /// The addresses.
    pub addresses: Vec<IpAddr>,
}

/// A network's reservations.
#[derive(Debug)]
pub struct Store(PathBuf);

impl Store {
    /// The store in this directory, which is made when it is needed.
    pub fn at(directory: PathBuf) -> Self {
        Self(directory)
    }

    /// Reserves what `choose` chooses, which is told all addresses that are taken. Without a lock, others come
    /// in between.
    pub fn reserve(
        &self,
        attachment: &Attachment,
        locked: bool,
        choose: impl FnOnce(&[IpAddr]) -> Result<Vec<IpAddr>, PluginError>,
    ) -> Result<Vec<IpAddr>, PluginError> {
        fs::create_dir_all(&self.0)?;
        let _lock = locked.then(|| self.lock()).transpose()?;
        let place = self.0.join(attachment.key());
        if place.exists() {
            let details = "its addresses were never released";
            return Err(PluginError::new(
                NO_ADDRESS,
                "the attachment exists already",
                details,
            ));
        }
        let chosen = choose(&self.taken()?)?;
        let reservation = Reservation {
            attachment: attachment.clone(),
            addresses: chosen,
        };
        if !locked {
            std::thread::sleep(std::time::Duration::from_millis(50));
            fs::write(&place, reservation.to_json().to_string())?;
            return Ok(reservation.addresses);
        }
        let draft = self.0.join(DRAFT);
        fs::write(&draft, reservation.to_json().to_string())?;
        fs::rename(draft, place)?;
        Ok(reservation.addresses)
    }

    /// Releases the addresses of every attachment that is `gone`.
    pub fn release(&self, gone: impl Fn(&Attachment) -> bool) -> Result<(), PluginError> {
        if !self.0.exists() {
            return Ok(());
        }
        let _lock = self.lock()?;
        for reservation in self.reservations()? {
            if gone(&reservation.attachment) {
                fs::remove_file(self.0.join(reservation.attachment.key()))?;
            }
        }
        Ok(())
    }

    /// Every reservation.
    pub fn reservations(&self) -> Result<Vec<Reservation>, PluginError> {
        let entries = match fs::read_dir(&self.0) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut reservations = Vec::new();
        for entry in entries {
            reservations.extend(read(&entry?.path())?);
        }
        Ok(reservations)
    }

    /// Every address that is reserved.
    pub fn taken(&self) -> Result<Vec<IpAddr>, PluginError> {
        let reservations = self.reservations()?.into_iter();
        Ok(reservations
            .flat_map(|reservation| reservation.addresses)
            .collect())
    }

    /// Locks the store, and removes the draft of a process that was killed while it held the lock.
    fn lock(&self) -> Result<File, PluginError> {
        let directory = File::open(&self.0)?;
        directory.lock()?;
        match fs::remove_file(self.0.join(DRAFT)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
            _ => Ok(directory),
        }
    }
}

impl Reservation {
    fn to_json(&self) -> Value {
        json!({
            "addresses": self.addresses,
            "containerID": self.attachment.container_id,
            "ifname": self.attachment.ifname,
        })
    }

    fn from_json(value: &Value) -> Option<Self> {
        let text = |key: &str| value.get(key)?.as_str().map(str::to_owned);
        let addresses = value.get("addresses")?.as_array()?;
        let addresses = addresses
            .iter()
            .map(|address| address.as_str()?.parse().ok());
        Some(Self {
            attachment: Attachment {
                container_id: text("containerID")?,
                ifname: text("ifname")?,
            },
            addresses: addresses.collect::<Option<_>>()?,
        })
    }
}

/// The reservation in a file; none where somebody else has put a file, or has just removed one.
fn read(path: &Path) -> Result<Option<Reservation>, PluginError> {
    if path.file_name().is_some_and(|name| name == DRAFT) {
        return Ok(None);
    }
    match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
        Ok(content) => {
            let value: Value = serde_json::from_slice(&content).unwrap_or_default();
            Ok(Reservation::from_json(&value))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::sync::atomic::{AtomicU8, Ordering};

    fn attachment(id: usize) -> Attachment {
        Attachment {
            container_id: format!("c{id}"),
            ifname: "eth0".to_owned(),
        }
    }

    fn lowest(taken: &[IpAddr]) -> Result<Vec<IpAddr>, PluginError> {
        let net: ipnet::IpNet = "10.0.0.0/24".parse().unwrap();
        Ok(net
            .hosts()
            .find(|address| !taken.contains(address))
            .into_iter()
            .collect())
    }

    #[test]
    fn what_is_reserved_is_found_until_it_is_released() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::at(directory.path().join("net"));
        assert_eq!(store.reservations(), Ok(Vec::new()));
        store.release(|_| true).unwrap();
        let addresses = store.reserve(&attachment(1), true, lowest).unwrap();
        assert!(store.reserve(&attachment(1), true, lowest).is_err());
        assert_eq!(store.taken(), Ok(addresses));
        store.release(|other| *other == attachment(2)).unwrap();
        assert_eq!(store.reservations().unwrap()[0].attachment, attachment(1));
        store.release(|other| *other == attachment(1)).unwrap();
        assert_eq!(
            fs::read_dir(directory.path().join("net")).unwrap().count(),
            0
        );
    }

    #[test]
    fn a_choice_that_fails_reserves_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::at(directory.path().to_owned());
        let refused = PluginError::configuration("no");
        assert_eq!(
            store.reserve(&attachment(1), true, |_| Err(refused.clone())),
            Err(refused)
        );
        assert_eq!(store.reservations(), Ok(Vec::new()));
    }

    #[test]
    fn files_that_are_no_reservations_are_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        for (name, content) in [("empty", ""), ("odd", "[1]"), (DRAFT, "{\"addr")] {
            fs::write(directory.path().join(name), content).unwrap();
        }
        let store = Store::at(directory.path().to_owned());
        store.reserve(&attachment(1), true, lowest).unwrap();
        store.release(|_| true).unwrap();
        assert!(directory.path().join("empty").exists() && directory.path().join("odd").exists());
    }

    #[test]
    fn many_at_once_get_different_addresses() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("net");
        let served = AtomicU8::new(0);
        std::thread::scope(|scope| {
            for id in 0..16 {
                let (path, served) = (path.clone(), &served);
                scope.spawn(move || {
                    Store::at(path)
                        .reserve(&attachment(id), true, lowest)
                        .unwrap();
                    served.fetch_add(1, Ordering::Relaxed);
                });
            }
        });
        let taken = Store::at(path).taken().unwrap();
        let different: BTreeSet<_> = taken.iter().collect();
        assert_eq!(
            (taken.len(), different.len(), served.into_inner()),
            (16, 16, 16)
        );
    }
}
