//! `[auth]`: whom requests have to be signed by, what each key may do, and what functions with a role
//! may tell.

use std::sync::Arc;

use invoked_api::auth::{AccessKey, AuthConfig};
use invoked_core::pattern::{ArnPattern, Pattern};
use invoked_core::role::Roles;
use invoked_fc::time::parse_rfc3339;

use super::raw::Raw;
use super::section::Section;
use super::value::{arn_part, choice, count, list, text};

/// Keys, and roles. Ours: each is looked at by hand.
const NAMED_MAX: usize = 10_000;
/// Patterns of one list.
const PATTERNS_MAX: usize = 1_000;
/// As long as the ids that requests may carry.
const KEY_ID_BYTES_MAX: usize = 128;

/// `[auth]`.
#[derive(Clone, Debug)]
pub(crate) struct Auth {
    /// Whether somebody wrote the mode down, or it is the default.
    pub(super) is_written: bool,
    /// Who is admitted, to what.
    pub(crate) config: AuthConfig,
    /// What functions with a role may tell.
    pub(crate) roles: Arc<Roles>,
    /// The names of the roles.
    pub(super) role_names: Vec<String>,
}

impl Auth {
    /// `account` is the daemon's own.
    pub(super) fn read(section: &mut Section<'_>, account: Option<&str>) -> Option<Self> {
        let is_written = section.is_written("mode");
        let is_signed = section.needed("mode", choice(&[("off", false), ("signed", true)]));
        let nonces_max = section.needed("nonces_max", count(1_000..=100_000_000));
        let (has_keys, keys) = section.section("keys", |section| {
            bounded(section);
            let has_keys = section.len() > 0;
            (has_keys, section.named(|id, section| key(id, section, account)))
        });
        let roles = section.section("roles", |section| {
            bounded(section);
            section.named(|name, section| {
                let destinations = section.needed("destinations", patterns(ArnPattern::parse));
                Some((name.to_owned(), destinations?))
            })
        });
        let mode = section.path_of("mode");
        if is_signed == Some(true) && !has_keys {
            let problem = "is \"signed\", but there is no key: [auth.keys.<id>]";
            section.reading().note(&mode, problem);
        }
        if has_keys && !is_written {
            let problem = "must be written out where there are keys: \"signed\" or \"off\"";
            section.reading().note(&mode, problem);
        }
        let is_signed = is_signed?;
        let role_names = roles.iter().map(|(name, _)| name.clone()).collect();
        let roles = roles.into_iter().map(|(name, of)| (name.into(), of.into()));
        Some(Self {
            is_written,
            config: if is_signed {
                AuthConfig::Signed { keys, nonces_max: nonces_max? }
            } else {
                AuthConfig::Off
            },
            roles: Arc::new(Roles::new(roles, is_signed)),
            role_names,
        })
    }

    /// Whether requests have to be signed.
    pub(super) fn is_on(&self) -> bool {
        matches!(self.config, AuthConfig::Signed { .. })
    }
}

fn key(id: &str, section: &mut Section<'_>, account: Option<&str>) -> Option<AccessKey> {
    let is_id = id.len() <= KEY_ID_BYTES_MAX
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    if !is_id || id.is_empty() {
        let rule = format!(
            "an access key's id must be letters, digits, '.', '-' and '_', at most {KEY_ID_BYTES_MAX}"
        );
        section.reading().note(section.path(), rule);
    }
    let secret = section.needed_secret("secret");
    let security_token = section.optional_secret("security_token");
    let expires = section.optional("expires", moment);
    let of = section.optional("account", arn_part);
    let actions = section.optional("allow", patterns(action));
    let functions = section.optional("functions", patterns(Pattern::parse));
    let destinations = section.optional("destinations", patterns(ArnPattern::parse));
    let any = || Pattern::parse("*").into_iter().collect();
    let any_destination = || ArnPattern::parse("*").into_iter().collect();
    Some(AccessKey {
        id: id.into(),
        secret: secret?.reveal().into(),
        security_token: security_token.map(|token| token.reveal().into()),
        expires_at: expires,
        account: of.as_deref().or(account)?.into(),
        actions: actions.unwrap_or_else(any),
        functions: functions.unwrap_or_else(any),
        destinations: destinations.unwrap_or_else(any_destination),
    })
}

fn bounded(section: &Section<'_>) {
    if section.len() > NAMED_MAX {
        section.reading().note(section.path(), format!("must be at most {NAMED_MAX}"));
    }
}

/// A pattern of actions. All of them begin alike.
fn action(text: &str) -> Result<Pattern, String> {
    match Pattern::parse(text) {
        Ok(pattern) if text == "*" || text.starts_with("fc:") => Ok(pattern),
        Ok(_) | Err(_) => {
            Err("must be actions, such as \"fc:InvokeFunction\" or \"fc:*\"".to_owned())
        }
    }
}

fn patterns<T, E: std::fmt::Display>(
    parse: impl Fn(&str) -> Result<T, E>,
) -> impl Fn(&Raw) -> Result<Vec<T>, String> {
    move |raw| {
        let read =
            list(|text: &str| parse(text).map_err(|error| format!("\"{text}\" {error}")))(raw)?;
        if read.len() > PATTERNS_MAX {
            return Err(format!("must be at most {PATTERNS_MAX} patterns"));
        }
        Ok(read)
    }
}

fn moment(raw: &Raw) -> Result<i64, String> {
    let read = text(raw).ok().and_then(|text| parse_rfc3339(&text));
    read.ok_or_else(|| "must be a moment in UTC, such as 2027-01-31T12:00:00Z".to_owned())
}
