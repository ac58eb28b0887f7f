//! The forms in which a report can be written.

use std::io::{self, Write};

use super::matrix::Matrix;
use super::model::Report;
use super::{html, junit, markdown, sarif, table_markdown, tap, write_json};

/// A form of the report for machines, or for people with more than a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The whole report, by the schema of cnispec.
    Json,
    /// JUnit's XML, which every CI system reads.
    Junit,
    /// One page without anything beside it.
    Html,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// GitHub's Markdown, short enough for a step summary.
    Markdown,
    /// The Test Anything Protocol.
    Tap,
}

impl Format {
    /// Every format.
    pub const ALL: [Format; 6] = [
        Format::Json,
        Format::Junit,
        Format::Html,
        Format::Sarif,
        Format::Markdown,
        Format::Tap,
    ];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Format::Json => "json",
            Format::Junit => "junit",
            Format::Html => "html",
            Format::Sarif => "sarif",
            Format::Markdown => "markdown",
            Format::Tap => "tap",
        }
    }

    /// The format with this name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// Writes the report in this form.
    pub fn write(self, report: &Report, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Format::Json => write_json(report, out),
            Format::Junit => junit::write(report, out),
            Format::Html => html::write(report, out),
            Format::Sarif => sarif::write(std::slice::from_ref(report), out),
            Format::Markdown => markdown::write(report, out),
            Format::Tap => tap::write(report, out),
        }
    }

    /// Writes several reports in this form.
    pub fn write_matrix(self, matrix: &Matrix, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Format::Json => write_json(matrix, out),
            Format::Junit => junit::write_matrix(matrix, out),
            Format::Html => html::write_matrix(matrix, out),
            Format::Sarif => sarif::write(&matrix.reports, out),
            Format::Markdown => table_markdown::write(matrix, out),
            Format::Tap => tap::write_matrix(matrix, out),
        }
    }
}
