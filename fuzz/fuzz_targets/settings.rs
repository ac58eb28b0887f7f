#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    cnispec_fuzz_bodies::settings(data);
});
