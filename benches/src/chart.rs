//! Bar charts as SVG, readable on light and on dark ground.

use std::fmt::Write;

use crate::report::number;

pub struct Chart {
    /// A part of the file's name.
    pub name: &'static str,
    pub title: String,
    /// What is better, for the line under the title.
    pub better: &'static str,
    pub decimals: usize,
    pub bars: Vec<Bar>,
}

pub struct Bar {
    pub label: String,
    pub value: f64,
    pub tone: Tone,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Ours,
    Floor,
    Peer,
}

const WIDTH: f64 = 760.0;
const LEFT: f64 = 230.0;
const RIGHT: f64 = 90.0;
const TOP: f64 = 58.0;
const STEP: f64 = 30.0;
const HEIGHT: f64 = 20.0;

const STYLE: &str = "text{font:13px system-ui,sans-serif;fill:#1f2328}.t{font-size:16px;font-weight:600}\
.s{fill:#59636e}.ours{fill:#0969da}.floor{fill:#8c959f}.peer{fill:#bf8700}\
@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.s{fill:#9198a1}.ours{fill:#4493f8}.floor{fill:#656c76}\
.peer{fill:#d29922}}";

impl Chart {
    #[must_use]
    pub fn svg(&self) -> String {
        let height = TOP + STEP * self.bars.len() as f64 + 8.0;
        let most = self.bars.iter().map(|bar| bar.value).fold(f64::MIN_POSITIVE, f64::max);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
             height=\"{height}\" role=\"img\">\n<title>{title}</title>\n<style>{STYLE}</style>\n\
             <text class=\"t\" x=\"8\" y=\"24\">{title}</text>\n<text class=\"s\" x=\"8\" y=\"44\">{better}</text>\n",
            title = escaped(&self.title),
            better = escaped(self.better),
        );
        for (index, bar) in self.bars.iter().enumerate() {
            let y = TOP + STEP * index as f64;
            let width = (bar.value / most * (WIDTH - LEFT - RIGHT)).max(1.0);
            let text = y + HEIGHT * 0.72;
            let _infallible = writeln!(
                svg,
                "<text x=\"{}\" y=\"{text:.1}\" text-anchor=\"end\">{}</text>\
                 <rect class=\"{}\" x=\"{LEFT}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{HEIGHT}\" rx=\"2\"/>\
                 <text x=\"{:.1}\" y=\"{text:.1}\">{}</text>",
                LEFT - 8.0,
                escaped(&bar.label),
                bar.tone.class(),
                LEFT + width + 6.0,
                number(bar.value, self.decimals),
            );
        }
        svg.push_str("</svg>\n");
        svg
    }
}

impl Tone {
    fn class(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Floor => "floor",
            Self::Peer => "peer",
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_in_proportion_and_labels_are_escaped() {
        let bar = |label: &str, value| Bar { label: label.to_owned(), value, tone: Tone::Peer };
        let bars = vec![bar("a<b", 50.0), bar("c", 100.0)];
        let chart = Chart { name: "x", title: "T".to_owned(), better: "more", decimals: 0, bars };

        let svg = chart.svg();

        assert!(svg.contains("width=\"220.0\"") && svg.contains("width=\"440.0\""), "{svg}");
        assert!(svg.contains("a&lt;b"), "{svg}");
    }
}
