//! Figures, their medians and ratios, and the tables they are printed in. The tables are
//! Markdown, aligned well enough to be read on a terminal.

use std::fmt::Write;

use serde::Serialize;

use crate::server::Kind;
use crate::session::Session;
use crate::summary;

/// What one step took. CPU is in seconds for each 10,000 invocations, latencies in microseconds;
/// those of the function run from the intended send time to the arrival of the body.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Figures {
    pub accepted: f64,
    pub accept_per_second: f64,
    pub accept_p50_us: f64,
    pub accept_p90_us: f64,
    pub accept_p99_us: f64,
    pub accept_p999_us: f64,
    /// From the first submission to the last answer of the function.
    pub seen_per_second: f64,
    pub function_p50_us: f64,
    pub function_p99_us: f64,
    pub function_p999_us: f64,
    pub server_cpu: f64,
    pub function_cpu: f64,
    pub load_cpu: f64,
    /// For each invocation.
    pub written_bytes: f64,
    pub rss_bytes: f64,
    pub foreign_cores: f64,
    pub refused: f64,
    pub broken: f64,
    /// Accepted, but never answered by the function.
    pub unseen: f64,
    pub duplicates: f64,
}

impl Figures {
    /// Each figure's median; of what must not happen at all, the worst.
    #[must_use]
    pub fn median(samples: &[Self]) -> Self {
        let median = |figure: fn(&Self) -> f64| {
            let mut values: Vec<f64> = samples.iter().map(figure).collect();
            values.sort_by(f64::total_cmp);
            let middle = values.len() / 2;
            match values.len() {
                0 => 0.0,
                even if even % 2 == 0 => f64::midpoint(values[middle - 1], values[middle]),
                _ => values[middle],
            }
        };
        let worst = |figure: fn(&Self) -> f64| samples.iter().map(figure).fold(0.0, f64::max);
        Self {
            accepted: median(|f| f.accepted),
            accept_per_second: median(|f| f.accept_per_second),
            accept_p50_us: median(|f| f.accept_p50_us),
            accept_p90_us: median(|f| f.accept_p90_us),
            accept_p99_us: median(|f| f.accept_p99_us),
            accept_p999_us: median(|f| f.accept_p999_us),
            seen_per_second: median(|f| f.seen_per_second),
            function_p50_us: median(|f| f.function_p50_us),
            function_p99_us: median(|f| f.function_p99_us),
            function_p999_us: median(|f| f.function_p999_us),
            server_cpu: median(|f| f.server_cpu),
            function_cpu: median(|f| f.function_cpu),
            load_cpu: median(|f| f.load_cpu),
            written_bytes: median(|f| f.written_bytes),
            rss_bytes: median(|f| f.rss_bytes),
            foreign_cores: median(|f| f.foreign_cores),
            refused: worst(|f| f.refused),
            broken: worst(|f| f.broken),
            unseen: worst(|f| f.unseen),
            duplicates: worst(|f| f.duplicates),
        }
    }
}

/// A column: its title, its figure, its decimals, and whether a ratio of it says anything.
struct Column {
    title: &'static str,
    figure: fn(&Figures) -> f64,
    decimals: usize,
    ratio: bool,
}

const SPEED: &[Column] = &[
    column("accept/s", |f| f.accept_per_second, 0),
    column("p50 ms", |f| f.accept_p50_us / 1e3, 2),
    column("p90", |f| f.accept_p90_us / 1e3, 2),
    column("p99", |f| f.accept_p99_us / 1e3, 2),
    column("p99.9", |f| f.accept_p999_us / 1e3, 2),
    column("end to end/s", |f| f.seen_per_second, 0),
    column("to function p50 ms", |f| f.function_p50_us / 1e3, 2),
    column("p99", |f| f.function_p99_us / 1e3, 2),
    column("p99.9", |f| f.function_p999_us / 1e3, 2),
];

const COST: &[Column] = &[
    column("server CPU s/10k", |f| f.server_cpu, 3),
    plain("function", |f| f.function_cpu, 3),
    plain("load", |f| f.load_cpu, 3),
    column("bytes written each", |f| f.written_bytes, 0),
    column("RSS MB", |f| f.rss_bytes / 1e6, 1),
    plain("foreign cores", |f| f.foreign_cores, 2),
    plain("refused", |f| f.refused, 0),
    plain("broken", |f| f.broken, 0),
    plain("unseen", |f| f.unseen, 0),
    plain("duplicates", |f| f.duplicates, 0),
];

const fn column(title: &'static str, figure: fn(&Figures) -> f64, decimals: usize) -> Column {
    Column { title, figure, decimals, ratio: true }
}

const fn plain(title: &'static str, figure: fn(&Figures) -> f64, decimals: usize) -> Column {
    Column { title, figure, decimals, ratio: false }
}

#[must_use]
pub fn tables(session: &Session) -> String {
    let mut text = format!(
        "\n{} cores shared by all processes, stores on {}, payload 1,024 bytes where nothing else stands, {} \
         invocations with the function at a time, medians of {} repetitions{}.\n",
        session.cores,
        session.file_system,
        session.concurrency,
        session.repetitions,
        if session.quick { " (quick: a smoke test, not a measurement)" } else { "" },
    );
    if session.file_system == "tmpfs" {
        text.push_str(
            "\n**The stores lay in memory: nothing here says anything about durability.**\n",
        );
    }
    text.push_str("\n### Speed\n\n");
    text.push_str(&table(session, SPEED));
    text.push_str("\n### Cost\n\n");
    text.push_str(&table(session, COST));
    text.push_str("\n### Memory\n\n");
    let memory = session.memory.iter().map(|(kind, memory)| {
        let megabytes = |bytes: u64| number(bytes as f64 / 1e6, 1);
        vec![
            kind.name().to_owned(),
            megabytes(memory.idle_bytes),
            megabytes(memory.after_bytes),
            megabytes(memory.peak_bytes),
        ]
    });
    text.push_str(&grid(&["", "RSS idle MB", "after", "peak"], &memory.collect::<Vec<_>>()));
    text.push_str("\n### Servers\n\n");
    text.push_str(&summary::servers(session));
    text
}

fn table(session: &Session, columns: &[Column]) -> String {
    let mut titles = vec!["step", ""];
    titles.extend(columns.iter().map(|column| column.title));
    let mut rows = Vec::new();
    for step in &session.steps {
        for (kind, figures) in &step.median {
            let mut row = vec![step.scenario.name.clone(), kind.name().to_owned()];
            row.extend(columns.iter().map(|c| number((c.figure)(figures), c.decimals)));
            rows.push(row);
        }
        let both = (step.median.get(&Kind::Floor), step.median.get(&Kind::Invoked));
        if let (Some(floor), Some(invoked)) = both {
            let mut row = vec![step.scenario.name.clone(), "invoked/floor".to_owned()];
            row.extend(columns.iter().map(|c| {
                let (of, by) = ((c.figure)(invoked), (c.figure)(floor));
                if c.ratio && by > 0.0 { format!("x{:.2}", of / by) } else { String::new() }
            }));
            rows.push(row);
        }
    }
    grid(&titles, &rows)
}

/// A Markdown table with its columns aligned.
#[must_use]
pub fn grid(titles: &[&str], rows: &[Vec<String>]) -> String {
    let widths: Vec<usize> = titles
        .iter()
        .enumerate()
        .map(|(at, title)| {
            rows.iter().map(|row| row[at].len()).chain([title.len(), 3]).max().unwrap_or(3)
        })
        .collect();
    let mut text = String::new();
    let mut line = |cells: &mut dyn Iterator<Item = &str>| {
        for (cell, width) in cells.zip(&widths) {
            let _infallible = write!(text, "| {cell:width$} ");
        }
        text.push_str("|\n");
    };
    line(&mut titles.iter().copied());
    let rules: Vec<String> = widths.iter().map(|&width| "-".repeat(width)).collect();
    line(&mut rules.iter().map(String::as_str));
    for row in rows {
        line(&mut row.iter().map(String::as_str));
    }
    text
}

/// With separators between the thousands.
#[must_use]
pub fn number(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let (sign, digits) = match whole.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", whole),
    };
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if fraction.is_empty() {
        format!("{sign}{grouped}")
    } else {
        format!("{sign}{grouped}.{fraction}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(number(1_234_567.0, 0), "1,234,567");
        assert_eq!(number(-123.456, 2), "-123.46");
        assert_eq!(number(999.0, 0), "999");
    }

    #[test]
    fn an_even_count_has_a_median_between() {
        let samples = [1.0, 3.0].map(|accepted| Figures { accepted, ..Figures::default() });

        assert!((Figures::median(&samples).accepted - 2.0).abs() < f64::EPSILON);
    }
}
