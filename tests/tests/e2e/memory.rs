//! A daemon with more memory than it may have takes nothing new, and does all the rest.

use invoked_tests::api::{error, invoke_async, invoke_sync};
use invoked_tests::config::Config;
use invoked_tests::daemon::Site;
use invoked_tests::function::FunctionServer;
use invoked_tests::http::{Request, send};
use invoked_tests::poll;

#[test]
fn above_its_limit_it_is_not_ready_and_says_why() {
    let function = FunctionServer::start();
    // Less than any daemon has.
    let config = Config::new().set("limits", "memory_max", "8MiB");
    let site = Site::new(config.function("hello", &function.url()));
    let daemon = site.start_unready();
    poll::soon("it is not ready for want of memory", || {
        send(site.admin, &Request::get("/readyz"))
            .is_ok_and(|answer| answer.status() == 503 && answer.text().contains("short of memory"))
    });
    let refused = daemon.send(&invoke_async("hello").body("{}"));
    assert_eq!((refused.status(), refused.headers.first("retry-after")), (503, Some("2")));
    let (code, message) = error(&refused);
    assert_eq!(code, "ServiceUnavailable");
    assert!(message.contains("short of memory"), "{message}");
    assert_eq!(daemon.send(&invoke_sync("hello").body("{}")).status(), 200);

    let admission = daemon.admin("/v1/status").json()["admission"].clone();
    assert_eq!(admission["memory_max_bytes"], 8 << 20, "{admission}");
    assert!(admission["memory_bytes"].as_u64() > Some(8 << 20), "{admission}");
    let state = daemon.metrics().sum("invoked_admission_state", &[("reason", "memory")]);
    assert_eq!(state, 1);
    daemon.stop();
}
