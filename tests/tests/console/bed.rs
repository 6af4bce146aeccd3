//! What the scenarios find: a daemon with tokens of every role, functions, and queues of which some are not there at first.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use invoked_doubles::mns::{self, Account, Mns};
use invoked_doubles::{Options, Server, Step};
use invoked_tests::config::Config;
use invoked_tests::daemon::Site;
use invoked_tests::function::FunctionServer;
use invoked_tests::tools;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::crowd;

/// Names of tokens and their roles.
const TOKENS: [(&str, &str); 3] =
    [("boss", "admin"), ("night-shift", "operator"), ("onlooker", "viewer")];

/// Functions whose callbacks go to a queue of their name, and how many of those it refuses before it is there.
const LOST: [(&str, u32); 4] = [("lost", 1), ("many", 3), ("keys", 1), ("silent", 1)];

pub struct Bed {
    function: FunctionServer,
    site: Site,
    queues: Server,
    runtime: Runtime,
}

impl Bed {
    pub fn start() -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let queues = runtime.block_on(queues());
        let function = FunctionServer::start();
        let site = Site::new(config(&function.url(), &queues.url()));
        Self { function, site, queues, runtime }
    }

    /// Runs a scenario to its end; panics with what it said if it is not content.
    pub fn passes(self, scenario: &str) {
        self.passes_after(scenario, |_site| Vec::new());
    }

    /// The same with a daemon that `before` has been at; the scenario finds in its environment what that says.
    pub fn passes_after(
        self,
        scenario: &str,
        before: impl FnOnce(&Site) -> Vec<(&'static str, String)>,
    ) {
        let daemon = self.site.start();
        let told = before(&self.site);
        let pictures = Pictures::new();
        let mut node = Command::new(tools::node());
        node.args(["--test", "--test-reporter=spec", scenario])
            .current_dir(tools::root().join("tests/console"))
            .env("NODE_PATH", tools::console_modules())
            .env("CONSOLE_URL", format!("http://{}/console/", self.site.admin))
            .env("API_URL", format!("http://{}", self.site.api))
            .env("CHROMIUM", tools::in_path("chromium").expect("run `cargo xtask prepare` once"))
            .env("SCREENSHOTS", pictures.place())
            .env("LOAD_SECONDS", pictures.load_seconds())
            .envs(told);
        for (name, role) in TOKENS {
            node.env(format!("TOKEN_{}", role.to_uppercase()), token(name));
        }
        let output = node.output().expect("node starts");
        let said = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{scenario} is not content:\n{said}\n{errors}");
        daemon.stop();
        drop(self.function);
        self.runtime.block_on(self.queues.close());
    }
}

pub fn token(name: &str) -> String {
    format!("token-of-{name}-for-tests")
}

fn config(function: &str, queues: &str) -> Config {
    let mut config = Config::new()
        .set("sinks.mns.default", "endpoint", queues)
        .set("sinks.mns.default", "access_key_id", "id")
        .set("sinks.mns.default", "access_key_secret", "secret");
    for (name, role) in TOKENS {
        let section = format!("admin.tokens.{name}");
        config = config.set(&section, "role", role).set(&section, "token", token(name));
    }
    let told = [("worker", "orders"), ("steady", "orders"), ("broken", "orders")];
    for (name, queue) in told.into_iter().chain(LOST.map(|(name, _)| (name, name))) {
        let arn = format!("acs:mns:::/queues/{queue}/messages");
        config = config.function(name, function).of_async(name, "async_task", true).of_async(
            name,
            "on_success",
            arn.as_str(),
        );
    }
    let canary = "functions.steady.qualifiers.canary";
    let stable = "functions.steady.qualifiers.stable";
    config
        .function("plain", function)
        .of_async("broken", "max_async_retry_attempts", 0)
        .set(canary, "concurrency", 1)
        .set(canary, "rate", 50)
        .set(stable, "concurrency", 8)
        .set(stable, "weight", 3)
        .function(crowd::FUNCTION, function)
        .of_async(crowd::FUNCTION, "async_task", true)
        .of_async(crowd::FUNCTION, "max_async_retry_attempts", 0)
}

async fn queues() -> Server {
    let account = Account {
        access_key_id: "id".to_owned(),
        access_key_secret: "secret".to_owned(),
        security_token: None,
    };
    let server = Server::start(Mns::with_any(account), Options::new(Arc::new(unix_millis)));
    let server = server.await.expect("a port of loopback");
    for (name, times) in LOST {
        let missing = Step::answer(mns::error("QueueNotExist"));
        server.script().add(&format!("/queues/{name}"), missing, times);
    }
    server
}

fn unix_millis() -> i64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(since_1970.as_millis()).expect("before the year 292 million")
}

/// Where the pictures go: into the documentation if that is asked for, and away with the test otherwise.
enum Pictures {
    Kept(PathBuf),
    Dropped(TempDir),
}

impl Pictures {
    fn new() -> Self {
        if std::env::var_os("INVOKED_SCREENSHOTS").is_some_and(|what| what == "write") {
            return Self::Kept(tools::root().join("docs/images"));
        }
        Self::Dropped(TempDir::with_prefix("invoked-console-").expect("a temporary directory"))
    }

    /// How long the daemon works before, for charts worth looking at.
    fn load_seconds(&self) -> &'static str {
        match self {
            Self::Kept(_) => "100",
            Self::Dropped(_) => "0",
        }
    }

    fn place(&self) -> PathBuf {
        match self {
            Self::Kept(place) => place.clone(),
            Self::Dropped(place) => place.path().to_owned(),
        }
    }
}
