//! Plots of times on a logarithmic axis, as SVG that follows the reader's light or dark colours.

use std::fmt::Write;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 460.0;
/// Left, right, top, bottom.
const MARGINS: [f64; 4] = [84.0, 24.0, 64.0, 62.0];
/// Colours of the series on light and on dark ground.
const COLOURS: [[&str; 2]; 3] = [
    ["#0b6e4f", "#4cc38a"],
    ["#b03a2e", "#ff8b7b"],
    ["#1f5fa8", "#79b8ff"],
];

/// One curve.
pub(super) struct Series<'a> {
    /// What the legend calls it.
    pub(super) name: &'a str,
    /// Which tick of the horizontal axis, and milliseconds.
    pub(super) points: Vec<(usize, f64)>,
}

/// A plot of times over evenly spaced ticks.
pub(super) struct Plot<'a> {
    /// The first line.
    pub(super) title: &'a str,
    /// The second line, smaller.
    pub(super) subtitle: &'a str,
    /// What the horizontal axis shows, with its unit.
    pub(super) horizontal: &'a str,
    /// What the vertical axis shows; its ticks carry their unit.
    pub(super) vertical: &'a str,
    /// The ticks of the horizontal axis.
    pub(super) ticks: Vec<String>,
    /// At most as many as there are colours.
    pub(super) series: Vec<Series<'a>>,
}

/// The decimal logarithm; times below a microsecond are drawn as one.
fn decade(time: f64) -> f64 {
    time.max(1e-3).log10()
}

/// Times of 1, 2 and 5 times a power of ten that enclose all times.
fn levels(times: impl Iterator<Item = f64>) -> Vec<f64> {
    let (low, high) = times.fold((f64::INFINITY, 0.0f64), |(low, high), time| {
        (low.min(time), high.max(time))
    });
    if !low.is_finite() {
        return vec![1.0, 10.0];
    }
    let (low, high) = (low.max(1e-3), high.max(1e-3));
    let all: Vec<f64> = (-3..=9)
        .flat_map(|exponent| [1.0, 2.0, 5.0].map(|digit| digit * 10f64.powi(exponent)))
        .collect();
    // Rounding must not put a level of exactly the least time above it.
    let begin = all
        .iter()
        .rposition(|level| *level <= low * 1.000_001)
        .unwrap_or(0);
    let end = all.iter().position(|level| *level >= high / 1.000_001);
    let end = end.unwrap_or(all.len() - 1).max(begin + 1);
    all[begin..=end.min(all.len() - 1)].to_vec()
}

fn time_text(milliseconds: f64) -> String {
    if milliseconds >= 1e3 {
        format!("{} s", rounded(milliseconds / 1e3))
    } else if milliseconds >= 1.0 {
        format!("{} ms", rounded(milliseconds))
    } else {
        format!("{} µs", rounded(milliseconds * 1e3))
    }
}

/// Three digits, which is what a measurement has.
fn rounded(x: f64) -> f64 {
    let unit = 10f64.powf(decade(x).floor() - 2.0);
    ((x / unit).round() * unit * 1e6).round() / 1e6
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// Where values lie on the sheet.
struct Scale {
    ticks: usize,
    levels: Vec<f64>,
}

impl Scale {
    fn x(&self, tick: usize) -> f64 {
        let [left, right, ..] = MARGINS;
        let steps = self.ticks.saturating_sub(1).max(1) as f64;
        left + (WIDTH - left - right) * tick as f64 / steps
    }

    fn y(&self, time: f64) -> f64 {
        let [.., top, bottom] = MARGINS;
        let (low, high) = (decade(self.levels[0]), decade(self.levels[self.levels.len() - 1]));
        HEIGHT - bottom - (HEIGHT - top - bottom) * (decade(time) - low) / (high - low)
    }
}

/// The plot as an SVG file.
pub(super) fn draw(plot: &Plot<'_>) -> String {
    let scale = Scale {
        ticks: plot.ticks.len(),
        levels: levels(
            plot.series
                .iter()
                .flat_map(|series| series.points.iter().map(|(_, time)| *time)),
        ),
    };
    let mut out = head(plot);
    grid(&mut out, &scale, plot);
    for (number, series) in plot.series.iter().enumerate().take(COLOURS.len()) {
        curve(&mut out, &scale, plot, number, series);
        legend(&mut out, number, series.name);
    }
    out.push_str("</svg>\n");
    out
}

fn head(plot: &Plot<'_>) -> String {
    let colours = |ground: usize| -> String {
        let of = |(number, colours): (usize, &[&str; 2])| {
            let colour = colours[ground];
            format!(".line{number}{{stroke:{colour}}}.mark{number}{{fill:{colour}}}")
        };
        COLOURS.iter().enumerate().map(of).collect()
    };
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = write!(
        out,
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="system-ui,sans-serif" font-size="13" role="img">
<title>{title}</title>
<style>
.ground{{fill:#fff}}text{{fill:#24292f}}.grid{{stroke:#d8dee4}}.frame{{stroke:#8c959f;fill:none}}.curve{{fill:none;stroke-width:2.2}}
{light}
@media(prefers-color-scheme:dark){{.ground{{fill:#0d1117}}text{{fill:#e6edf3}}.grid{{stroke:#30363d}}.frame{{stroke:#6e7681}}
{dark}}}
</style>
<rect class="ground" width="{WIDTH}" height="{HEIGHT}"/>
<text x="{left}" y="26" font-size="16" font-weight="600">{title}</text>
<text x="{left}" y="46" font-size="12">{subtitle}</text>
"##,
        title = escaped(plot.title),
        subtitle = escaped(plot.subtitle),
        left = MARGINS[0],
        light = colours(0),
        dark = colours(1),
    );
    out
}

fn grid(out: &mut String, scale: &Scale, plot: &Plot<'_>) {
    let [left, right, top, bottom] = MARGINS;
    let (end, floor) = (WIDTH - right, HEIGHT - bottom);
    for level in &scale.levels {
        let y = scale.y(*level);
        let _ = writeln!(
            out,
            r#"<line class="grid" x1="{left}" x2="{end}" y1="{y:.1}" y2="{y:.1}"/><text x="{}" y="{:.1}" text-anchor="end">{}</text>"#,
            left - 8.0,
            y + 4.5,
            time_text(*level)
        );
    }
    for (tick, name) in plot.ticks.iter().enumerate() {
        let x = scale.x(tick);
        let _ = writeln!(
            out,
            r#"<line class="grid" x1="{x:.1}" x2="{x:.1}" y1="{top}" y2="{floor}"/><text x="{x:.1}" y="{}" text-anchor="middle">{}</text>"#,
            floor + 19.0,
            escaped(name)
        );
    }
    let middle = f64::midpoint(top, floor);
    let _ = writeln!(
        out,
        r#"<rect class="frame" x="{left}" y="{top}" width="{}" height="{}"/>
<text x="{}" y="{}" text-anchor="middle">{}</text>
<text x="20" y="{middle}" text-anchor="middle" transform="rotate(-90 20 {middle})">{}</text>"#,
        end - left,
        floor - top,
        f64::midpoint(left, end),
        HEIGHT - 16.0,
        escaped(plot.horizontal),
        escaped(plot.vertical)
    );
}

fn curve(out: &mut String, scale: &Scale, plot: &Plot<'_>, number: usize, series: &Series<'_>) {
    let at = |(tick, time): &(usize, f64)| [scale.x(*tick), scale.y(*time)];
    let line: Vec<String> = series
        .points
        .iter()
        .map(at)
        .map(|[x, y]| format!("{x:.1},{y:.1}"))
        .collect();
    let _ = writeln!(
        out,
        r#"<polyline class="curve line{number}" points="{}"/>"#,
        line.join(" ")
    );
    for point in &series.points {
        let [x, y] = at(point);
        let tick = plot.ticks.get(point.0).map_or("", String::as_str);
        let said = format!("{}: {} at {tick}", series.name, time_text(point.1));
        let _ = writeln!(out, "{}", marker(number, [x, y], &escaped(&said)));
    }
}

/// A mark of the series' shape: curves can be told apart without their colours.
fn marker(number: usize, [x, y]: [f64; 2], said: &str) -> String {
    let shape = match number {
        0 => format!(r#"circle class="mark0" cx="{x:.1}" cy="{y:.1}" r="4""#),
        1 => format!(
            r#"rect class="mark1" x="{:.1}" y="{:.1}" width="7.6" height="7.6""#,
            x - 3.8,
            y - 3.8
        ),
        _ => format!(
            r#"path class="mark{number}" d="M{x:.1} {:.1}l5 8.6h-10z""#,
            y - 5.4
        ),
    };
    let name = shape.split(' ').next().unwrap_or_default();
    format!("<{shape}><title>{said}</title></{name}>")
}

fn legend(out: &mut String, number: usize, name: &str) {
    let [left, _, top, _] = MARGINS;
    let (x, y) = (left + 14.0, top + 20.0 + 20.0 * number as f64);
    let _ = writeln!(
        out,
        r#"<line class="curve line{number}" x1="{x}" x2="{}" y1="{y}" y2="{y}"/>{}<text x="{}" y="{}">{}</text>"#,
        x + 28.0,
        marker(number, [x + 14.0, y], ""),
        x + 36.0,
        y + 4.5,
        escaped(name)
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot<'a>(ticks: &[&str], series: Vec<Series<'a>>) -> Plot<'a> {
        Plot {
            title: "a < b & c",
            subtitle: "",
            horizontal: "size",
            vertical: "time",
            ticks: ticks.iter().map(|&tick| tick.to_owned()).collect(),
            series,
        }
    }

    #[test]
    fn larger_times_lie_higher_and_later_ticks_further_right() {
        let scale = Scale {
            ticks: 2,
            levels: levels([3.0, 40.0].into_iter()),
        };
        assert_eq!(scale.levels, [2.0, 5.0, 10.0, 20.0, 50.0]);
        assert!((scale.x(0) - MARGINS[0]).abs() < 1e-9);
        assert!((scale.x(1) - (WIDTH - MARGINS[1])).abs() < 1e-9);
        assert!((scale.y(2.0) - (HEIGHT - MARGINS[3])).abs() < 1e-9);
        assert!((scale.y(50.0) - MARGINS[2]).abs() < 1e-9);
        assert!(scale.y(40.0) < scale.y(3.0));
    }

    #[test]
    fn curves_may_have_different_lengths() {
        let series = |name, times: &[f64]| Series {
            name,
            points: times.iter().copied().enumerate().collect(),
        };
        let svg = draw(&plot(
            &["one", "two"],
            vec![series("x", &[3.0, 1234.5]), series("y", &[40.0])],
        ));
        assert!(svg.contains("a &lt; b &amp; c"));
        assert!(svg.contains("x: 1.23 s at two"));
        assert!(svg.contains("y: 40 ms at one"));
        assert_eq!(svg.matches("<polyline").count(), 2);
        // Each has one mark more in the legend.
        assert_eq!(svg.matches("<circle").count(), 3);
        assert_eq!(svg.matches(r#"<rect class="mark1""#).count(), 2);
    }

    #[test]
    fn one_time_and_none_are_drawn() {
        assert_eq!(levels([10.0].into_iter()), [10.0, 20.0]);
        let one = Series {
            name: "x",
            points: vec![(0, 1.0)],
        };
        assert!(draw(&plot(&["one"], vec![one])).contains("x: 1 ms at one"));
        assert!(!draw(&plot(&[], vec![])).contains("NaN"));
    }
}
