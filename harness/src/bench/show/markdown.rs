//! The report as Markdown, short enough for a step summary.

use std::io::{self, Write};

use super::table;
use crate::bench::gate::milliseconds;
use crate::bench::server::MeasuredOperation;
use crate::bench::{BenchReport, Plugin, Series};
use crate::report::visible;

/// Writes the report.
pub fn write(report: &BenchReport, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "# Speed\n")?;
    for (index, plugin) in report.plugins.iter().enumerate() {
        writeln!(
            out,
            "- **{}**: {} in {}",
            table::letter(index),
            plain(&plugin.subject.path),
            plain(&plugin.config)
        )?;
    }
    writeln!(
        out,
        "\n{} rounds, version {}; {}.",
        report.rounds,
        report.spec_version,
        plain(&table::machine(report))
    )?;
    for reason in &report.noise {
        writeln!(out, "\n> **Noisy**: {}.", plain(reason))?;
    }
    gates(report, out)?;
    for operation in table::operations(report) {
        writeln!(out, "\n## {}\n", table::title(operation))?;
        rows(&table::TIMES, &table::times(report, operation), out)?;
        for ratio in table::ratios(report, operation) {
            writeln!(out, "\n{ratio}")?;
        }
    }
    writeln!(out, "\n## What an ADD costs\n")?;
    rows(
        &table::COSTS,
        &table::costs(report, MeasuredOperation::Add),
        out,
    )?;
    for (index, plugin) in report.plugins.iter().enumerate() {
        parts(index, plugin, out)?;
        growth(index, plugin, out)?;
        contention(index, plugin, out)?;
    }
    let remarks = table::remarks(report);
    if !remarks.is_empty() {
        writeln!(out, "\n## Remarks\n")?;
        remarks
            .iter()
            .try_for_each(|remark| writeln!(out, "- {}", plain(remark)))?;
    }
    Ok(())
}

fn gates(report: &BenchReport, out: &mut dyn Write) -> io::Result<()> {
    let gates = table::gates(report);
    if gates.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n## Limits\n")?;
    let cells = gates
        .into_iter()
        .map(|(limit, verdict, found)| vec![limit, table::word(verdict).to_owned(), found]);
    rows(
        &["limit", "verdict", "found"],
        &cells.collect::<Vec<_>>(),
        out,
    )
}

fn parts(index: usize, plugin: &Plugin, out: &mut dyn Write) -> io::Result<()> {
    let parts = table::parts(plugin);
    if parts.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "\n## Where the time of {}'s ADD goes\n",
        table::letter(index)
    )?;
    let cells = parts
        .into_iter()
        .map(|(name, us, share)| vec![name, milliseconds(us), format!("{:.1} %", share * 100.0)]);
    rows(&["part", "time", "share"], &cells.collect::<Vec<_>>(), out)
}

fn growth(index: usize, plugin: &Plugin, out: &mut dyn Write) -> io::Result<()> {
    let Some(growth) = &plugin.growth else {
        return Ok(());
    };
    writeln!(
        out,
        "\n## {} with other attachments\n\n{}\n",
        table::letter(index),
        table::growth(growth)
    )?;
    let cells = growth.points.iter().map(|point| {
        let median = |series: &Series| {
            let p50 = series.distribution.map(|found| found.p50.value);
            p50.map_or("–".to_owned(), milliseconds)
        };
        vec![
            point.attachments.to_string(),
            median(&point.add),
            median(&point.del),
        ]
    });
    rows(
        &["attachments", "ADD p50", "DEL p50"],
        &cells.collect::<Vec<_>>(),
        out,
    )
}

fn contention(index: usize, plugin: &Plugin, out: &mut dyn Write) -> io::Result<()> {
    if plugin.contention.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n## {}, several at once\n", table::letter(index))?;
    let mut heads = table::TIMES;
    heads[0] = "at once";
    let cells = plugin.contention.iter().flat_map(|row| {
        [("ADD", &row.add), ("DEL", &row.del)].map(|(name, series)| {
            let mut cells = vec![format!("{} {name}", row.parallel)];
            cells.extend(table::of_series(series));
            cells
        })
    });
    rows(&heads, &cells.collect::<Vec<_>>(), out)
}

fn rows(heads: &[&str], rows: &[Vec<String>], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "| {} |", heads.join(" | "))?;
    writeln!(out, "|{}", " --- |".repeat(heads.len()))?;
    for row in rows {
        let cells: Vec<String> = row.iter().map(|cell| plain(cell)).collect();
        writeln!(out, "| {} |", cells.join(" | "))?;
    }
    Ok(())
}

/// Text that Markdown shows as it is.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    for c in visible(text).chars() {
        match c {
            '<' => plain.push_str("&lt;"),
            '>' => plain.push_str("&gt;"),
            '&' => plain.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' => {
                plain.push('\\');
                plain.push(c);
            }
            c => plain.push(c),
        }
    }
    plain
}
