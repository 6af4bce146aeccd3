//! The harness's own requests: blocking, one connection each, nothing that is measured.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::function::{Mode, Stats};

const TIMEOUT: Duration = Duration::from_secs(10);
/// Headers of a change through the admin API.
const OF_A_CHANGE: &str = "Content-Type: application/json\r\nx-invoked-admin: 1\r\n";

pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

pub fn get(address: SocketAddr, path: &str) -> Result<Answer> {
    exchange(address, &format!("GET {path} HTTP/1.1\r\n"), &[])
}

pub fn post(address: SocketAddr, path: &str, headers: &str, body: &[u8]) -> Result<Answer> {
    let length = body.len();
    exchange(
        address,
        &format!("POST {path} HTTP/1.1\r\n{headers}Content-Length: {length}\r\n"),
        body,
    )
}

/// A change through the admin API.
pub fn put(address: SocketAddr, path: &str, body: &[u8]) -> Result<Answer> {
    let length = body.len();
    exchange(
        address,
        &format!("PUT {path} HTTP/1.1\r\n{OF_A_CHANGE}Content-Length: {length}\r\n"),
        body,
    )
}

/// An operation through the admin API.
pub fn change(address: SocketAddr, path: &str, body: &[u8]) -> Result<Answer> {
    post(address, path, OF_A_CHANGE, body)
}

#[must_use]
pub fn is_ready(address: SocketAddr, path: &str) -> bool {
    get(address, path).is_ok_and(|answer| answer.status == 200)
}

/// Polls `path` until it answers 200.
pub fn wait_until_ready(address: SocketAddr, path: &str, patience: Duration) -> Result<()> {
    let begin = Instant::now();
    while !is_ready(address, path) {
        ensure!(begin.elapsed() < patience, "no 200 from http://{address}{path}");
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// An address nobody listens on. Another process might take it before its user does; on a
/// machine that is quiet enough to measure on, none will.
pub fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

pub fn stats(function: SocketAddr) -> Result<Stats> {
    let answer = get(function, "/stats")?;
    ensure!(answer.status == 200, "the function answered {}", answer.status);
    Ok(serde_json::from_slice(&answer.body)?)
}

pub fn reset(function: SocketAddr, run: u64) -> Result<()> {
    let answer = post(function, &format!("/reset?run={run}"), "", &[])?;
    ensure!(answer.status == 200, "the function answered {}", answer.status);
    Ok(())
}

pub fn set_mode(function: SocketAddr, mode: Mode) -> Result<()> {
    let name = format!("{mode:?}").to_lowercase();
    let answer = post(function, &format!("/mode?mode={name}"), "", &[])?;
    ensure!(answer.status == 200, "the function answered {}", answer.status);
    Ok(())
}

fn exchange(address: SocketAddr, head: &str, body: &[u8]) -> Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_nodelay(true)?;
    let mut request = format!("{head}Host: {address}\r\nConnection: close\r\n\r\n").into_bytes();
    request.extend_from_slice(body);
    stream.write_all(&request)?;

    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").context("no head")?;
    let status = answer.get(9..12).context("a short answer")?;
    Ok(Answer { status: std::str::from_utf8(status)?.parse()?, body: answer.split_off(end + 4) })
}
