//! What one wants to know first of a session: the servers side by side, what is asked of `invoked` beside them, and
//! charts.

use std::fmt::Write;

use crate::chart::{Bar, Chart, Tone};
use crate::report::{Figures, grid, number};
use crate::server::Kind;
use crate::session::Session;

/// The rate at which latencies are compared.
const RATE: f64 = 500.0;

#[must_use]
pub fn text(session: &Session) -> String {
    let mut text = String::new();
    if session.servers.keys().any(|kind| kind.is_peer()) {
        text.push_str("### Side by side\n\n");
        text.push_str(&side_by_side(session));
    }
    let asked = asked(session);
    if !asked.is_empty() {
        text.push_str("\n### What is asked for\n\n");
        text.push_str(&grid(&["of invoked", "asked for", "measured", ""], &asked));
        text.push('\n');
    }
    for (kind, why) in &session.failed {
        let why = why.lines().next().unwrap_or_default();
        let _infallible = writeln!(text, "**{} failed and is left out: {why}**\n", kind.name());
    }
    text
}

/// The versions and configurations of the servers.
#[must_use]
pub fn servers(session: &Session) -> String {
    let rows: Vec<Vec<String>> = session
        .servers
        .values()
        .map(|server| {
            vec![
                server.title.clone(),
                server.versions.join(", "),
                server.durable.clone(),
                server.configuration.clone(),
            ]
        })
        .collect();
    grid(&["", "versions", "durable", "configuration"], &rows)
}

fn side_by_side(session: &Session) -> String {
    let ours = session.end_to_end(Kind::Invoked);
    let rows: Vec<Vec<String>> = session
        .servers
        .iter()
        .map(|(&kind, server)| {
            let cell = |figures: Option<&Figures>, of: fn(&Figures) -> f64, decimals| {
                figures.map(|figures| number(of(figures), decimals)).unwrap_or_default()
            };
            let all = session.end_to_end(kind);
            let open = session.open_at(kind, RATE);
            let ratio = ours.zip(all).map(|(ours, its)| ours.seen_per_second / its.seen_per_second);
            let memory = session.memory.get(&kind);
            let megabytes = |bytes: u64| number(bytes as f64 / 1e6, 0);
            vec![
                server.title.clone(),
                cell(session.accept_at(kind, 64), |f| f.accept_per_second, 0),
                cell(all, |f| f.seen_per_second, 0),
                ratio.map(|ratio| format!("x{ratio:.2}")).unwrap_or_default(),
                cell(all, |f| f.server_cpu, 2),
                cell(open, |f| f.accept_p50_us / 1e3, 2),
                cell(open, |f| f.accept_p99_us / 1e3, 2),
                cell(open, |f| f.accept_p999_us / 1e3, 2),
                memory.map(|memory| megabytes(memory.idle_bytes)).unwrap_or_default(),
                memory.map(|memory| megabytes(memory.after_bytes)).unwrap_or_default(),
                cell(all, |f| f.foreign_cores, 2),
            ]
        })
        .collect();
    grid(
        &[
            "",
            "accept/s at 64",
            "end to end/s",
            "invoked is",
            "CPU s/10k",
            "p50 ms at 500/s",
            "p99",
            "p99.9",
            "RSS MB idle",
            "after",
            "foreign cores",
        ],
        &rows,
    )
}

/// The ratios that the project asks of itself, as far as this session has them.
fn asked(session: &Session) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut row = |what: &str,
                   asked: &str,
                   value: f64,
                   measured: String,
                   met: fn(f64, f64) -> bool,
                   limit: f64| {
        // A smoke test is no measurement.
        let verdict = match met(value, limit) {
            _ if session.quick => "",
            true => "yes",
            false => "**no**",
        };
        rows.push(vec![what.to_owned(), asked.to_owned(), measured, verdict.to_owned()]);
    };
    let at_least: fn(f64, f64) -> bool = |value, limit| value >= limit;
    let at_most: fn(f64, f64) -> bool = |value, limit| value <= limit;
    let Some(ours) = session.end_to_end(Kind::Invoked) else { return rows };
    let times = [
        (Kind::RabbitmqQuorum, 2.0),
        (Kind::Bullmq, 4.0),
        (Kind::Restate, 8.0),
        (Kind::RestateTwoPartitions, 5.0),
        (Kind::Floor, 0.65),
    ];
    for (kind, limit) in times {
        let (Some(its), Some(server)) = (session.end_to_end(kind), session.servers.get(&kind))
        else {
            continue;
        };
        let ratio = ours.seen_per_second / its.seen_per_second;
        let what = format!("end to end against {}", server.title);
        row(&what, &format!("at least x{limit}"), ratio, format!("x{ratio:.2}"), at_least, limit);
    }
    let rate = ours.seen_per_second;
    row(
        "end to end/s, on a quiet machine",
        "at least 20,000",
        rate,
        number(rate, 0),
        at_least,
        2e4,
    );
    let cpu = ours.server_cpu;
    row("CPU s for 10,000", "at most 0.6", cpu, number(cpu, 2), at_most, 0.6);
    let open = (session.open_at(Kind::Invoked, RATE), session.open_at(Kind::Floor, RATE));
    if let (Some(ours), Some(floor)) = open {
        type Percentile = (&'static str, fn(&Figures) -> f64);
        let percentiles: [Percentile; 3] = [
            ("p50", |f| f.accept_p50_us),
            ("p99", |f| f.accept_p99_us),
            ("p99.9", |f| f.accept_p999_us),
        ];
        for (name, of) in percentiles {
            let ratio = of(ours) / of(floor);
            let what = format!("accept {name} at 500/s against the floor");
            row(&what, "at most x2.2", ratio, format!("x{ratio:.2}"), at_most, 2.2);
        }
    }
    if let Some(memory) = session.memory.get(&Kind::Invoked) {
        let idle = memory.idle_bytes as f64 / f64::from(1 << 20);
        row("RSS MiB idle", "at most 40", idle, number(idle, 1), at_most, 40.0);
    }
    rows
}

/// Empty unless there are peers: two bars need no chart.
#[must_use]
pub fn charts(session: &Session) -> Vec<Chart> {
    if !session.servers.keys().any(|kind| kind.is_peer()) {
        return Vec::new();
    }
    let chart = |name, title: &str, better, decimals, of: &dyn Fn(Kind) -> Option<f64>| {
        let bar = |kind: Kind, label: &str| {
            let tone = match kind {
                Kind::Invoked => Tone::Ours,
                Kind::Floor => Tone::Floor,
                _ => Tone::Peer,
            };
            Some(Bar { label: label.to_owned(), value: of(kind)?, tone })
        };
        let bars = session.servers.iter().filter_map(|(kind, server)| bar(*kind, &server.title));
        Chart { name, title: title.to_owned(), better, decimals, bars: bars.collect() }
    };
    let all = |kind| session.end_to_end(kind);
    let open = |kind| session.open_at(kind, RATE);
    let charts = [
        chart(
            "end-to-end",
            "Invocations a second, end to end, 1 KB, 64 connections",
            "More is better. Load, function and server share the machine.",
            0,
            &|kind| Some(all(kind)?.seen_per_second),
        ),
        chart(
            "cpu",
            "CPU seconds for 10,000 invocations, without function and load",
            "Less is better.",
            2,
            &|kind| Some(all(kind)?.server_cpu),
        ),
        chart(
            "accept-p99",
            "Accept latency at 500/s, p99 from the intended time, ms",
            "Less is better.",
            2,
            &|kind| Some(open(kind)?.accept_p99_us / 1e3),
        ),
        chart("memory", "Resident memory after the run, MB", "Less is better.", 0, &|kind| {
            Some(session.memory.get(&kind)?.after_bytes as f64 / 1e6)
        }),
    ];
    charts.into_iter().filter(|chart| !chart.bars.is_empty()).collect()
}
