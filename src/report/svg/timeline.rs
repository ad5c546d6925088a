//! The picture of a run: load and rule value over time, phases, pending and firing bands, messages.

use std::fmt::Write as _;

use super::axis::{clock, time_step};
use crate::report::escape::xml;
use crate::report::{Band, BandState, Timeline};

const WIDTH: f64 = 960.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 46.0;
const PLOT: f64 = 200.0;
const ROW: f64 = 26.0;

const STYLE: &str = "\
svg{font:12px system-ui,sans-serif;background:#fff;color:#1f2328}\
text{fill:currentColor}.dim{opacity:.65}.axis{stroke:currentColor;stroke-opacity:.25}\
.phase{fill:#54aeff;fill-opacity:.16}.load{fill:none;stroke:#0969da;stroke-width:1.6}\
.value{fill:none;stroke:#8250df;stroke-width:1.6;stroke-dasharray:5 3}.limit{stroke:#cf222e;stroke-dasharray:3 3}\
.pending{fill:#d4a72c}.firing{fill:#cf222e}.fired{fill:#cf222e}.resolved{fill:#1a7f37}.lost{fill:none;stroke:#cf222e}\
@media(prefers-color-scheme:dark){svg{background:#0d1117;color:#e6edf3}.load{stroke:#58a6ff}.value{stroke:#bc8cff}\
.pending{fill:#bb8009}.firing,.fired{fill:#f85149}.resolved{fill:#3fb950}.limit,.lost{stroke:#f85149}}";

struct Canvas {
    from: f64,
    until: f64,
    top: f64,
}

impl Canvas {
    fn x(&self, t: f64) -> f64 {
        let share = (t - self.from) / (self.until - self.from);
        LEFT + share.clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
    }

    /// Percent to height.
    fn y(&self, v: f64) -> f64 {
        TOP + PLOT * (1.0 - v.clamp(0.0, 105.0) / 105.0)
    }
}

/// The whole document.
pub fn render(timeline: &Timeline) -> String {
    let (from, until) = extent(timeline);
    let mut canvas = Canvas { from, until, top: TOP + PLOT + 10.0 };
    let mut body = String::new();
    background(&mut body, &canvas, timeline);
    plot(&mut body, &canvas, timeline);
    rows(&mut body, &mut canvas, timeline);
    messages(&mut body, &mut canvas, timeline);
    time_axis(&mut body, &mut canvas);
    let height = canvas.top + 16.0;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" role=\"img\" aria-label=\"{label}\">\n<style>{STYLE}</style>\n<title>{label}</title>\n<text x=\"{LEFT}\" y=\"20\" font-weight=\"600\">{label}</text>\n{note}{body}</svg>\n",
        label = xml(&timeline.title),
        note = format_args!("<text class=\"dim\" x=\"{LEFT}\" y=\"36\">{}</text>\n", xml(&timeline.note)),
    )
}

fn extent(timeline: &Timeline) -> (f64, f64) {
    let points = timeline.load.points.iter().chain(timeline.values.iter().flat_map(|s| &s.points)).map(|p| p.0);
    let ends = timeline.phases.iter().flat_map(|p| [p.from, p.until]);
    let sent = timeline.messages.iter().filter(|m| m.in_focus).map(|m| m.t);
    let bands = timeline.bands.iter().flat_map(|b| [b.from, b.until]);
    let (mut from, mut until) = (f64::INFINITY, f64::NEG_INFINITY);
    for t in points.chain(ends).chain(sent).chain(bands) {
        from = from.min(t);
        until = until.max(t);
    }
    if from.is_finite() && until > from { (from, until) } else { (0.0, 60.0) }
}

fn background(out: &mut String, canvas: &Canvas, timeline: &Timeline) {
    for phase in &timeline.phases {
        let (x, end) = (canvas.x(phase.from), canvas.x(phase.until));
        let _ = writeln!(
            out,
            "<rect class=\"phase\" x=\"{x:.1}\" y=\"{TOP}\" width=\"{:.1}\" height=\"{PLOT}\"/>\n<text class=\"dim\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            end - x,
            x + 4.0,
            TOP + PLOT - 6.0,
            xml(&phase.name)
        );
    }
}

fn plot(out: &mut String, canvas: &Canvas, timeline: &Timeline) {
    for percent in [0.0, 25.0, 50.0, 75.0, 100.0] {
        let y = canvas.y(percent);
        let _ = writeln!(
            out,
            "<line class=\"axis\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\n<text class=\"dim\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{percent:.0} %</text>",
            WIDTH - RIGHT,
            LEFT - 6.0,
            y + 4.0
        );
    }
    let scale = scale(timeline);
    line(out, canvas, "load", &timeline.load.points, 1.0);
    for series in &timeline.values {
        line(out, canvas, "value", &series.points, scale);
    }
    if let Some(limit) = timeline.threshold {
        let y = canvas.y(limit * scale);
        let _ = writeln!(
            out,
            "<line class=\"limit\" x1=\"{LEFT}\" x2=\"{x:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\n<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"end\">threshold {limit}</text>",
            y - 4.0,
            x = WIDTH - RIGHT
        );
    }
    let _ = writeln!(
        out,
        "<text class=\"dim\" x=\"{:.1}\" y=\"20\" text-anchor=\"end\">— load of the VM   ‐ ‐ value the rule compares{}</text>",
        WIDTH - RIGHT,
        if scale == 1.0 { "" } else { " (×100)" }
    );
}

/// Rules compare percents or fractions: both are drawn as percents.
fn scale(timeline: &Timeline) -> f64 {
    let highest = timeline.values.iter().flat_map(|s| &s.points).map(|p| p.1).fold(0.0_f64, f64::max);
    if highest <= 1.5 && timeline.threshold.is_none_or(|t| t.abs() <= 1.5) && highest > 0.0 { 100.0 } else { 1.0 }
}

fn line(out: &mut String, canvas: &Canvas, class: &str, points: &[(f64, f64)], scale: f64) {
    let mut path = String::new();
    let mut pen_down = false;
    for (t, v) in points {
        if !v.is_finite() {
            pen_down = false;
            continue;
        }
        let command = if pen_down { 'L' } else { 'M' };
        let _ = write!(path, "{command}{:.1} {:.1}", canvas.x(*t), canvas.y(v * scale));
        pen_down = true;
    }
    if !path.is_empty() {
        let _ = writeln!(out, "<path class=\"{class}\" d=\"{path}\"/>");
    }
}

fn rows(out: &mut String, canvas: &mut Canvas, timeline: &Timeline) {
    let mut alerts: Vec<&str> = Vec::new();
    for band in &timeline.bands {
        if !alerts.contains(&band.alert.as_str()) {
            alerts.push(&band.alert);
        }
    }
    for alert in alerts.into_iter().take(8) {
        let y = canvas.top;
        let _ = writeln!(out, "<text x=\"{LEFT}\" y=\"{:.1}\">{}</text>", y + 10.0, xml(&shortened(alert)));
        for band in timeline.bands.iter().filter(|b| b.alert == alert) {
            draw_band(out, canvas, band, y + 13.0);
        }
        canvas.top += ROW + 6.0;
    }
}

fn draw_band(out: &mut String, canvas: &Canvas, band: &Band, y: f64) {
    let (class, word) = match band.state {
        BandState::Pending => ("pending", "pending"),
        BandState::Firing => ("firing", "firing"),
    };
    let (x, end) = (canvas.x(band.from), canvas.x(band.until));
    let _ = writeln!(
        out,
        "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"10\"><title>{word} from {} to {}</title></rect>",
        (end - x).max(1.5),
        clock(band.from),
        clock(band.until)
    );
}

fn messages(out: &mut String, canvas: &mut Canvas, timeline: &Timeline) {
    let y = canvas.top + 14.0;
    let _ = writeln!(out, "<text x=\"{LEFT}\" y=\"{:.1}\">messages on Discord</text>", canvas.top + 2.0);
    let mut labelled_until = f64::NEG_INFINITY;
    for m in timeline.messages.iter().filter(|m| m.in_focus) {
        let x = canvas.x(m.t);
        // Labels that would stand on one another are left to the tooltip.
        let label = if x - labelled_until > 34.0 { clock(m.t) } else { String::new() };
        if !label.is_empty() {
            labelled_until = x;
        }
        let delivered = m.answer.is_some_and(|a| (200..300).contains(&a));
        let class = if !delivered {
            "lost"
        } else if m.firing {
            "fired"
        } else {
            "resolved"
        };
        let shape = if m.firing {
            format!("M{:.1} {:.1}h10l-5 -9z", x - 5.0, y + 5.0)
        } else {
            format!("M{:.1} {:.1}h10l-5 9z", x - 5.0, y - 4.0)
        };
        let _ = writeln!(
            out,
            "<path class=\"{class}\" d=\"{shape}\"><title>{} {}</title></path>\n<text class=\"dim\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            clock(m.t),
            xml(&m.title),
            y + 19.0,
            label
        );
    }
    canvas.top += ROW + 18.0;
}

fn time_axis(out: &mut String, canvas: &mut Canvas) {
    let y = canvas.top;
    let _ =
        writeln!(out, "<line class=\"axis\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>", WIDTH - RIGHT);
    let step = time_step(canvas.until - canvas.from, 16);
    let mut t = (canvas.from / step).ceil() * step;
    while t <= canvas.until {
        let x = canvas.x(t);
        let _ = writeln!(
            out,
            "<line class=\"axis\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{y:.1}\" y2=\"{:.1}\"/>\n<text class=\"dim\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            y + 5.0,
            y + 18.0,
            clock(t)
        );
        t += step;
    }
    canvas.top += 22.0;
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= 90 { text.to_owned() } else { text.chars().take(89).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Message, PhaseMark, Series};

    #[test]
    fn a_title_of_a_student_cannot_break_out_of_the_picture() {
        let timeline = Timeline {
            title: "</title><script>".into(),
            load: Series { name: "load".into(), points: vec![(0.0, 3.0), (60.0, 100.0)] },
            phases: vec![PhaseMark { name: "<b>".into(), from: 0.0, until: 60.0 }],
            messages: vec![Message {
                t: 30.0,
                firing: true,
                receiver: "discord".into(),
                answer: Some(204),
                title: "<x>".into(),
                text: String::new(),
                in_focus: true,
            }],
            ..Timeline::default()
        };
        let svg = render(&timeline);
        assert!(!svg.contains("<script>") && !svg.contains("<b>") && !svg.contains("<x>"), "{svg}");
        assert!(svg.contains("0:30"), "{svg}");
    }

    #[test]
    fn an_empty_timeline_is_still_a_picture() {
        assert!(render(&Timeline::default()).starts_with("<svg "));
    }
}
