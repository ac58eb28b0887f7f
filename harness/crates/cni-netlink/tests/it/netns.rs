//! Namespaces.

use std::fs;

use cni_netlink::netns::NetNs;
use cni_netlink::{Error, Socket};
use trials::test;

use crate::support::in_throwaway;

#[test(Root)]
fn a_named_namespace_lives_as_long_as_its_name() {
    in_throwaway(|| {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("deep/netns");
        let made = NetNs::create_at(&path).unwrap();
        let opened = NetNs::open(&path).unwrap();
        assert!(opened.same_as(&made).unwrap());
        assert!(!opened.same_as(&NetNs::current().unwrap()).unwrap());
        let names: Vec<_> = opened
            .enter(|| Socket::open().unwrap().links().unwrap())
            .unwrap()
            .into_iter()
            .map(|link| link.name)
            .collect();
        assert!(names.contains(&"lo".to_owned()));
        assert!(matches!(NetNs::create_at(&path), Err(error) if error.is_exists()));
        NetNs::delete_at(&path).unwrap();
        assert!(NetNs::open(&path).unwrap_err().is_not_found());
        assert!(NetNs::delete_at(&path).unwrap_err().is_not_found());
    });
}

#[test(Root)]
fn what_is_no_network_namespace_is_told_apart() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("stale");
    fs::write(&file, "").unwrap();
    for path in [
        file.as_path(),
        directory.path(),
        "/proc/self/ns/uts".as_ref(),
        "/dev/null".as_ref(),
    ] {
        let error = NetNs::open(path).unwrap_err();
        assert!(
            matches!(error, Error::NotANamespace { .. }),
            "{}: {error}",
            path.display()
        );
    }
    assert!(
        NetNs::open(directory.path().join("none"))
            .unwrap_err()
            .is_not_found()
    );
    in_throwaway(|| {
        NetNs::delete_at(&file).unwrap();
        assert!(!file.exists());
    });
}

#[test(Root)]
fn the_thread_comes_back_even_from_a_panic() {
    in_throwaway(|| {
        let before = NetNs::current().unwrap();
        let other = NetNs::create_anonymous().unwrap();
        let panic = std::panic::catch_unwind(|| {
            other.enter(|| std::panic::resume_unwind(Box::new("on purpose")))
        });
        assert!(panic.is_err());
        assert!(NetNs::current().unwrap().same_as(&before).unwrap());
    });
}

#[test(Root)]
fn a_socket_stays_where_it_was_opened() {
    in_throwaway(|| {
        let other = NetNs::create_anonymous().unwrap();
        let inside = other.enter(Socket::open).unwrap().unwrap();
        inside
            .create_link("br0", cni_netlink::LinkKind::Bridge)
            .unwrap();
        assert!(inside.link("br0").is_ok());
        assert!(
            Socket::open()
                .unwrap()
                .link("br0")
                .unwrap_err()
                .is_not_found()
        );
    });
}
