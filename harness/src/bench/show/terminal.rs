//! The report on a terminal.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::table;
use crate::bench::gate::{Verdict, milliseconds};
use crate::bench::server::MeasuredOperation;
use crate::bench::{BenchReport, Plugin};
use crate::report::visible;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const DOUBTFUL: Style = AnsiColor::Yellow.on_default();

/// How many characters an attribution's bar has.
const BAR: usize = 40;

/// Writes the report, coloured. What `out` is decides whether colours are kept.
pub fn write(report: &BenchReport, out: &mut dyn Write) -> io::Result<()> {
    header(report, out)?;
    for operation in table::operations(report) {
        times(report, operation, out)?;
    }
    costs(report, out)?;
    let plugins = || report.plugins.iter().enumerate();
    for (index, plugin) in plugins() {
        attribution(index, plugin, out)?;
    }
    for (index, plugin) in plugins() {
        growth(index, plugin, out)?;
    }
    for (index, plugin) in plugins() {
        contention(index, plugin, out)?;
    }
    for remark in table::remarks(report) {
        writeln!(out, "{DIM}{}{DIM:#}", visible(&remark))?;
    }
    gates(report, out)?;
    for reason in &report.noise {
        writeln!(
            out,
            "{DOUBTFUL}noisy{DOUBTFUL:#} {}: compare only what ran side by side",
            visible(reason)
        )?;
    }
    Ok(())
}

fn header(report: &BenchReport, out: &mut dyn Write) -> io::Result<()> {
    for (index, plugin) in report.plugins.iter().enumerate() {
        writeln!(
            out,
            "{BOLD}{}{BOLD:#}        {} {DIM}in {}{DIM:#}",
            table::letter(index),
            visible(&plugin.subject.path),
            visible(&plugin.config)
        )?;
    }
    let rounds = format!(
        "{} after {} to warm up, interleaved, version {}",
        report.rounds, report.warm_up, report.spec_version
    );
    writeln!(out, "{DIM}rounds{DIM:#}   {rounds}")?;
    writeln!(
        out,
        "{DIM}machine{DIM:#}  {}\n",
        visible(&table::machine(report))
    )
}

fn times(
    report: &BenchReport,
    operation: MeasuredOperation,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(out, "{BOLD}{}{BOLD:#}", table::title(operation))?;
    aligned(&table::TIMES, &table::times(report, operation), out)?;
    for ratio in table::ratios(report, operation) {
        writeln!(out, "  {ratio}")?;
    }
    writeln!(out)
}

fn costs(report: &BenchReport, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{BOLD}what an ADD costs{BOLD:#}")?;
    aligned(
        &table::COSTS,
        &table::costs(report, MeasuredOperation::Add),
        out,
    )?;
    writeln!(out)
}

fn attribution(index: usize, plugin: &Plugin, out: &mut dyn Write) -> io::Result<()> {
    let parts = table::parts(plugin);
    if !parts.is_empty() {
        writeln!(
            out,
            "{BOLD}where the time of {}'s ADD goes{BOLD:#} {DIM}(traced, scaled to p50){DIM:#}",
            table::letter(index)
        )?;
        let width = parts.iter().map(|(name, ..)| name.chars().count()).max();
        for (name, us, share) in &parts {
            let bar = "█".repeat((share * BAR as f64).round() as usize);
            writeln!(
                out,
                "  {:<width$} {:>9} {:>5.1} %  {DIM}{bar}{DIM:#}",
                visible(name),
                milliseconds(*us),
                share * 100.0,
                width = width.unwrap_or(0)
            )?;
        }
    }
    let bare = plugin
        .link_deletion
        .as_ref()
        .and_then(|series| series.distribution);
    if let Some(bare) = bare {
        writeln!(
            out,
            "  {DIM}beside it: the kernel deletes a bare link in {} (p50); that much of a DEL is not the plugin's{DIM:#}",
            milliseconds(bare.p50.value)
        )?;
    }
    if parts.is_empty() && bare.is_none() {
        return Ok(());
    }
    writeln!(out)
}

fn growth(index: usize, plugin: &Plugin, out: &mut dyn Write) -> io::Result<()> {
    let Some(growth) = &plugin.growth else {
        return Ok(());
    };
    writeln!(
        out,
        "{BOLD}{} with other attachments{BOLD:#} {DIM}({}){DIM:#}",
        table::letter(index),
        table::growth(growth)
    )?;
    for point in &growth.points {
        let median = |series: &crate::bench::Series| {
            let p50 = series.distribution.map(|found| found.p50.value);
            p50.map_or("–".to_owned(), milliseconds)
        };
        writeln!(
            out,
            "  {:>6}  ADD {:>9}  DEL {:>9}",
            point.attachments,
            median(&point.add),
            median(&point.del)
        )?;
    }
    writeln!(out)
}

fn contention(index: usize, plugin: &Plugin, out: &mut dyn Write) -> io::Result<()> {
    if plugin.contention.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "{BOLD}{}, several at once{BOLD:#}",
        table::letter(index)
    )?;
    let mut heads = table::TIMES;
    heads[0] = "at once";
    let rows = plugin.contention.iter().flat_map(|row| {
        [("ADD", &row.add), ("DEL", &row.del)].map(|(name, series)| {
            let mut cells = vec![format!("{} {name}", row.parallel)];
            cells.extend(table::of_series(series));
            cells
        })
    });
    aligned(&heads, &rows.collect::<Vec<_>>(), out)?;
    for failure in plugin
        .contention
        .iter()
        .filter_map(table::contention_failures)
    {
        writeln!(out, "  {}", visible(&failure))?;
    }
    writeln!(out)
}

fn gates(report: &BenchReport, out: &mut dyn Write) -> io::Result<()> {
    for (limit, verdict, found) in table::gates(report) {
        let style = match verdict {
            Verdict::Kept => GOOD,
            Verdict::Exceeded => BAD,
            Verdict::Unknown => DOUBTFUL,
        };
        writeln!(
            out,
            "{style}{}{style:#} {limit}: {}",
            table::word(verdict),
            visible(&found)
        )?;
    }
    Ok(())
}

/// Columns as wide as their widest cell; the first one to the left, numbers to the right.
fn aligned(heads: &[&str], rows: &[Vec<String>], out: &mut dyn Write) -> io::Result<()> {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        let widths = cells.map(|cell| cell.chars().count());
        widths
            .chain([heads[column].chars().count()])
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded = cells.enumerate().map(|(column, cell)| {
            let width = widths[column];
            match column {
                0 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            }
        });
        padded.collect::<Vec<_>>().join("  ")
    };
    writeln!(out, "  {DIM}{}{DIM:#}", line(&mut heads.iter().copied()))?;
    for row in rows {
        let cells = row.iter().map(|cell| visible(cell)).collect::<Vec<_>>();
        writeln!(out, "  {}", line(&mut cells.iter().map(String::as_str)))?;
    }
    Ok(())
}
