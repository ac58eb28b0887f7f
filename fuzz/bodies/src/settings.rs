use cnispec::internal::settings_read;

/// A `cnispec.toml` is read or refused, with the place and a way out, for every command that it can speak of.
pub fn settings(data: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(data) else {
        return false;
    };
    match settings_read(text) {
        Ok(()) => true,
        Err(message) => {
            assert!(message.contains("line "), "{message}");
            assert!(message.contains("\nhint: "), "{message}");
            false
        }
    }
}
