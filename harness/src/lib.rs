//! cnispec tells whether a CNI plugin keeps the Container Network Interface specification.
//!
//! A [`subject`] is run through [`scenario`]s by the [`engine`], which writes down a [`transcript`];
//! [`check`]s judge transcripts; [`verdict`] adds the judgements up; [`report`] shows them, and [`regression`] holds
//! them against what was before. [`mod@fuzz`] tries what no scenario does, and judges it by the same checks.

pub mod bench;
pub mod check;
pub mod cli;
pub mod cnitool;
pub mod engine;
pub mod error;
pub mod fault;
pub mod fixture;
pub mod fuzz;
pub mod kind;
pub mod label;
pub mod pattern;
pub mod publish;
pub mod regression;
pub mod report;
pub mod runner;
pub mod scenario;
pub mod scenario_id;
pub mod scripted;
pub mod subject;
pub mod transcript;
pub mod validate;
pub mod verdict;
pub mod wrapper;
