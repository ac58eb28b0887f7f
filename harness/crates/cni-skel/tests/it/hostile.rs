use proptest::prelude::*;
use serde_json::Value;

use crate::plugin::{Probe, attachment, call};

proptest! {
    /// Whatever comes in, at most one document goes out; and on failure exactly one, with its code and message.
    #[test]
    fn any_input_gets_an_answer(
        operation in "ADD|DEL|CHECK|GC|STATUS|VERSION|[a-zA-Z]{0,6}",
        id in ".{0,20}",
        ifname in ".{0,18}",
        args in ".{0,20}",
        stdin in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..64),
            r#"\{("cniVersion":("[0-9.]{0,6}"|[0-9]|null))?(,?"name":("[ -~]{0,5}"|null|\[\]))?,?"type":"x"\}"#
                .prop_map(String::into_bytes),
        ],
    ) {
        let mut env = attachment("");
        env.extend([("CNI_COMMAND", ""), ("CNI_ARGS", args.as_str())]);
        for (name, value) in &mut env {
            match *name {
                "CNI_COMMAND" => *value = &operation,
                "CNI_CONTAINERID" => *value = &id,
                "CNI_IFNAME" => *value = &ifname,
                _ => {}
            }
        }
        let answer = call(&Probe::default(), &env, &stdin);
        if answer.exit == 0 {
            prop_assert!(answer.stdout.is_empty() || answer.document().is_object());
        } else {
            let error: Value = answer.document();
            prop_assert!(error["code"].is_u64() && error["msg"].is_string() && error["cniVersion"].is_string());
        }
    }
}
