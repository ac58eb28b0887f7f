//! Plots as SVG. Colours come from the page's classes and from `currentColor`, so that a plot is as readable in the dark
//! and on paper.

use std::fmt::Write;

use super::escape::visible;
use crate::percentile::{percentile, sorted};

/// How wide every plot is.
pub(crate) const WIDTH: f64 = 760.0;
/// Where scales end.
pub(crate) const RIGHT: f64 = WIDTH - 16.0;
/// The room under a plot for the scale's figures.
pub(crate) const SCALE: f64 = 26.0;
/// The height of one row.
pub(crate) const ROW: f64 = 38.0;

/// Samples that are shown as one box.
pub(crate) struct Row<'s> {
    /// The label in front of it.
    pub name: &'s str,
    /// The class by which the page colours it.
    pub class: &'s str,
    /// Microseconds, in any order.
    pub samples: Vec<f64>,
}

/// How samples are distributed, on a common logarithmic scale: the box holds the middle half, the line in it is the
/// median, the whiskers reach from 5 to 95 %. With `dots`, each sample is one. Rows without samples are left out.
pub(crate) fn distribution(title: &str, rows: &[Row<'_>], dots: bool) -> String {
    let rows = || rows.iter().filter(|row| !row.samples.is_empty());
    let longest = rows().map(|row| row.name.chars().count()).max();
    let left = 30.0 + 7.0 * longest.unwrap_or(0) as f64;
    let all = rows().flat_map(|row| row.samples.iter().copied());
    let Some(scale) = Scale::around(all, (left, RIGHT)) else {
        return String::new();
    };
    let bottom = ROW * rows().count() as f64;
    let mut svg = Svg::new(title, bottom + SCALE);
    svg.vertical_ticks(&scale, bottom);
    for (
        number,
        Row {
            name,
            class,
            samples,
        },
    ) in rows().enumerate()
    {
        let middle = ROW * (number as f64 + 0.5);
        svg.text((left - 12.0, middle + 4.0), "end", name);
        for (place, sample) in samples.iter().enumerate().filter(|_| dots) {
            // Spread over the row's height, so that equal samples are seen.
            let y = middle - 12.0 + 24.0 * ((place * 7) % 16) as f64 / 15.0;
            let x = scale.at(*sample);
            svg.raw(&format!(
                "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"1.6\"/>"
            ));
        }
        let sorted = sorted(samples);
        let [least, low, median, high, most] =
            [5.0, 25.0, 50.0, 75.0, 95.0].map(|part| scale.at(percentile(&sorted, part)));
        svg.line("whisker", (least, middle), (most, middle));
        svg.raw(&format!(
            "<rect class=\"box\" x=\"{low:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"26\"/>",
            middle - 13.0,
            (high - low).max(1.0)
        ));
        svg.line("median", (median, middle - 15.0), (median, middle + 15.0));
    }
    svg.done()
}

/// Microseconds as people write them.
pub(crate) fn duration(us: f64) -> String {
    let (value, unit) = match us {
        us if us < 1e3 => return format!("{us:.0} µs"),
        us if us < 1e6 => (us / 1e3, "ms"),
        us => (us / 1e6, "s"),
    };
    let digits = if value < 10.0 {
        2
    } else if value < 100.0 {
        1
    } else {
        0
    };
    let mut figure = format!("{value:.digits$}");
    if digits > 0 {
        figure.truncate(figure.trim_end_matches('0').trim_end_matches('.').len());
    }
    format!("{figure} {unit}")
}

/// Text as it may stand in HTML and in SVG.
pub(crate) fn escaped(text: &str) -> String {
    visible(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// A logarithmic scale.
pub(crate) struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Scale {
    /// A scale that holds all of these values, and is as long as the way between the two places.
    pub fn around(values: impl Iterator<Item = f64>, (from, to): (f64, f64)) -> Option<Self> {
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

    /// The place of a value.
    pub fn at(&self, value: f64) -> f64 {
        let part = (value.max(1.0) / self.low).ln() / (self.high / self.low).ln();
        self.from + (self.to - self.from) * part
    }

    /// Round numbers on the scale: powers of ten with their double and their half, closer ones where those are too few.
    pub fn ticks(&self) -> Vec<f64> {
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

/// A plot that is being drawn.
pub(crate) struct Svg(String);

impl Svg {
    /// An empty plot of this height.
    pub fn new(title: &str, height: f64) -> Self {
        Self(format!(
            "<svg class=\"plot\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\"><title>{}</title>",
            escaped(title)
        ))
    }

    /// Adds an element.
    pub fn raw(&mut self, element: &str) {
        self.0.push_str(element);
    }

    fn vertical_ticks(&mut self, scale: &Scale, bottom: f64) {
        for tick in scale.ticks() {
            let x = scale.at(tick);
            self.line("tick", (x, 0.0), (x, bottom));
            self.text((x, bottom + 18.0), "middle", &duration(tick));
        }
    }

    /// Adds a line.
    pub fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        // Writing to a string cannot fail.
        let _ = write!(
            self.0,
            "<line class=\"{class}\" x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\"/>",
            from.0, from.1, to.0, to.1
        );
    }

    /// Adds words.
    pub fn text(&mut self, at: (f64, f64), anchor: &str, words: &str) {
        let _ = write!(
            self.0,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{}</text>",
            at.0,
            at.1,
            escaped(words)
        );
    }

    /// The plot.
    pub fn done(self) -> String {
        self.0 + "</svg>"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn row(name: &str, samples: Vec<f64>) -> Row<'_> {
        Row {
            name,
            class: "row",
            samples,
        }
    }

    fn numbers(svg: &str, attribute: &str) -> Vec<f64> {
        let before = format!(" {attribute}=\"");
        svg.split(&before)
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap().parse().unwrap())
            .collect()
    }

    #[test]
    fn times_have_their_unit() {
        let shown = [0.0, 999.0, 1e3, 2500.0, 12_340.0, 999_999.0, 1e6, 2e7].map(duration);
        assert_eq!(
            shown,
            [
                "0 µs", "999 µs", "1 ms", "2.5 ms", "12.3 ms", "1000 ms", "1 s", "20 s"
            ]
        );
    }

    #[test]
    fn nothing_measured_is_an_empty_plot() {
        assert_eq!(distribution("", &[], true), "");
        assert_eq!(distribution("", &[row("ADD", Vec::new())], true), "");
        let rows = [row("ADD", Vec::new()), row("DEL", vec![1.0])];
        assert!(!distribution("", &rows, true).contains("ADD"));
    }

    #[test]
    fn names_cannot_leave_their_place() {
        let svg = distribution("a & b", &[row("<ADD>", vec![1.0])], false);
        assert!(
            svg.contains("&lt;ADD&gt;") && svg.contains("a &amp; b"),
            "{svg}"
        );
        assert!(!svg.contains("<circle"), "{svg}");
    }

    proptest! {
        #[test]
        fn everything_lies_within_the_plot(samples in vec(0.0f64..1e19, 1..40)) {
            let svg = distribution("samples", &[row("A", samples)], true);
            for attribute in ["cx", "x1", "x2"] {
                for x in numbers(&svg, attribute) {
                    prop_assert!((36.9..=RIGHT + 0.1).contains(&x), "{}", x);
                }
            }
        }
    }
}
