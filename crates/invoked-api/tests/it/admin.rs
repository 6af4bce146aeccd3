//! The admin pages.

use invoked_api::ApiConfig;

use crate::client::Client;
use crate::daemon::Daemon;

#[tokio::test]
async fn the_pages_follow_the_life_of_the_daemon() {
    let daemon = Daemon::start(ApiConfig::default()).await;
    let mut client = Client::connect(daemon.admin).await;
    let mut get = async |path: &str| client.send("GET", path, &[], "").await;

    assert_eq!(get("/healthz").await.text(), "ok\n");
    for path in ["/readyz", "/metrics"] {
        let answer = get(path).await;
        assert_eq!(answer.status, 503, "{path}");
        assert_eq!(answer.value()["message"], "starting");
    }

    daemon.pages.started(daemon.engine.handle());
    assert_eq!(get("/readyz").await.status, 200);
    let metrics = get("/metrics").await;
    assert_eq!(metrics.status, 200);
    assert!(metrics.text().starts_with("shards 1\n"), "{}", metrics.text());
    assert!(metrics.header("content-type").unwrap().starts_with("text/plain; version=0.0.4"));
    let missing = get("/no-such-page").await;
    assert_eq!((missing.status, &missing.value()["code"]), (404, &"NotFound".into()));

    daemon.engine.handle().refuse();
    let draining = get("/readyz").await;
    assert_eq!((draining.status, &draining.value()["message"]), (503, &"draining".into()));
    assert_eq!(get("/healthz").await.status, 200);
    let posted = client.send("POST", "/metrics", &[], "{}").await;
    assert_eq!((posted.status, posted.header("allow")), (405, Some("GET, HEAD")));
    daemon.stopped().await;
}
