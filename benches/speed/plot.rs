//! A plot as SVG: both axes logarithmic, one line for each curve.

use std::fmt::Write;

/// A line of a plot.
pub struct Curve {
    pub name: &'static str,
    pub points: Vec<(f64, f64)>,
}

impl Curve {
    pub const fn new(name: &'static str) -> Self {
        Self { name, points: Vec::new() }
    }
}

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 150.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 50.0;
/// Told apart by dashes too.
const STROKES: [(&str, &str); 4] = [("#1b6ca8", "none"), ("#555555", "2 4"), ("#b5541c", "8 4"), ("#2e7d4f", "12 3 3 3")];

/// The whole file.
pub fn svg(title: &str, curves: &[Curve]) -> String {
    let points = || curves.iter().flat_map(|curve| &curve.points);
    let (x_min, x_max) = decades(points().map(|point| point.0));
    let (y_min, y_max) = decades(points().map(|point| point.1));
    let x = |value: f64| LEFT + (value.log10() - x_min) / (x_max - x_min) * (WIDTH - LEFT - RIGHT);
    let y = |value: f64| HEIGHT - BOTTOM - (value.log10() - y_min) / (y_max - y_min) * (HEIGHT - TOP - BOTTOM);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n<text x=\"{LEFT}\" y=\"22\" font-size=\"14\">{title}</text>\n"
    );
    for exponent in x_min as i32..=x_max as i32 {
        let (at, bottom) = (x(10f64.powi(exponent)), HEIGHT - BOTTOM);
        let _ = writeln!(out, "<line x1=\"{at:.1}\" y1=\"{TOP}\" x2=\"{at:.1}\" y2=\"{bottom}\" stroke=\"#ddd\"/>");
        let _ = writeln!(
            out,
            "<text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            bottom + 18.0,
            grouped(10u64.pow(exponent as u32))
        );
    }
    for exponent in y_min as i32..=y_max as i32 {
        let (at, right) = (y(10f64.powi(exponent)), WIDTH - RIGHT);
        let _ = writeln!(out, "<line x1=\"{LEFT}\" y1=\"{at:.1}\" x2=\"{right}\" y2=\"{at:.1}\" stroke=\"#ddd\"/>");
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 8.0,
            at + 4.0,
            grouped(10u64.pow(exponent as u32))
        );
    }
    let mut labels: Vec<f64> = Vec::new();
    for (curve, (colour, dashes)) in curves.iter().zip(STROKES.iter().cycle()) {
        let line: Vec<String> = curve.points.iter().map(|point| format!("{:.1},{:.1}", x(point.0), y(point.1))).collect();
        let _ = writeln!(
            out,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" stroke-dasharray=\"{dashes}\"/>",
            line.join(" ")
        );
        if let Some(last) = curve.points.last() {
            let (at_x, mut at_y) = (x(last.0) + 8.0, y(last.1) + 4.0);
            // Names that would lie over each other go below.
            while labels.iter().any(|label| (label - at_y).abs() < 13.0) {
                at_y += 1.0;
            }
            labels.push(at_y);
            let _ = writeln!(out, "<text x=\"{at_x:.1}\" y=\"{at_y:.1}\" fill=\"{colour}\">{}</text>", curve.name);
        }
    }
    out.push_str("</svg>\n");
    out
}

/// The powers of ten around some values.
fn decades(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(value), high.max(value)));
    let (low, high) = (low.log10().floor(), high.log10().ceil());
    (low, if high > low { high } else { low + 1.0 })
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let grouped: Vec<&str> = digits.as_bytes().rchunks(3).rev().map(|chunk| std::str::from_utf8(chunk).unwrap_or_default()).collect();
    grouped.join(",")
}
