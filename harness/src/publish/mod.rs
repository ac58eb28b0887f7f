//! Documents made of reports and options: a plugin's claim, and what runs cnispec on other systems.

mod action;
mod claim;
mod sonobuoy;

pub use action::ACTION;
pub use claim::Claim;
pub use sonobuoy::sonobuoy;
