//! Plots as SVG. Colours of plugins come from the page, so that a plot is as readable in the dark and on paper.

use std::fmt::Write;

use super::table::letter;
use crate::bench::gate::milliseconds;
use crate::bench::statistics::{Estimate, percentile, sorted};
use crate::report::visible;

const WIDTH: f64 = 760.0;
const LEFT: f64 = 44.0;
const RIGHT: f64 = WIDTH - 16.0;
/// The room under a plot for the scale's figures.
const SCALE: f64 = 26.0;
/// The height of one plugin's samples.
const ROW: f64 = 38.0;

/// How the samples of one operation are distributed: a dot a sample, a box around the middle half, a line for the
/// median. One row a plugin, on a common logarithmic scale.
pub fn distribution(title: &str, series: &[(usize, Vec<f64>)]) -> String {
    let all = series
        .iter()
        .flat_map(|(_, samples)| samples.iter().copied());
    let Some(scale) = Scale::around(all, (LEFT, RIGHT)) else {
        return String::new();
    };
    let bottom = ROW * series.len() as f64;
    let mut svg = Svg::new(title, bottom + SCALE);
    svg.vertical_ticks(&scale, bottom, milliseconds);
    for (row, (plugin, samples)) in series.iter().enumerate() {
        let middle = ROW * (row as f64 + 0.5);
        svg.text((LEFT - 12.0, middle + 4.0), "end", &letter(*plugin));
        let class = plugin_class(*plugin);
        for (place, sample) in samples.iter().enumerate() {
            // Spread over the row's height, so that equal samples are seen.
            let y = middle - 12.0 + 24.0 * ((place * 7) % 16) as f64 / 15.0;
            let x = scale.at(*sample);
            svg.raw(&format!(
                "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"1.6\"/>"
            ));
        }
        let sorted = sorted(samples);
        let [low, median, high] =
            [25.0, 50.0, 75.0].map(|part| scale.at(percentile(&sorted, part)));
        svg.raw(&format!(
            "<rect class=\"box\" x=\"{low:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"26\"/>",
            middle - 13.0,
            (high - low).max(1.0)
        ));
        svg.line("median", (median, middle - 15.0), (median, middle + 15.0));
    }
    svg.done()
}

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
        svg.text((x, bottom + 18.0), anchor, &milliseconds(us));
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
                milliseconds(*us)
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
        svg.text((LEFT + 18.0, y.at(tick) + 4.0), "end", &milliseconds(tick));
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

/// Text as it may stand in HTML and in SVG.
pub fn escaped(text: &str) -> String {
    visible(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// A logarithmic scale.
struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Scale {
    fn around(values: impl Iterator<Item = f64>, (from, to): (f64, f64)) -> Option<Self> {
        let (mut low, mut high) = (f64::INFINITY, 0.0_f64);
        for value in values {
            let value = value.max(1.0);
            low = low.min(value);
            high = high.max(value);
        }
        (high > 0.0).then_some(Self {
            low: low * 0.95,
            high: high * 1.05,
            from,
            to,
        })
    }

    fn at(&self, value: f64) -> f64 {
        let part = (value.max(1.0) / self.low).ln() / (self.high / self.low).ln();
        self.from + (self.to - self.from) * part
    }

    /// Round numbers on the scale: powers of ten with their double and their half, closer ones where those are too few.
    fn ticks(&self) -> Vec<f64> {
        const DIGITS: [&[f64]; 3] = [
            &[1.0, 2.0, 5.0],
            &[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0],
            &[
                1.0, 1.2, 1.4, 1.6, 1.8, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 7.0, 8.0, 9.0,
            ],
        ];
        let powers = self.low.log10().floor() as i32..=self.high.log10().ceil() as i32;
        let mut ticks = DIGITS.iter().map(|digits| {
            let round = powers
                .clone()
                .flat_map(|power| digits.iter().map(move |digit| digit * 10f64.powi(power)));
            round
                .filter(|tick| (self.low..=self.high).contains(tick))
                .collect::<Vec<_>>()
        });
        ticks
            .find(|ticks| ticks.len() >= 3)
            .unwrap_or_else(|| vec![self.low / 0.95, self.high / 1.05])
    }
}

struct Svg(String);

impl Svg {
    fn new(title: &str, height: f64) -> Self {
        Self(format!(
            "<svg class=\"plot\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\"><title>{}</title>",
            escaped(title)
        ))
    }

    fn raw(&mut self, element: &str) {
        self.0.push_str(element);
    }

    fn vertical_ticks(&mut self, scale: &Scale, bottom: f64, label: fn(f64) -> String) {
        for tick in scale.ticks() {
            let x = scale.at(tick);
            self.line("tick", (x, 0.0), (x, bottom));
            self.text((x, bottom + 18.0), "middle", &label(tick));
        }
    }

    fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        // Writing to a string cannot fail.
        let _ = write!(
            self.0,
            "<line class=\"{class}\" x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\"/>",
            from.0, from.1, to.0, to.1
        );
    }

    fn text(&mut self, at: (f64, f64), anchor: &str, words: &str) {
        let _ = write!(
            self.0,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{}</text>",
            at.0,
            at.1,
            escaped(words)
        );
    }

    fn done(self) -> String {
        self.0 + "</svg>"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn numbers(svg: &str, attribute: &str) -> Vec<f64> {
        let before = format!(" {attribute}=\"");
        svg.split(&before)
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap().parse().unwrap())
            .collect()
    }

    #[test]
    fn nothing_is_an_empty_plot() {
        assert_eq!(distribution("x", &[]), "");
        assert_eq!(attribution("x", &[(0, Vec::new())]), "");
        assert_eq!(growth("x", &[]), "");
    }

    #[test]
    fn names_cannot_leave_their_place() {
        let parts = vec![("program <script>".to_owned(), 5.0)];
        let svg = attribution("a & b", &[(0, parts)]);
        assert!(svg.contains("&lt;script&gt;") && svg.contains("a &amp; b"));
    }

    proptest! {
        #[test]
        fn everything_lies_within_the_plot(samples in vec(0.0f64..1e9, 1..40)) {
            let svg = distribution("samples", &[(0, samples)]);
            for x in numbers(&svg, "cx") {
                prop_assert!((LEFT - 0.1..=RIGHT + 0.1).contains(&x), "{}", x);
            }
        }
    }
}
