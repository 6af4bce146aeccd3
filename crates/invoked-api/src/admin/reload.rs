//! The configuration, read again because an operator asks for it.
//!
//! This crate does not know the configuration: a wish goes to whoever does, and what came of it comes back.
#![expect(unused_qualifications, reason = "the macro of utoipa writes full paths of parameters")]

use std::fmt;

use http::StatusCode;
use tokio::sync::{mpsc, oneshot};
use utoipa::IntoParams;

use crate::admin::asked::Asked;
use crate::admin::dto::reload::{ReloadRefused, Reloaded};
use crate::admin::openapi::Common;
use crate::admin::problem::AdminProblem;
use crate::admin::reply::json;
use crate::refused::Refused;
use crate::reply::Reply;

/// Somebody wants the configuration to be read again.
#[derive(Debug)]
pub struct ReloadWish {
    /// Whether it is only to be said what would change.
    pub is_dry_run: bool,
    /// The name of the token of whoever asks.
    pub by: String,
    /// For what came of it.
    pub reply: oneshot::Sender<Result<ReloadDone, Vec<ReloadProblem>>>,
}

/// What a configuration that was read has changed, or would.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ReloadDone {
    /// What is different.
    pub changes: Vec<ReloadChange>,
    /// What is allowed and may not be meant.
    pub warnings: Vec<ReloadProblem>,
}

/// A difference between the configuration in force and the one that was read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReloadChange {
    /// The key.
    pub path: String,
    /// What became of it.
    pub kind: ReloadKind,
    /// Whether it is a secret, or the content of a file.
    pub is_masked: bool,
}

/// What became of a key.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub enum ReloadKind {
    /// It was not there before.
    Added,
    /// It is there no more.
    Removed,
    /// It is another.
    Changed,
}

/// Why a configuration is not taken, or what one does that may not be meant.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReloadProblem {
    /// The key, or the file.
    pub path: String,
    /// What is wrong there, in the words of an operator.
    pub message: String,
}

impl fmt::Display for ReloadChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            ReloadKind::Added => "added",
            ReloadKind::Removed => "removed",
            ReloadKind::Changed => "changed",
        };
        write!(f, "{kind} {}{}", self.path, if self.is_masked { " (masked)" } else { "" })
    }
}

impl fmt::Display for ReloadProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

/// How it is read again.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ReloadAsked {
    /// Only says what would change.
    #[param(nullable = false, default = false)]
    dry_run: Option<bool>,
}

/// Reads the configuration again: files, secrets and certificates. All of it takes effect, or nothing.
#[utoipa::path(
    post,
    path = "/v1/reload",
    operation_id = "reloadConfig",
    tag = "daemon",
    params(
        ReloadAsked,
        ("x-invoked-admin" = String, Header, pattern = "^1$", description = "Says that the change is meant."),
    ),
    responses(
        (status = 200, description = "It is in force, or would be.", body = Reloaded),
        (status = 409, description = "It is not taken, and nothing has changed.", body = ReloadRefused),
        Common,
    )
)]
pub(super) async fn reload(
    wishes: Option<&mpsc::Sender<ReloadWish>>,
    mut asked: Asked,
    by: &str,
) -> Result<Reply, AdminProblem> {
    let dry_run = asked.choice("dry_run", [("true", true), ("false", false)])?;
    let wanted = ReloadAsked { dry_run };
    asked.finish()?;
    let is_dry_run = wanted.dry_run.unwrap_or(false);
    let Some(wishes) = wishes else {
        return refused("NoReload", "the configuration of this daemon is not read again", &[]);
    };
    let (reply, answer) = oneshot::channel();
    let wish = ReloadWish { is_dry_run, by: by.to_owned(), reply };
    wishes.try_send(wish).map_err(|_| AdminProblem::Reloading)?;
    match answer.await.map_err(|_| AdminProblem::Reloading)? {
        Ok(done) => {
            let changes = done.changes.iter().map(Into::into).collect();
            let warnings = done.warnings.iter().map(Into::into).collect();
            json(StatusCode::OK, &Reloaded { dry_run: is_dry_run, changes, warnings })
        }
        Err(problems) => {
            let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
            let message = format!(
                "the configuration is not taken, nothing has changed:\n{}",
                lines.join("\n")
            );
            refused("InvalidConfiguration", &message, &problems)
        }
    }
}

fn refused(
    word: &'static str,
    message: &str,
    problems: &[ReloadProblem],
) -> Result<Reply, AdminProblem> {
    let problems = problems.iter().map(Into::into).collect();
    let (code, message) = (word.to_owned(), message.to_owned());
    let mut reply =
        json(StatusCode::CONFLICT, &ReloadRefused { code, message, field: None, problems })?;
    reply.extensions_mut().insert(Refused::new(word, "configuration", ""));
    Ok(reply)
}
