//! Arguments that every client command shares: where the daemon is, and who asks.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::value;
use crate::config::Secret;

const HEADING: &str = "Connection";

/// How a daemon is spoken to, whichever listener it is.
#[derive(Clone, Debug, Args)]
pub(crate) struct LinkArgs {
    /// Trust the certificates of this PEM file besides the system's.
    #[arg(long, value_name = "FILE", help_heading = HEADING)]
    pub(crate) ca: Option<PathBuf>,
    /// Give up when an answer takes longer, such as 30s [default: 60s; a synchronous invocation: 24h].
    #[arg(long, value_name = "DURATION", value_parser = value::duration, help_heading = HEADING)]
    pub(crate) answer_within: Option<Duration>,
}

/// Where the Function Compute API is, and with which key requests are signed. Without any key they
/// are not signed, which a daemon with `auth.mode = "off"` takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct FcArgs {
    /// Where the API is [env: INVOKED_ENDPOINT] [default: http://127.0.0.1:7070].
    #[arg(long, value_name = "URL", help_heading = HEADING)]
    pub(crate) endpoint: Option<String>,
    /// Sign with the key of this name: INVOKED_ACCESS_{NAME}_ID, …_SECRET and …_TOKEN of the
    /// environment, or the section NAME of ~/.config/invoked/access.toml (access_key_id,
    /// access_key_secret, security_token, account_id), which only its owner may be able to read.
    #[arg(short, long, value_name = "NAME", help_heading = HEADING)]
    #[arg(conflicts_with_all = ["access_key_id", "access_key_secret", "security_token"])]
    pub(crate) access: Option<String>,
    /// Sign with this key [env: ALIBABA_CLOUD_ACCESS_KEY_ID].
    #[arg(long, value_name = "ID", help_heading = HEADING, requires = "access_key_secret")]
    pub(crate) access_key_id: Option<String>,
    /// The key's secret [env: ALIBABA_CLOUD_ACCESS_KEY_SECRET]. Other users of this machine can see
    /// arguments: prefer the environment.
    #[arg(long, value_name = "SECRET", value_parser = Secret::parse, help_heading = HEADING)]
    #[arg(requires = "access_key_id")]
    pub(crate) access_key_secret: Option<Secret>,
    /// The token of a temporary key [env: ALIBABA_CLOUD_SECURITY_TOKEN].
    #[arg(long, value_name = "TOKEN", value_parser = Secret::parse, help_heading = HEADING)]
    #[arg(requires = "access_key_id")]
    pub(crate) security_token: Option<Secret>,
    /// The account, sent along as the cloud's own tools do [env: ALIBABA_CLOUD_ACCOUNT_ID].
    #[arg(long, value_name = "ID", help_heading = HEADING)]
    pub(crate) account_id: Option<String>,
    #[command(flatten)]
    pub(crate) link: LinkArgs,
}

/// Where the admin listener is, and its token.
#[derive(Clone, Debug, Args)]
pub(crate) struct AdminArgs {
    /// Where the admin listener is [env: INVOKED_ADMIN] [default: http://127.0.0.1:7071].
    #[arg(long, value_name = "URL", help_heading = HEADING)]
    pub(crate) admin: Option<String>,
    /// Its token, where it asks for one [env: INVOKED_ADMIN_TOKEN]. Other users of this machine can
    /// see arguments: prefer the environment.
    #[arg(long, value_name = "TOKEN", value_parser = Secret::parse, help_heading = HEADING)]
    pub(crate) admin_token: Option<Secret>,
    /// Of which account, where it is not the daemon's own.
    #[arg(long, value_name = "ID", help_heading = HEADING)]
    pub(crate) account: Option<String>,
    #[command(flatten)]
    pub(crate) link: LinkArgs,
}
