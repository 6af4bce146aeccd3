//! The command line of `invoked why`.

use clap::{ArgGroup, Args};

use super::access::AdminArgs;

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).multiple(true).args(["id", "function", "destination"]))]
pub(crate) struct WhyArgs {
    /// The invocation's request id; with --function, the task's id.
    pub(crate) id: Option<String>,
    /// The task's function; without an ID, the function itself.
    #[arg(long)]
    pub(crate) function: Option<String>,
    /// With --function alone: what the invocations of this version or alias wait for.
    #[arg(long, requires = "function", conflicts_with = "id")]
    pub(crate) qualifier: Option<String>,
    /// A destination, an ARN.
    #[arg(long, value_name = "ARN", conflicts_with_all = ["id", "function"])]
    pub(crate) destination: Option<String>,
    #[command(flatten)]
    pub(crate) admin: AdminArgs,
}
