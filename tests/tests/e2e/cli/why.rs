//! What waits, asked of the command line while it waits.

use invoked_tests::api::{accepted, invoke_async};
use invoked_tests::config::Config;
use invoked_tests::daemon::{Site, said, stdout};
use invoked_tests::function::FunctionServer;
use invoked_tests::poll;

use super::{document, failed, run};

#[test]
fn why_names_what_holds_an_invocation_and_what_would_change_it() {
    let worker = FunctionServer::start();
    let config =
        Config::new().function("worker", &worker.url()).set("functions.worker", "concurrency", 1);
    let site = Site::new(config);
    let daemon = site.start();
    let idle = run(&site, &["why", "--function", "worker"]);
    let (parts, idle) = (stdout(&idle), said(&idle));
    let parts: Vec<_> = parts.split("\n\n").collect();
    assert_eq!(parts[0], "Nothing: nothing waits\nnothing to be done", "{idle}");
    let has = |name: &str, value: &str| {
        let mut lines = parts[1].lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        lines.any(|line| line == [name, value])
    };
    assert!(has("function", "worker") && has("limit", "1") && has("waiting", "0"), "{idle}");
    let hold = invoke_async("worker").body(r#"{"plan":["hold"]}"#);
    let first = accepted(&daemon.send(&hold));
    worker.wait_for(1);
    let second = accepted(&daemon.send(&invoke_async("worker").body("{}")));
    let why = document(&site, &["why", &first]);
    assert_eq!(why["reason"], "Running", "{why}");
    let why = document(&site, &["why", &second]);
    assert_eq!((&why["reason"], &why["lane"]["limit"]), (&"Concurrency".into(), &1.into()));
    let text = run(&site, &["why", "--function", "worker"]);
    let text = said(&text);
    assert!(text.contains("Concurrency: ") && text.contains("raise `concurrency`"), "{text}");
    failed(&site, &["why"], 2);
    failed(&site, &["why", "00000000-0000-0000-0000-000000000009"], 1);
    let chosen = failed(&site, &["why", "order-7"], 1);
    assert!(
        chosen.contains("does not exist") && chosen.contains("why --function NAME"),
        "{chosen}"
    );
    worker.release();
    poll::soon("nothing waits", || {
        document(&site, &["why", "--function", "worker"])["reason"] == "Nothing"
    });
}
