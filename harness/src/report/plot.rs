//! Plots as SVG: one box a row, on a logarithmic scale of time.
//!
//! Colours come from the page (`currentColor`), so that a plot is as readable in the dark and on paper.

use std::fmt::Write;

/// Samples that are shown as one box.
pub(crate) struct Series<'s> {
    /// The measured quantity.
    pub name: &'s str,
    /// Microseconds, in any order.
    pub samples_us: &'s [u64],
}

const WIDTH: f64 = 720.0;
const ROW: f64 = 34.0;
/// Where the names end and where the scale ends.
const LEFT: f64 = 130.0;
const RIGHT: f64 = WIDTH - 20.0;
/// The room under the rows for the scale's figures.
const SCALE: f64 = 30.0;

/// A plot with a row per series: the box holds the middle half, the line in it is the median, the
/// whiskers reach from 5 to 95 %. Series without samples are left out.
pub(crate) fn boxes(title: &str, series: &[Series<'_>]) -> String {
    let rows: Vec<(&str, Vec<u64>)> = series
        .iter()
        .filter(|series| !series.samples_us.is_empty())
        .map(|series| (series.name, sorted(series.samples_us)))
        .collect();
    let all = || rows.iter().flat_map(|(_, samples)| samples);
    let scale = Scale::around(
        all().min().copied().unwrap_or(1),
        all().max().copied().unwrap_or(1),
    );
    #[expect(clippy::cast_precision_loss, reason = "there are few rows")]
    let bottom = ROW * rows.len() as f64;
    let mut svg = format!(
        "<svg class=\"plot\" viewBox=\"0 0 {WIDTH} {}\" role=\"img\"><title>{}</title>",
        bottom + SCALE,
        escaped(title)
    );
    for tick in scale.ticks() {
        let x = scale.x(tick);
        line(&mut svg, (x, 0.0), (x, bottom), 0.2);
        text(&mut svg, (x, bottom + 18.0), "middle", &duration(tick));
    }
    let mut middle = ROW / 2.0;
    for (name, samples) in &rows {
        text(&mut svg, (LEFT - 10.0, middle + 4.0), "end", name);
        let at = |percent| scale.x(percentile(samples, percent));
        line(&mut svg, (at(5), middle), (at(95), middle), 1.0);
        // Writing to a string cannot fail.
        let _ = write!(
            svg,
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"16\" fill=\"currentColor\" fill-opacity=\"0.25\" stroke=\"currentColor\"/>",
            at(25),
            middle - 8.0,
            (at(75) - at(25)).max(1.0)
        );
        let median = at(50);
        let _ = write!(
            svg,
            "<line x1=\"{median:.1}\" y1=\"{:.1}\" x2=\"{median:.1}\" y2=\"{:.1}\" stroke=\"currentColor\" stroke-width=\"3\"/>",
            middle - 8.0,
            middle + 8.0
        );
        middle += ROW;
    }
    svg + "</svg>"
}

/// The sample that `percent` of the sorted samples do not exceed; 0 where there are none.
pub(crate) fn percentile(sorted: &[u64], percent: usize) -> u64 {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0)
}

/// The samples, the shortest first.
pub(crate) fn sorted(samples: &[u64]) -> Vec<u64> {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    sorted
}

/// A time as people write it.
pub(crate) fn duration(us: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let (value, unit) = match us {
        0..1000 => return format!("{us} µs"),
        1000..1_000_000 => (us as f64 / 1e3, "ms"),
        _ => (us as f64 / 1e6, "s"),
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

/// Decades, from the one that the shortest sample lies in to the one of the longest.
struct Scale {
    from: u32,
    to: u32,
}

impl Scale {
    fn around(shortest: u64, longest: u64) -> Self {
        let from = shortest.max(1).ilog10();
        let to = longest.max(1).ilog10() + 1;
        Self { from, to }
    }

    fn ticks(&self) -> impl Iterator<Item = u64> {
        (self.from..=self.to).map(|power| 10_u64.saturating_pow(power))
    }

    fn x(&self, us: u64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a pixel is coarser")]
        let position = (us.max(1) as f64).log10() - f64::from(self.from);
        LEFT + (RIGHT - LEFT) * position / f64::from(self.to - self.from)
    }
}

fn line(svg: &mut String, from: (f64, f64), to: (f64, f64), opacity: f64) {
    let _ = write!(
        svg,
        "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"currentColor\" stroke-opacity=\"{opacity}\"/>",
        from.0, from.1, to.0, to.1
    );
}

fn text(svg: &mut String, at: (f64, f64), anchor: &str, words: &str) {
    let _ = write!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\" fill=\"currentColor\">{}</text>",
        at.0,
        at.1,
        escaped(words)
    );
}

fn escaped(text: &str) -> String {
    super::escape::visible(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_samples() {
        let hundred: Vec<u64> = (1..=100).collect();
        assert_eq!(
            [5, 50, 95, 100].map(|percent| percentile(&hundred, percent)),
            [5, 50, 95, 100]
        );
        assert_eq!(percentile(&[7], 5), 7);
        assert_eq!(percentile(&[], 50), 0);
    }

    #[test]
    fn times_have_their_unit() {
        let shown = [0, 999, 1000, 2500, 12_340, 999_999, 1_000_000, 20_000_000].map(duration);
        assert_eq!(
            shown,
            [
                "0 µs", "999 µs", "1 ms", "2.5 ms", "12.3 ms", "1000 ms", "1 s", "20 s"
            ]
        );
    }

    #[test]
    fn everything_lies_within_the_plot() {
        let extremes = [[0, 0], [1, u64::MAX], [999, 1001]];
        for samples in &extremes {
            let series = Series {
                name: "<ADD>",
                samples_us: samples,
            };
            let svg = boxes("a & b", &[series]);
            assert!(
                svg.contains("&lt;ADD&gt;") && svg.contains("a &amp; b"),
                "{svg}"
            );
            let numbers = svg
                .split(" x1=\"")
                .skip(1)
                .map(|rest| rest.split('"').next().unwrap());
            for x in numbers.map(|number| number.parse::<f64>().unwrap()) {
                assert!((LEFT..=RIGHT).contains(&x), "{x} of {samples:?}");
            }
        }
    }

    #[test]
    fn nothing_measured_is_an_empty_plot() {
        let nothing = Series {
            name: "ADD",
            samples_us: &[],
        };
        assert!(!boxes("", &[nothing]).contains("ADD"));
    }
}
