//! As much blocking HTTP/1.1 as the tests need, on a bare `TcpStream`.
//!
//! It is written by hand because half of the tests are about what a proper client cannot be made to send: half a
//! body, a body longer than declared, a request cut off in the middle.

pub mod client;
pub mod message;

pub use client::{Connection, Request, send, tcp};
pub use message::{Headers, Message};
