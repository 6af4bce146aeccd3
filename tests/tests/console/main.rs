//! The console in a real browser against the real daemon.
//!
//! The scenarios stand in `tests/console`, drive Debian's Chromium through playwright-core and assert for themselves.
//! `INVOKED_SCREENSHOTS=write` puts the pictures of every page into `docs/images`. Run by `cargo xtask test`, which
//! installs browser and packages first. `INVOKED_CROWD` says how many tasks the lists are walked through with.

mod bed;
mod crowd;

use crate::bed::Bed;

#[test]
fn an_operator_works_through_a_night() {
    Bed::start().passes("operator.test.mjs");
}

#[test]
fn a_callback_is_redriven_by_keyboard_alone() {
    Bed::start().passes("keyboard.test.mjs");
}

#[test]
fn a_viewer_sees_no_payload() {
    Bed::start().passes("viewer.test.mjs");
}

#[test]
fn lists_stay_small_however_many_tasks_there_are() {
    Bed::start().passes_after("crowd.test.mjs", crowd::gather);
}

#[test]
fn every_page_is_accessible_in_light_and_dark() {
    Bed::start().passes("pages.test.mjs");
}
