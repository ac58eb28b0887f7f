//! `cnispec fuzz`: gives a plugin unusual inputs, and judges every call by the catalogue.
//!
//! A [`campaign`] invents [`case`]s, which a [`pool`] of labs executes and judges on the spot
//! ([`executor`], [`oracle`]); cases that show new [`behaviour`] go into the [`corpus`] and are changed
//! further. What breaks a claim is made small ([`shrink`]) and written down ([`finding`]).

pub mod accepted_values;
pub mod attachments;
pub mod behaviour;
pub mod boundary;
pub mod campaign;
pub mod case;
pub mod corpus;
pub mod crash_site;
pub mod crashers;
pub mod dictionary;
pub mod difference;
pub mod error_feedback;
pub mod examine;
pub mod executor;
pub mod finding;
pub mod mask;
pub mod mutate;
pub mod oracle;
pub mod pool;
pub mod queue;
pub mod report;
pub mod repro;
pub mod seeds;
pub mod shrink;
pub mod tally;
pub mod tree;
pub mod values;
