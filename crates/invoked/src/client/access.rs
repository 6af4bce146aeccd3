//! The key that requests are signed with: from the arguments, from a named access, or from the
//! variables that the official clients read. Without any, requests go unsigned.
//!
//! # Invariants
//!
//! `half_a_key_is_an_error`, `arguments_go_before_the_environment`,
//! `a_file_that_others_can_read_is_refused`.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use invoked_fc::sign::Credentials;
use toml::Table;

use crate::cli::access::FcArgs;
use crate::config::{Environment, Secret};
use crate::failure::Failure;

const ID: &str = "ALIBABA_CLOUD_ACCESS_KEY_ID";
const SECRET: &str = "ALIBABA_CLOUD_ACCESS_KEY_SECRET";
const TOKEN: &str = "ALIBABA_CLOUD_SECURITY_TOKEN";
const ACCOUNT: &str = "ALIBABA_CLOUD_ACCOUNT_ID";

/// Where the accesses of a user are, below the directory for configuration.
const FILE: &str = "invoked/access.toml";

/// Bytes of that file that are read. Ours: a thousand keys.
const FILE_BYTES_MAX: u64 = 256 * 1024;

/// Who asks.
#[derive(Debug, Default)]
pub(super) struct Access {
    pub(super) key: Option<Key>,
    /// The account, which is sent along.
    pub(super) account_id: Option<String>,
}

/// A key.
#[derive(Debug)]
pub(super) struct Key {
    id: String,
    secret: Secret,
    token: Option<Secret>,
    source: Source,
}

/// Where a key was found, for advice.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Source {
    Arguments,
    Variables(String, String),
    File(PathBuf, String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arguments => f.write_str("--access-key-id and --access-key-secret"),
            Self::Variables(id, secret) => write!(f, "the variables {id} and {secret}"),
            Self::File(path, name) => write!(f, "[{name}] in {}", path.display()),
        }
    }
}

impl Key {
    pub(super) fn credentials(&self) -> Credentials<'_> {
        Credentials {
            access_key_id: &self.id,
            access_key_secret: self.secret.reveal(),
            security_token: self.token.as_ref().map(Secret::reveal),
        }
    }

    pub(super) fn source(&self) -> &Source {
        &self.source
    }
}

impl Access {
    /// Finds who asks.
    ///
    /// # Errors
    /// There is half a key, a key that cannot stand in a header, or no access of the name.
    pub(super) fn find(args: &FcArgs, environment: &Environment) -> Result<Self, Failure> {
        let mut found = Self::key(args, environment).map_err(Failure::Usage)?;
        if let Some(given) = args.account_id.as_deref().or_else(|| variable(environment, ACCOUNT)) {
            found.account_id = Some(given.to_owned());
        }
        Ok(found)
    }

    fn key(args: &FcArgs, environment: &Environment) -> Result<Self, String> {
        if let (Some(id), Some(secret)) = (&args.access_key_id, &args.access_key_secret) {
            let source = Source::Arguments;
            let (secret, token) = (secret.clone(), args.security_token.clone());
            return Ok(Self::of(Key { id: header_text(id, &source)?, secret, token, source }));
        }
        if let Some(name) = &args.access {
            let names = of_access(name);
            return match Self::of_variables(environment, &names)? {
                Some(found) => Ok(found),
                None => Self::of_file(name, environment, &names),
            };
        }
        let names = [ID, SECRET, TOKEN].map(str::to_owned);
        Ok(Self::of_variables(environment, &names)?.unwrap_or_default())
    }

    fn of(key: Key) -> Self {
        Self { key: Some(key), account_id: None }
    }

    fn of_variables(
        environment: &Environment,
        [id, secret, token]: &[String; 3],
    ) -> Result<Option<Self>, String> {
        let source = Source::Variables(id.clone(), secret.clone());
        match (variable(environment, id), variable(environment, secret)) {
            (None, None) => Ok(None),
            (Some(_), None) => Err(format!("{id} is set and {secret} is not")),
            (None, Some(_)) => Err(format!("{secret} is set and {id} is not")),
            (Some(key_id), Some(value)) => {
                let parse = |name: &str, value: &str| {
                    Secret::parse(value).map_err(|rule| format!("{name}: {rule}"))
                };
                let given = variable(environment, token);
                Ok(Some(Self::of(Key {
                    id: header_text(key_id, &source)?,
                    secret: parse(secret, value)?,
                    token: given.map(|value| parse(token, value)).transpose()?,
                    source,
                })))
            }
        }
    }

    fn of_file(
        name: &str,
        environment: &Environment,
        [id, secret, _]: &[String; 3],
    ) -> Result<Self, String> {
        let base = match (variable(environment, "XDG_CONFIG_HOME"), variable(environment, "HOME")) {
            (Some(base), _) => Some(PathBuf::from(base)),
            (None, Some(home)) => Some(PathBuf::from(home).join(".config")),
            (None, None) => None,
        };
        let path = base.map(|base| base.join(FILE)).unwrap_or_default();
        let unknown = || {
            format!(
                "no access {name}: set {id} and {secret}, or write [{name}] into ~/.config/{FILE}"
            )
        };
        let Ok(file) = File::open(&path) else { return Err(unknown()) };
        let wrong = |why: &dyn fmt::Display| format!("{}: {why}", path.display());
        let mode = file.metadata().map_err(|error| wrong(&error))?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(wrong(&"others can read it; chmod 600 keeps its keys secret"));
        }
        let mut text = String::new();
        file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(|error| wrong(&error))?;
        // The parser's own message quotes the line, which may hold a secret.
        let accesses: Table = text.parse().map_err(|_| wrong(&"is not TOML"))?;
        let section = accesses.get(name).ok_or_else(unknown)?;
        let text = |key: &str| match section.get(key) {
            None => Ok(None),
            Some(toml::Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(wrong(&format_args!("{name}.{key}: must be a text"))),
        };
        let secret_text = |key: &str| {
            let parse = |text: String| Secret::parse(&text);
            let parsed = text(key)?.map(parse).transpose();
            parsed.map_err(|rule| wrong(&format_args!("{name}.{key}: {rule}")))
        };
        let lacks = |key: &str| wrong(&format_args!("{name}.{key} is missing"));
        let source = Source::File(path.clone(), name.to_owned());
        let key_id = text("access_key_id")?.ok_or_else(|| lacks("access_key_id"))?;
        let key = Key {
            id: header_text(&key_id, &source)?,
            secret: secret_text("access_key_secret")?.ok_or_else(|| lacks("access_key_secret"))?,
            token: secret_text("security_token")?,
            source,
        };
        Ok(Self { key: Some(key), account_id: text("account_id")? })
    }
}

/// The variables of an access.
fn of_access(name: &str) -> [String; 3] {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '_' };
    let name: String = name.to_ascii_uppercase().chars().map(plain).collect();
    ["ID", "SECRET", "TOKEN"].map(|part| format!("INVOKED_ACCESS_{name}_{part}"))
}

/// A variable that is set and not empty.
fn variable<'a>(environment: &'a Environment, name: &str) -> Option<&'a str> {
    environment.get(name).filter(|value| !value.is_empty())
}

fn header_text(id: &str, source: &Source) -> Result<String, String> {
    Secret::parse(id).map(|_| id.to_owned()).map_err(|rule| format!("the key of {source}: {rule}"))
}

#[cfg(test)]
mod tests;
