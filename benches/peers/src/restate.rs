//! Restate: the handler is the function. It comes with the SDK's HTTP/2 server; the harness asks it on a port of its
//! own, as it asks `invoked-load function`.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Result;
use invoked_benches::function::Function;
use restate_sdk::prelude::{Context, Endpoint, HttpServer, TerminalError, service};
use tokio::net::TcpListener;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where Restate calls it.
    #[arg(long)]
    listen: SocketAddr,
    /// Where the harness asks what it saw.
    #[arg(long)]
    control: SocketAddr,
}

struct Echo(Arc<Function>);

#[service]
impl Echo {
    #[handler(name = "handler")]
    async fn handler(&self, _context: Context<'_>, body: Vec<u8>) -> Result<String, TerminalError> {
        if self.0.called(&body).await {
            Ok("ok".to_owned())
        } else {
            Err(TerminalError::new("the function fails"))
        }
    }
}

pub(crate) async fn serve(args: &Args) -> Result<()> {
    let function = Arc::new(Function::default());
    let listener = TcpListener::bind(args.listen).await?;
    let endpoint = Endpoint::builder().bind(Echo(Arc::clone(&function))).build();
    tokio::task::spawn_local(HttpServer::new(endpoint).serve(listener));
    function.serve(args.control).await
}
