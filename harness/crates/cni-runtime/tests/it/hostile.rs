//! Plugins that answer anything.

use cni_runtime::{ExecError, Exit};
use proptest::prelude::*;
use trials::test;

use crate::json::any_json;
use crate::recorder::{Recorder, attachment, network, runtime};

/// Possible output of a plugin: JSON, almost JSON, or anything.
fn any_output() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any_json().prop_map(|document| document.to_string().into_bytes()),
        (any_json(), any::<proptest::sample::Index>()).prop_map(|(document, index)| {
            let mut text = document.to_string().into_bytes();
            text.truncate(index.index(text.len() + 1));
            text
        }),
        any::<Vec<u8>>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_answer_makes_it_panic_or_del_fail(stdout in any_output(), stderr: Vec<u8>, code in -1..3_i32) {
        let cache = tempfile::tempdir().unwrap();
        let plugins = Recorder::answering(move |call| match (code, call.operation.as_str()) {
            (0, _) | (_, "DEL") => Ok(stdout.clone()),
            _ => Err(ExecError::Failed { exit: Exit::Code(code), stdout: stdout.clone(), stderr: stderr.clone() }),
        });
        let runtime = runtime(&plugins, cache.path());
        for version in ["0.1.0", "0.4.0", "1.1.0"] {
            let (list, rt) = (network(version, &["a", "b"]), attachment("c1"));
            let _ = runtime.validate_network_list(&list);
            let added = runtime.add_network_list(&list, &rt);
            if let Err(error) = &added {
                prop_assert!(!error.to_string().is_empty());
            }
            let _ = runtime.check_network_list(&list, &rt);
            let _ = runtime.status_network_list(&list);
            let _ = runtime.gc_network_list(&list, &[]);
            prop_assert!(runtime.del_network_list(&list, &rt).is_ok());
            prop_assert!(runtime.cached_attachments(None).unwrap().is_empty());
        }
    }
}
