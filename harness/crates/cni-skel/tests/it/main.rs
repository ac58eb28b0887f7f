//! The plugin's side of the SPEC, called as a runtime calls a plugin: environment and stdin in, one document out.

#![expect(
    clippy::unwrap_used,
    reason = "a test stops where its helpers do not find what they need"
)]

mod delegation;
mod dispatch;
mod hostile;
mod plugin;
