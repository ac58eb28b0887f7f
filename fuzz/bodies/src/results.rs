use cni_types::{AddResult, CniError, Version};
use serde_json::Value;

/// Results are read or refused in every version; what is written in a version is read back, and written
/// the same again.
pub fn results(data: &[u8]) -> bool {
    let Ok(document) = serde_json::from_slice::<Value>(data) else {
        return false;
    };
    let _ = AddResult::from_slice(data);
    if let Some(error) = CniError::from_value(&document) {
        let mut again = CniError::from_value(&error.to_value(Version::LATEST)).unwrap();
        // It is written in the version that is in use.
        again.cni_version.clone_from(&error.cni_version);
        assert_eq!(error, again);
    }
    for read_as in Version::ALL {
        let Ok(result) = AddResult::from_value_as(&document, read_as) else {
            continue;
        };
        for version in Version::ALL {
            let Ok(written) = result.to_value(version) else {
                continue;
            };
            assert_eq!(written["cniVersion"], version.to_string());
            let back = AddResult::from_value(&written).unwrap();
            assert_eq!(
                back.to_value(version).unwrap(),
                written,
                "{read_as} to {version}"
            );
        }
    }
    true
}
