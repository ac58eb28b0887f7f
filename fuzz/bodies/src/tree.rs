use cnispec::internal::Tree;

/// The fuzzer's own JSON: what is read is written and read again, and no path leads nowhere.
pub fn tree(data: &[u8]) -> bool {
    let Some(tree) = Tree::parse(data) else {
        return false;
    };
    let written = tree.render();
    assert_eq!(Tree::parse(&written), Some(tree.clone()));
    for path in tree.paths().into_iter().take(64) {
        assert!(tree.at(&path).is_some());
        let mut smaller = tree.clone();
        if smaller.remove(&path).is_some() {
            assert!(Tree::parse(&smaller.render()).is_some());
        }
    }
    true
}
