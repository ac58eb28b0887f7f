//! What a plugin publishes about itself, and what runs cnispec elsewhere: texts made of reports and options.

mod action;
mod claim;
mod sonobuoy;
mod yaml;

pub use action::action;
pub use claim::Claim;
pub use sonobuoy::sonobuoy;
