//! The report as one page that needs nothing beside it.

use std::io::{self, Write};

use super::svg;
use super::table;
use crate::bench::gate::{Verdict, milliseconds};
use crate::bench::server::MeasuredOperation;
use crate::bench::{BenchReport, GrowthPoint, Series};
use crate::report::plot::{self, Row, escaped};

/// The style of reports, and what this page has beside it.
const STYLE: &str = concat!(
    include_str!("../../../templates/report/style.css"),
    include_str!("../../../templates/bench/style.css")
);

/// Writes the page.
pub fn write(report: &BenchReport, out: &mut dyn Write) -> io::Result<()> {
    head(report, out)?;
    limits(report, out)?;
    writeln!(
        out,
        "<h2>Times</h2><p>From spawn to exit: what a runtime waits for. A dot is one call, the box holds the middle \
         half, the line is the median, the whiskers reach from 5 to 95 %.</p>"
    )?;
    for operation in table::operations(report) {
        times(report, operation, out)?;
    }
    attribution(report, out)?;
    growth(report, out)?;
    contention(report, out)?;
    remarks(report, out)?;
    let tool = &report.tool;
    writeln!(
        out,
        "<footer>{} {}, {}</footer></body></html>",
        escaped(&tool.name),
        escaped(&tool.version),
        escaped(&report.schema)
    )
}

fn head(report: &BenchReport, out: &mut dyn Write) -> io::Result<()> {
    let names = report.plugins.iter();
    let names: Vec<String> = names
        .map(|plugin| escaped(&plugin.subject.plugin_type))
        .collect();
    writeln!(
        out,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>Speed of {names} – cnispec</title><style>{STYLE}</style></head><body>\
         <h1>Speed of {names}</h1><dl class=\"facts\">",
        names = names.join(" and ")
    )?;
    for (index, plugin) in report.plugins.iter().enumerate() {
        writeln!(
            out,
            "<div><dt class=\"{}\">{}</dt><dd><code>{}</code> in <code>{}</code></dd></div>",
            svg::plugin_class(index),
            table::letter(index),
            escaped(&plugin.subject.path),
            escaped(&plugin.config)
        )?;
    }
    writeln!(
        out,
        "<div><dt>rounds</dt><dd>{} after {} to warm up, interleaved, in version {}</dd></div>\
         <div><dt>machine</dt><dd>{}</dd></div></dl>",
        report.rounds,
        report.warm_up,
        report.spec_version,
        escaped(&table::machine(report))
    )?;
    report.noise.iter().try_for_each(|reason| {
        writeln!(
            out,
            "<p class=\"noise\"><strong>Noisy:</strong> {}. Compare only what ran side by side.</p>",
            escaped(reason)
        )
    })
}

fn limits(report: &BenchReport, out: &mut dyn Write) -> io::Result<()> {
    let gates = table::gates(report);
    if gates.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "<h2>Limits</h2><table><thead><tr><th>limit<th>verdict<th>found</thead>"
    )?;
    for (limit, verdict, found) in gates {
        let class = match verdict {
            Verdict::Kept => "pass",
            Verdict::Exceeded => "fail",
            Verdict::Unknown => "inconclusive",
        };
        writeln!(
            out,
            "<tr><td>{}<td><span class=\"badge {class}\">{}</span><td>{}",
            escaped(&limit),
            table::word(verdict),
            escaped(&found)
        )?;
    }
    writeln!(out, "</table>")
}

fn times(
    report: &BenchReport,
    operation: MeasuredOperation,
    out: &mut dyn Write,
) -> io::Result<()> {
    let title = table::title(operation);
    writeln!(out, "<section><h3>{title}</h3>")?;
    for ratio in table::ratios(report, operation) {
        writeln!(out, "<p class=\"sentence\">{}</p>", escaped(&ratio))?;
    }
    let names: Vec<(String, String)> = (0..report.plugins.len())
        .map(|index| (table::letter(index), svg::plugin_class(index)))
        .collect();
    let series: Vec<Row<'_>> = names
        .iter()
        .zip(&report.plugins)
        .filter_map(|((name, class), plugin)| {
            let samples = plugin.figures(operation)?.times.counted();
            Some(Row {
                name,
                class,
                samples,
            })
        })
        .collect();
    figure(&plot::distribution(title, &series, true), out)?;
    rows(&table::TIMES, &table::times(report, operation), out)?;
    rows(&table::COSTS, &table::costs(report, operation), out)?;
    writeln!(out, "</section>")
}

fn attribution(report: &BenchReport, out: &mut dyn Write) -> io::Result<()> {
    let plugins = report.plugins.iter().enumerate();
    let bars: Vec<(usize, Vec<(String, f64)>)> = plugins
        .map(|(index, plugin)| {
            let parts = table::parts(plugin).into_iter();
            (index, parts.map(|(name, us, _)| (name, us)).collect())
        })
        .collect();
    let plot = svg::attribution("where the time of an ADD goes", &bars);
    if plot.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "<h2>Where the time of an ADD goes</h2><p>Divided by a traced run, and scaled to the median of those \
         that were not traced.</p>"
    )?;
    figure(&plot, out)?;
    for (index, plugin) in report.plugins.iter().enumerate() {
        let parts = table::parts(plugin);
        let items = parts.iter().map(|(name, us, share)| {
            format!(
                "<li><span class=\"swatch {}\"></span>{} {} ({:.0} %)</li>",
                svg::part_class(name),
                escaped(name),
                milliseconds(*us),
                share * 100.0
            )
        });
        writeln!(
            out,
            "<ul class=\"legend\"><li><strong class=\"{}\">{}</strong></li>{}</ul>",
            svg::plugin_class(index),
            table::letter(index),
            items.collect::<String>()
        )?;
        let bare = plugin.link_deletion.as_ref();
        if let Some(bare) = bare.and_then(|series| series.distribution) {
            writeln!(
                out,
                "<p class=\"note\">Beside {}'s DEL: the kernel alone deletes a bare link in {} (p50).</p>",
                table::letter(index),
                milliseconds(bare.p50.value)
            )?;
        }
    }
    Ok(())
}

fn growth(report: &BenchReport, out: &mut dyn Write) -> io::Result<()> {
    let grown = || {
        let plugins = report.plugins.iter().enumerate();
        plugins.filter_map(|(index, plugin)| Some((index, plugin.growth.as_ref()?)))
    };
    if grown().next().is_none() {
        return Ok(());
    }
    writeln!(out, "<h2>With other attachments</h2>")?;
    for (index, growth) in grown() {
        writeln!(
            out,
            "<p class=\"sentence\">{}: {}.</p>",
            table::letter(index),
            escaped(&table::growth(growth))
        )?;
    }
    let curves = |of: fn(&GrowthPoint) -> &Series| -> Vec<_> {
        grown()
            .map(|(index, growth)| {
                let medians = growth
                    .points
                    .iter()
                    .filter_map(|point| Some((point.attachments, of(point).distribution?.p50)));
                (index, medians.collect::<Vec<_>>())
            })
            .collect()
    };
    for (title, curves) in [
        (
            "ADD against attachments that are there",
            curves(|point| &point.add),
        ),
        (
            "DEL against attachments that are there",
            curves(|point| &point.del),
        ),
    ] {
        writeln!(out, "<h3>{title}</h3>")?;
        figure(&svg::growth(title, &curves), out)?;
    }
    Ok(())
}

fn contention(report: &BenchReport, out: &mut dyn Write) -> io::Result<()> {
    let plugins = report.plugins.iter().enumerate();
    for (index, plugin) in plugins.filter(|(_, plugin)| !plugin.contention.is_empty()) {
        writeln!(out, "<h2>{}, several at once</h2>", table::letter(index))?;
        let mut heads = table::TIMES;
        heads[0] = "at once";
        let cells = plugin.contention.iter().flat_map(|row| {
            [("ADD", &row.add), ("DEL", &row.del)].map(|(name, series)| {
                let mut cells = vec![format!("{} {name}", row.parallel)];
                cells.extend(table::of_series(series));
                cells
            })
        });
        rows(&heads, &cells.collect::<Vec<_>>(), out)?;
        for failure in plugin
            .contention
            .iter()
            .filter_map(table::contention_failures)
        {
            writeln!(out, "<p class=\"fail\">{}</p>", escaped(&failure))?;
        }
    }
    Ok(())
}

fn remarks(report: &BenchReport, out: &mut dyn Write) -> io::Result<()> {
    let remarks = table::remarks(report);
    if remarks.is_empty() {
        return Ok(());
    }
    writeln!(out, "<h2>Remarks</h2><ul>")?;
    for remark in remarks {
        writeln!(out, "<li>{}</li>", escaped(&remark))?;
    }
    writeln!(out, "</ul>")
}

fn figure(plot: &str, out: &mut dyn Write) -> io::Result<()> {
    if plot.is_empty() {
        return Ok(());
    }
    writeln!(out, "<figure class=\"scroll\">{plot}</figure>")
}

fn rows(heads: &[&str], rows: &[Vec<String>], out: &mut dyn Write) -> io::Result<()> {
    write!(out, "<div class=\"scroll\"><table><thead><tr>")?;
    for (column, head) in heads.iter().enumerate() {
        let class = if column == 0 { "" } else { " class=\"number\"" };
        write!(out, "<th{class}>{}", escaped(head))?;
    }
    write!(out, "</thead>")?;
    for row in rows {
        write!(out, "<tr>")?;
        for (column, cell) in row.iter().enumerate() {
            let class = if column == 0 { "" } else { " class=\"number\"" };
            write!(out, "<td{class}>{}", escaped(cell))?;
        }
    }
    writeln!(out, "</table></div>")
}
