//! The plots of measurements beside distributions: bars for where time goes, curves for growth.

use std::fmt::Write;

use super::table::letter;
use crate::bench::statistics::Estimate;
use crate::report::plot::{RIGHT, ROW, SCALE, Scale, Svg, duration, escaped};

/// Where the plugins' letters end.
const LEFT: f64 = 44.0;

/// Where the time of a call goes: a bar for each plugin, all on one linear scale, divided into its parts.
pub fn attribution(title: &str, bars: &[(usize, Vec<(String, f64)>)]) -> String {
    let longest = bars
        .iter()
        .map(|(_, parts)| parts.iter().map(|(_, us)| us).sum::<f64>())
        .fold(0.0, f64::max);
    if longest <= 0.0 {
        return String::new();
    }
    let bottom = ROW * bars.len() as f64;
    let mut svg = Svg::new(title, bottom + SCALE);
    for tick in 0..=4 {
        let us = longest * f64::from(tick) / 4.0;
        let x = LEFT + (RIGHT - LEFT) * us / longest;
        svg.line("tick", (x, 0.0), (x, bottom));
        let anchor = if tick == 4 { "end" } else { "middle" };
        svg.text((x, bottom + 18.0), anchor, &duration(us));
    }
    for (row, (plugin, parts)) in bars.iter().enumerate() {
        let top = ROW * row as f64 + 6.0;
        svg.text((LEFT - 12.0, top + 17.0), "end", &letter(*plugin));
        let mut x = LEFT;
        for (name, us) in parts {
            let width = (RIGHT - LEFT) * us / longest;
            svg.raw(&format!(
                "<rect class=\"{}\" x=\"{x:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{:.1}\"><title>{}: {}</title></rect>",
                part_class(name),
                ROW - 12.0,
                escaped(name),
                duration(*us)
            ));
            x += width;
        }
    }
    svg.done()
}

/// Medians with their intervals against a number that grows, both logarithmic: straight lines are powers.
pub fn growth(title: &str, curves: &[(usize, Vec<(usize, Estimate)>)]) -> String {
    const HEIGHT: f64 = 260.0;
    let points = || curves.iter().flat_map(|(_, points)| points);
    let times = points().flat_map(|(_, p50)| [p50.low, p50.high]);
    // Nothing has no place on a logarithmic scale; one is near enough.
    let number = |n: usize| n as f64 + 1.0;
    let (Some(y), Some(x)) = (
        Scale::around(times, (HEIGHT - 10.0, 10.0)),
        Scale::around(
            points().map(|(n, _)| number(*n)),
            (LEFT + 30.0, RIGHT - 10.0),
        ),
    ) else {
        return String::new();
    };
    let mut svg = Svg::new(title, HEIGHT + SCALE);
    for tick in y.ticks() {
        svg.line("tick", (LEFT + 24.0, y.at(tick)), (RIGHT, y.at(tick)));
        svg.text((LEFT + 18.0, y.at(tick) + 4.0), "end", &duration(tick));
    }
    let mut numbers: Vec<usize> = points().map(|(n, _)| *n).collect();
    numbers.sort_unstable();
    numbers.dedup();
    for n in numbers {
        svg.text((x.at(number(n)), HEIGHT + 18.0), "middle", &n.to_string());
    }
    for (plugin, points) in curves {
        let class = plugin_class(*plugin);
        let mut path = String::new();
        for (n, p50) in points {
            let (x, middle) = (x.at(number(*n)), y.at(p50.value));
            let command = if path.is_empty() { 'M' } else { 'L' };
            // Writing to a string cannot fail.
            let _ = write!(path, "{command}{x:.1} {middle:.1} ");
            svg.line(&class, (x, y.at(p50.low)), (x, y.at(p50.high)));
            svg.raw(&format!(
                "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{middle:.1}\" r=\"3\"/>"
            ));
        }
        svg.raw(&format!("<path class=\"{class}\" d=\"{path}\"/>"));
        if let Some((n, p50)) = points.last() {
            let beside = (x.at(number(*n)) + 6.0, y.at(p50.value) - 6.0);
            svg.text(beside, "start", &letter(*plugin));
        }
    }
    svg.done()
}

/// The class by which the page colours a plugin; there are as many colours as plugins are usually compared.
pub fn plugin_class(plugin: usize) -> String {
    format!("p{}", plugin % 4)
}

/// The class by which the page colours a part of a call.
pub fn part_class(name: &str) -> &'static str {
    match name {
        "start-up" => "part-start",
        "reading" => "part-read",
        "netlink" => "part-netlink",
        "waiting" => "part-wait",
        "own work" => "part-own",
        "exit" => "part-exit",
        name if name.starts_with("delegate ") => "part-delegate",
        _ => "part-program",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_an_empty_plot() {
        assert_eq!(attribution("x", &[(0, Vec::new())]), "");
        assert_eq!(growth("x", &[]), "");
    }

    #[test]
    fn names_cannot_leave_their_place() {
        let parts = vec![("program <script>".to_owned(), 5.0)];
        let svg = attribution("a & b", &[(0, parts)]);
        assert!(svg.contains("&lt;script&gt;") && svg.contains("a &amp; b"));
    }
}
