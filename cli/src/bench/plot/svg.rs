//! A plot of two series, both axes logarithmic, as SVG.

use std::fmt::Write;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 460.0;
/// Left, right, top, bottom.
const MARGINS: [f64; 4] = [70.0, 20.0, 50.0, 50.0];
const COLOURS: [&str; 2] = ["#0b6e4f", "#b03a2e"];

/// Where values lie on the sheet.
struct Scale {
    logs: [u32; 2],
    /// Decimal logarithms of the lowest and the highest time shown, both whole.
    decades: [i32; 2],
}

impl Scale {
    fn new(points: &[(u32, [f64; 2])]) -> Self {
        let logs = points.iter().map(|(log, _)| *log);
        let times = || points.iter().flat_map(|(_, times)| *times).map(decade);
        let low = times().fold(f64::INFINITY, f64::min).floor();
        let high = times().fold(f64::NEG_INFINITY, f64::max).ceil();
        let decades = if low.is_finite() {
            [low as i32, (high as i32).max(low as i32 + 1)]
        } else {
            [0, 1]
        };
        Self {
            logs: [logs.clone().min().unwrap_or(0), logs.max().unwrap_or(1)],
            decades,
        }
    }

    fn x(&self, log: u32) -> f64 {
        let [left, right, ..] = MARGINS;
        let steps = f64::from((self.logs[1] - self.logs[0]).max(1));
        left + (WIDTH - left - right) * f64::from(log - self.logs[0]) / steps
    }

    fn y(&self, time: f64) -> f64 {
        let [.., top, bottom] = MARGINS;
        let [low, high] = self.decades.map(f64::from);
        HEIGHT - bottom - (HEIGHT - top - bottom) * (decade(time) - low) / (high - low)
    }
}

/// The decimal logarithm; times below a microsecond are drawn as one.
fn decade(time: f64) -> f64 {
    time.max(1e-3).log10()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// The plot of times in milliseconds by binary logarithm of size, sizes ascending.
pub(super) fn plot(title: &str, names: [&str; 2], points: &[(u32, [f64; 2])]) -> String {
    let scale = Scale::new(points);
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = write!(
        out,
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">
<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>
<text x="{}" y="24" text-anchor="middle" font-size="14">{}</text>
"##,
        WIDTH / 2.0,
        escaped(title)
    );
    grid(&mut out, &scale);
    for (series, (name, colour)) in names.into_iter().zip(COLOURS).enumerate() {
        let at = |(log, times): &(u32, [f64; 2])| [scale.x(*log), scale.y(times[series])];
        let line: Vec<String> = points
            .iter()
            .map(at)
            .map(|[x, y]| format!("{x:.1},{y:.1}"))
            .collect();
        let _ = writeln!(
            out,
            r#"<polyline points="{}" fill="none" stroke="{colour}" stroke-width="2"/>"#,
            line.join(" ")
        );
        for point in points {
            let [x, y] = at(point);
            let _ = writeln!(
                out,
                r#"<circle cx="{x:.1}" cy="{y:.1}" r="3" fill="{colour}"><title>{}: {} ms at 2^{}</title></circle>"#,
                escaped(name),
                point.1[series],
                point.0
            );
        }
        let y = MARGINS[2] + 18.0 * (series as f64 + 1.0);
        let _ = writeln!(
            out,
            r#"<text x="{}" y="{y}" fill="{colour}">{}</text>"#,
            MARGINS[0] + 12.0,
            escaped(name)
        );
    }
    out.push_str("</svg>\n");
    out
}

fn grid(out: &mut String, scale: &Scale) {
    let [left, right, top, bottom] = MARGINS;
    for exponent in scale.decades[0]..=scale.decades[1] {
        let time = 10f64.powi(exponent);
        let y = scale.y(time);
        let _ = writeln!(
            out,
            r##"<line x1="{left}" x2="{}" y1="{y:.1}" y2="{y:.1}" stroke="#ddd"/><text x="{}" y="{:.1}" text-anchor="end">{time} ms</text>"##,
            WIDTH - right,
            left - 8.0,
            y + 4.0
        );
    }
    for log in scale.logs[0]..=scale.logs[1] {
        let x = scale.x(log);
        let _ = writeln!(
            out,
            r##"<line x1="{x:.1}" x2="{x:.1}" y1="{top}" y2="{}" stroke="#ddd"/><text x="{x:.1}" y="{}" text-anchor="middle">2^{log}</text>"##,
            HEIGHT - bottom,
            HEIGHT - bottom + 18.0
        );
    }
    let _ = writeln!(
        out,
        r#"<text x="{}" y="{}" text-anchor="middle">evaluation domain</text>"#,
        WIDTH / 2.0,
        HEIGHT - 10.0
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn larger_times_lie_higher_and_larger_sizes_further_right() {
        let points = [(10, [3.0, 20.0]), (11, [5.0, 40.0])];
        let scale = Scale::new(&points);
        assert_eq!(scale.decades, [0, 2]);
        assert!((scale.x(10) - MARGINS[0]).abs() < 1e-9);
        assert!((scale.x(11) - (WIDTH - MARGINS[1])).abs() < 1e-9);
        assert!((scale.y(1.0) - (HEIGHT - MARGINS[3])).abs() < 1e-9);
        assert!((scale.y(100.0) - MARGINS[2]).abs() < 1e-9);
        let svg = plot("a < b & c", ["one", "two"], &points);
        assert!(svg.contains("a &lt; b &amp; c"));
        assert!(svg.contains("40 ms at 2^11"));
        assert_eq!(svg.matches("<polyline").count(), 2);
    }

    #[test]
    fn one_size_and_no_size_are_drawn() {
        assert!(plot("t", ["a", "b"], &[(10, [1.0, 1.0])]).contains("<circle"));
        assert!(!plot("t", ["a", "b"], &[]).contains("<circle"));
    }
}
