//! What a plugin publishes about itself, and what runs cnispec elsewhere: texts made of reports and options.

mod action;
mod claim;
mod sonobuoy;
mod yaml;

pub use action::action;
pub use claim::{
    Badge, CLAIM_SCHEMA_ID, Claim, ClaimError, Columns, Implementation, Profile, Standing,
    VersionClaim,
};
pub use sonobuoy::sonobuoy;

/// The JSON schema of a claim.
pub const CLAIM_SCHEMA: &str = include_str!("../../../reports/schema/claim.v1.schema.json");
