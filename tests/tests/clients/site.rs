//! The daemon that every client meets: authentication on, TLS on, functions of both namings.

use std::process::Command;

use invoked_tests::config::{ACCOUNT, Config};
use invoked_tests::daemon::{Daemon, Site};
use invoked_tests::function::FunctionServer;
use invoked_tests::tools;

/// For `localhost` and `127.0.0.1`, from a CA of its own.
const CERTIFICATES: &str = "crates/invoked-http/testdata";

pub struct Bed {
    function: FunctionServer,
    site: Site,
}

impl Bed {
    pub fn new() -> Self {
        let function = FunctionServer::start();
        let url = function.url();
        let file =
            |name: &str| tools::root().join(CERTIFICATES).join(name).to_string_lossy().into_owned();
        let mut config = Config::new()
            .set("auth", "mode", "signed")
            .set("server.tls", "cert", file("localhost.pem"))
            .set("server.tls", "key", file("localhost.key"))
            .set("egress", "allow", vec!["127.0.0.1"]);
        // `svc$f` is the function `f` of the service `svc`.
        for name in ["hello", "tasks", "audit", "\"svc$hello\"", "\"svc$tasks\"", "\"svc$audit\""] {
            config = config.function(name, &url);
            if name.contains("tasks") {
                config = config.of_async(name, "async_task", true);
            }
        }
        for web in ["web", "\"svc$web\""] {
            config = config.function(web, &url).of_function(web, "kind", "http");
        }
        let site = Site::new(keys(config));
        Self { function, site }
    }

    pub fn start(&self) -> Daemon<'_> {
        self.site.start()
    }

    /// Tells a scenario where the daemon is and whom to trust.
    pub fn tell<'command>(&self, scenario: &'command mut Command) -> &'command mut Command {
        let authority = tools::root().join(CERTIFICATES).join("ca.pem");
        scenario
            .env("FC_ENDPOINT", format!("https://localhost:{}", self.site.api.port()))
            .env("FC_CA", &authority)
            // For the clients that take no such option.
            .env("NODE_EXTRA_CA_CERTS", &authority)
            .env("REQUESTS_CA_BUNDLE", &authority)
            .env("FUNCTION_URL", self.function.url())
    }
}

/// The keys that the scenarios know.
fn keys(config: Config) -> Config {
    config
        .set("auth.keys.testid", "secret", "testsecret")
        .set("auth.keys.testid", "account", ACCOUNT)
        .set("auth.keys.STStestid", "secret", "stssecret")
        .set("auth.keys.STStestid", "security_token", "ststoken123")
        .set("auth.keys.reader", "secret", "readersecret")
        .set("auth.keys.reader", "allow", vec!["fc:Get*", "fc:List*"])
}
