//! What the console's page asks the real binary for: signing in, what is hidden, events as they happen, pages of
//! invocations. The page itself is driven by a browser in `tests/tests/console`.

use std::io::{BufRead, BufReader, Write as _};
use std::net::TcpStream;
use std::time::Instant;

use invoked_tests::api::{accepted, invoke_async};
use invoked_tests::config::Config;
use invoked_tests::daemon::{Daemon, Site};
use invoked_tests::function::FunctionServer;
use invoked_tests::http::{Message, Request, send};
use invoked_tests::{poll, ports};
use serde_json::{Value, json};

const VIEWER: &str = "a-token-to-look-with";
const ADMIN: &str = "a-token-to-act-with";

fn config(function: &FunctionServer, viewer: &str) -> Config {
    Config::new()
        .function("tasks", &function.url())
        .of_async("tasks", "async_task", true)
        .function("plain", &function.url())
        .set("admin.tokens.looker", "role", "viewer")
        .set("admin.tokens.looker", "token", viewer)
        .set("admin.tokens.actor", "role", "admin")
        .set("admin.tokens.actor", "token", ADMIN)
}

fn ask(site: &Site, request: Request) -> Message {
    send(site.admin, &request).expect("the admin listener answers")
}

fn sign_in(site: &Site, token: &str) -> Message {
    let request = Request::new("POST", "/v1/session").header("x-invoked-admin", "1");
    ask(site, request.json(&json!({ "token": token })))
}

/// The cookie of an answer, as a browser would send it back.
fn cookie(answer: &Message) -> String {
    let set = answer.headers.first("set-cookie").expect("a cookie");
    set.split(';').next().expect("a pair").to_owned()
}

fn with(cookie: &str, method: &'static str, path: &str) -> Request {
    Request::new(method, path).header("cookie", cookie)
}

fn ended_task(site: &Site, daemon: &Daemon<'_>) -> String {
    let id = accepted(&daemon.send(&invoke_async("tasks").body("a payload nobody may see")));
    let bearer = format!("Bearer {ADMIN}");
    poll::soon("the task ends", || {
        let request = Request::get(format!("/v1/invocations/{id}"));
        ask(site, request.header("authorization", &bearer)).json()["ended_at"].is_string()
    });
    id
}

#[test]
fn a_page_signs_in_and_sees_what_its_token_may() {
    let function = FunctionServer::start();
    let site = Site::new(config(&function, VIEWER));
    let daemon = site.start();
    let id = ended_task(&site, &daemon);

    assert_eq!(ask(&site, Request::get("/v1/session")).status(), 401);
    assert_eq!(sign_in(&site, "none-of-the-tokens").status(), 401);
    let unmeant = Request::new("POST", "/v1/session").json(&json!({ "token": VIEWER }));
    assert_eq!(ask(&site, unmeant).status(), 403, "a form of somebody else's page");

    let answer = sign_in(&site, VIEWER);
    assert_eq!(answer.status(), 200, "{}", answer.text());
    let set = answer.headers.first("set-cookie").expect("a cookie");
    assert!(set.contains("HttpOnly") && set.contains("SameSite=Strict"), "{set}");
    let viewer = cookie(&answer);
    let session = ask(&site, with(&viewer, "GET", "/v1/session")).json();
    assert_eq!(
        (&session["name"], &session["role"], &session["payloads"], &session["needs_token"]),
        (&json!("looker"), &json!("viewer"), &json!(false), &json!(true))
    );
    assert_eq!(session["operations"], json!([]), "a viewer changes nothing");

    let path = format!("/v1/invocations/{id}");
    let hidden = ask(&site, with(&viewer, "GET", &path)).json();
    assert_eq!(
        (&hidden["payload"], &hidden["result"], &hidden["payloads_hidden"]),
        (&Value::Null, &Value::Null, &json!(true))
    );
    let actor = cookie(&sign_in(&site, ADMIN));
    let session = ask(&site, with(&actor, "GET", "/v1/session")).json();
    let may = session["operations"].as_array().expect("a list");
    assert!(may.contains(&json!("purgeFunction")), "{session}");
    let seen = ask(&site, with(&actor, "GET", &path)).json();
    assert_eq!(seen["payload"]["data"], "a payload nobody may see");
    assert_eq!(seen["payloads_hidden"], Value::Null);

    let stranger = with(&actor, "GET", "/v1/status").header("origin", "http://evil.example");
    assert_eq!(ask(&site, stranger).status(), 403, "a cookie counts for our own page alone");
    let pause = || with(&actor, "POST", "/v1/functions/plain/pause");
    assert_eq!(ask(&site, pause()).status(), 403, "it has to be meant");
    assert_eq!(ask(&site, pause().header("x-invoked-admin", "1")).status(), 200);
    let by_viewer = with(&viewer, "POST", "/v1/functions/plain/resume");
    assert_eq!(ask(&site, by_viewer.header("x-invoked-admin", "1")).status(), 403);
    assert_eq!(ask(&site, with(&viewer, "GET", "/v1/config")).status(), 403);
    let shown = ask(&site, with(&actor, "GET", "/v1/config")).text();
    assert!(shown.contains("looker") && !shown.contains(ADMIN), "{shown}");

    let out = with(&actor, "DELETE", "/v1/session").header("x-invoked-admin", "1");
    assert_eq!(ask(&site, out).status(), 204);
    assert_eq!(ask(&site, with(&actor, "GET", "/v1/session")).status(), 401);

    site.configure(config(&function, "another-token-to-look"));
    daemon.reload();
    poll::soon("the session of a token that is gone ends", || {
        ask(&site, with(&viewer, "GET", "/v1/session")).status() == 401
    });
    assert!(!site.said().contains(viewer.split('=').next_back().expect("a value")));
}

#[test]
fn what_is_carried_is_hidden_wherever_it_would_be_shown() {
    const SUPPORT: &str = "a-token-to-look-into-things";
    const SECRET: &str = "a payload nobody may see";
    let function = FunctionServer::start();
    let config = config(&function, VIEWER)
        .of_async("tasks", "on_success", "acs:fc:::functions/nowhere")
        .set("sinks.fc.default", "endpoint", format!("http://{}", ports::free()))
        .set("sinks.fc.default", "access_key_id", "id")
        .set("sinks.fc.default", "access_key_secret", "secret")
        .set("callback", "max_elapsed", "1s")
        .set("admin.tokens.support", "role", "viewer")
        .set("admin.tokens.support", "payloads", true)
        .set("admin.tokens.support", "token", SUPPORT);
    let site = Site::new(config);
    let daemon = site.start();
    let id = accepted(&daemon.send(&invoke_async("tasks").body(SECRET)));
    let get = |token: &str, path: &str| {
        let request = Request::get(path).header("authorization", format!("Bearer {token}"));
        ask(&site, request)
    };
    let callback = format!("/v1/callbacks/{id}");
    poll::soon("the callback is given up", || get(ADMIN, &callback).status() == 200);
    poll::soon("it is kept", || get(ADMIN, &callback).json()["status"] == "Failed");

    let invocation = format!("/v1/invocations/{id}");
    let task = format!("/v1/tasks/tasks/{id}");
    let carriers = [
        (&invocation, vec!["payload", "result"]),
        (&task, vec!["payload", "result"]),
        (&callback, vec!["envelope"]),
    ];
    for (path, contents) in carriers {
        let hidden = get(VIEWER, path);
        assert!(!hidden.text().contains(SECRET), "{path}: {}", hidden.text());
        let (hidden, seen) = (hidden.json(), get(SUPPORT, path).json());
        assert_eq!(
            (&hidden["payloads_hidden"], &seen["payloads_hidden"]),
            (&json!(true), &Value::Null),
            "{path}"
        );
        for content in contents {
            assert_eq!(hidden[content], Value::Null, "{content} of {path}");
            let data = seen[content]["data"].as_str().unwrap_or_default();
            assert!(data.contains(SECRET), "{content} of {path}: {seen}");
        }
    }
}

#[test]
fn what_a_function_says_of_its_failure_is_hidden_as_its_answers_are() {
    const SAID: &str = "as planned";
    let function = FunctionServer::start();
    let config = config(&function, VIEWER).of_async("tasks", "max_async_retry_attempts", 0);
    let site = Site::new(config);
    let daemon = site.start();
    let id = accepted(&daemon.send(&invoke_async("tasks").json(&json!({ "plan": ["fail"] }))));
    let get = |token: &str, path: &str| {
        let request = Request::get(path).header("authorization", format!("Bearer {token}"));
        ask(&site, request).text()
    };
    let invocation = format!("/v1/invocations/{id}");
    poll::soon("it has failed", || get(ADMIN, &invocation).contains(SAID));
    for path in [
        &invocation,
        &format!("/v1/tasks/tasks/{id}"),
        "/v1/tasks?function=tasks",
        // The page of those that have ended.
        "/v1/invocations?function=tasks&token=e",
        &format!("/v1/invocations/{id}/why"),
        &format!("/v1/tasks/tasks/{id}/why"),
        "/v1/functions/tasks/why",
    ] {
        let (hidden, seen) = (get(VIEWER, path), get(ADMIN, path));
        assert!(hidden.contains("InvocationError") && !hidden.contains(SAID), "{path}: {hidden}");
        assert!(seen.contains(SAID), "{path}: {seen}");
    }
    let events = format!("/v1/events?invocation={id}");
    let seen = Stream::open(&site, &events).next("invocation");
    assert_eq!(seen["error"]["message"], SAID);
    let who = format!("authorization: Bearer {VIEWER}");
    let hidden = Stream::open_with(&site, &events, &who).next("invocation");
    assert_eq!(hidden["error"]["code"], "InvocationError");
    assert!(!hidden.to_string().contains(SAID), "{hidden}");
}

#[test]
fn tokens_are_not_guessed_by_signing_in() {
    let function = FunctionServer::start();
    let site = Site::new(config(&function, VIEWER));
    let _daemon = site.start();
    let refused = poll::until("guesses are not looked at any more", poll::SOON, || {
        let answer = sign_in(&site, "none-of-the-tokens");
        (answer.status() != 401).then_some(answer)
    });
    assert_eq!(refused.status(), 429, "{}", refused.text());
    assert_eq!(refused.headers.first("retry-after"), Some("6"));
    let request = Request::get("/v1/status").header("authorization", format!("Bearer {ADMIN}"));
    assert_eq!(ask(&site, request).status(), 200, "programs with a token are not kept out");
}

/// The events of a stream, as far as they have come.
struct Stream(BufReader<TcpStream>);

impl Stream {
    fn open(site: &Site, path: &str) -> Self {
        Self::open_with(site, path, &format!("authorization: Bearer {ADMIN}"))
    }

    /// With the header that says who reads.
    fn open_with(site: &Site, path: &str, who: &str) -> Self {
        let mut socket = TcpStream::connect(site.admin).expect("the admin listener is there");
        socket.set_read_timeout(Some(poll::SOON)).expect("a timeout");
        let head = format!(
            "GET {path} HTTP/1.1\r\nhost: {}\r\n{who}\r\nconnection: close\r\n\r\n",
            site.admin
        );
        socket.write_all(head.as_bytes()).expect("the head leaves");
        Self(BufReader::new(socket))
    }

    fn status(&mut self) -> String {
        self.line(Instant::now())
    }

    /// The next line; nothing at the end. A stream says something each second, so who waits for one thing of it
    /// says since when.
    #[track_caller]
    fn line(&mut self, since: Instant) -> String {
        assert!(since.elapsed() < poll::SOON, "what was waited for did not come");
        let mut line = String::new();
        self.0.read_line(&mut line).expect("a line comes");
        line
    }

    /// Reads on until the daemon ends it.
    #[track_caller]
    fn ends(mut self) {
        let since = Instant::now();
        while !self.line(since).is_empty() {}
    }

    /// The data of the next event of this name.
    #[track_caller]
    fn next(&mut self, name: &str) -> Value {
        let since = Instant::now();
        let mut is_it = false;
        loop {
            let line = self.line(since);
            assert_ne!(line, "", "the stream ended");
            match line.trim_end().split_once(": ") {
                Some(("event", event)) => is_it = event == name,
                Some(("data", data)) if is_it => {
                    return serde_json::from_str(data).expect("JSON");
                }
                Some(_) | None => {}
            }
        }
    }
}

#[test]
fn a_page_watches_an_invocation_from_its_acceptance_to_its_end() {
    let function = FunctionServer::start();
    let site = Site::new(config(&function, VIEWER));
    let daemon = site.start();
    let id = accepted(&daemon.send(&invoke_async("tasks").json(&json!({ "plan": ["hold"] }))));

    let mut stream = Stream::open(&site, &format!("/v1/events?invocation={id}"));
    assert!(stream.status().contains("200"));
    let first = stream.next("invocation");
    assert_eq!((&first["request_id"], &first["ended_at"]), (&json!(id), &Value::Null));
    assert!(stream.next("overview")["live"].as_u64().expect("a number") >= 1);
    function.release();
    let last = loop {
        let seen = stream.next("invocation");
        assert_eq!(seen["payload"], Value::Null, "events carry no payloads");
        if seen["ended_at"].is_string() {
            break seen;
        }
    };
    assert_eq!(last["status"], "Succeeded");

    let drawn = poll::until("a point is kept", poll::SOON, || {
        let request = Request::get("/v1/series").header("authorization", format!("Bearer {ADMIN}"));
        let drawn = ask(&site, request).json();
        (!drawn["at"].as_array().expect("a list").is_empty()).then_some(drawn)
    });
    assert_eq!(drawn["step_ms"], 5_000);
    assert_eq!(drawn["budget"]["bad"], 0);

    // A page that is looked at does not hold up the end of the daemon.
    daemon.stop();
    stream.ends();
}

#[test]
fn a_page_watches_a_task_whose_id_was_chosen() {
    let function = FunctionServer::start();
    let site = Site::new(config(&function, VIEWER));
    let daemon = site.start();
    let chosen = invoke_async("tasks").header("x-fc-async-task-id", "nightly-7");
    accepted(&daemon.send(&chosen.json(&json!({ "plan": ["hold"] }))));

    let task = "/v1/events?function=tasks&task=nightly-7";
    let mut stream = Stream::open(&site, task);
    assert!(stream.status().contains("200"));
    let first = stream.next("invocation");
    assert_eq!((&first["task_id"], &first["ended_at"]), (&json!("nightly-7"), &Value::Null));
    function.release();
    while stream.next("invocation")["ended_at"].is_null() {}

    let mut other = Stream::open(&site, "/v1/events?function=tasks&task=nightly");
    assert_eq!(other.next("gone"), json!({}), "another id is another task");
    for (query, field) in [
        ("task=nightly", "function is missing"),
        ("function=tasks", "function is not a parameter"),
        ("function=1&task=x", "function must be"),
        (&format!("invocation={}&task=x", first["request_id"].as_str().unwrap()), "task excludes"),
    ] {
        let request = Request::get(format!("/v1/events?{query}"));
        let refused = ask(&site, request.header("authorization", format!("Bearer {ADMIN}")));
        assert_eq!(refused.status(), 400, "{query}");
        assert!(refused.text().contains(field), "{query}: {}", refused.text());
    }
}

#[test]
fn a_page_hears_of_lanes_and_that_nothing_is_kept() {
    let function = FunctionServer::start();
    let site = Site::new(config(&function, VIEWER));
    let daemon = site.start();
    let id = accepted(&daemon.send(&invoke_async("plain").json(&json!({ "plan": ["hold"] }))));

    let mut stream = Stream::open(&site, &format!("/v1/events?invocation={id}"));
    assert_eq!(stream.next("invocation")["request_id"], json!(id));
    assert_eq!(stream.next("lanes"), json!({ "functions": ["plain"], "destinations": [] }));
    function.release();
    assert_eq!(stream.next("gone"), json!({}), "a plain invocation leaves no record");
}

#[test]
fn a_stream_ends_with_the_session_that_reads_it() {
    let function = FunctionServer::start();
    let site = Site::new(config(&function, VIEWER));
    let daemon = site.start();
    let read_by = |token: &str| {
        let session = cookie(&sign_in(&site, token));
        let mut stream = Stream::open_with(&site, "/v1/events", &format!("cookie: {session}"));
        assert!(stream.next("overview")["at"].is_number());
        (session, stream)
    };

    let (actor, stream) = read_by(ADMIN);
    let out = with(&actor, "DELETE", "/v1/session").header("x-invoked-admin", "1");
    assert_eq!(ask(&site, out).status(), 204);
    stream.ends();

    let (_, stream) = read_by(VIEWER);
    site.configure(config(&function, "another-token-to-look"));
    daemon.reload();
    stream.ends();
}

#[test]
fn streams_are_bounded() {
    let function = FunctionServer::start();
    let site = Site::new(config(&function, VIEWER));
    let _daemon = site.start();
    let mut streams: Vec<_> = (0..48).map(|_| Stream::open(&site, "/v1/events")).collect();
    for stream in &mut streams {
        assert!(stream.status().contains("200"));
    }
    assert!(Stream::open(&site, "/v1/events").status().contains("429"));
    let request = Request::get("/v1/status").header("authorization", format!("Bearer {ADMIN}"));
    assert_eq!(ask(&site, request).status(), 200, "operators are not kept out");

    drop(streams.pop());
    poll::soon("the place of a reader who went away is free", || {
        Stream::open(&site, "/v1/events").status().contains("200")
    });
}

#[test]
fn invocations_are_listed_page_by_page() {
    let function = FunctionServer::start();
    let site = Site::new(config(&function, VIEWER));
    let daemon = site.start();
    let bearer = format!("Bearer {ADMIN}");
    let act = |path: &str| {
        let request = Request::new("POST", path).header("authorization", &bearer);
        ask(&site, request.header("x-invoked-admin", "1")).status()
    };
    assert_eq!(act("/v1/functions/plain/pause"), 200);
    let mut connection = daemon.connect();
    for _ in 0..2_100 {
        let answer = connection.send(&invoke_async("plain").body("{}")).expect("an answer");
        assert_eq!(answer.status(), 202);
    }
    let (mut token, mut pages, mut seen) = (String::new(), 0, std::collections::BTreeSet::new());
    loop {
        let path = format!("/v1/invocations?function=plain&status=Enqueued&limit=100{token}");
        let page = ask(&site, Request::get(path).header("authorization", &bearer)).json();
        let invocations = page["invocations"].as_array().expect("a list");
        assert!(invocations.len() <= 100);
        for invocation in invocations {
            assert_eq!(invocation["status"], "Enqueued");
            seen.insert(invocation["request_id"].as_str().expect("an id").to_owned());
        }
        pages += 1;
        let Some(next) = page["next"].as_str() else { break };
        token = format!("&token={next}");
    }
    assert_eq!((seen.len(), pages), (2_100, 21));

    let refused = ask(&site, Request::get("/v1/invocations").header("authorization", &bearer));
    assert_eq!((refused.status(), &refused.json()["field"]), (400, &json!("function")));
    let path = "/v1/invocations?function=plain&token=x";
    let refused = ask(&site, Request::get(path).header("authorization", &bearer));
    assert_eq!((refused.status(), &refused.json()["field"]), (400, &json!("token")));
}

#[test]
fn the_page_is_served_with_a_strict_policy() {
    const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                          font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
                          frame-ancestors 'none'";
    let hardened = [
        ("content-security-policy", POLICY),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("x-frame-options", "DENY"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ];
    let site = Site::new(Config::new());
    let _daemon = site.start();
    let get = |path: &str| {
        let answer = ask(&site, Request::get(path));
        for (name, value) in hardened {
            assert_eq!(answer.headers.first(name), Some(value), "{name} of {path}");
        }
        answer
    };
    let answer = get("/console");
    assert_eq!((answer.status(), answer.headers.first("location")), (308, Some("/console/")));

    let index = get("/console/");
    assert_eq!((index.status(), index.headers.first("cache-control")), (200, Some("no-cache")));
    let tag = index.headers.first("etag").expect("a tag");
    let again = ask(&site, Request::get("/console/").header("if-none-match", tag));
    assert_eq!((again.status(), again.body.len()), (304, 0));

    let page = index.text();
    let places = page.split('"').filter_map(|text| text.strip_prefix("./assets/"));
    let assets: Vec<_> = places.map(|name| format!("/console/assets/{name}")).collect();
    assert!(assets.iter().any(|path| path.ends_with(".js")), "a page without its program: {page}");
    for path in assets {
        let asset = get(&path);
        assert_eq!(asset.status(), 200, "{path}");
        let caching = asset.headers.first("cache-control");
        assert_eq!(caching, Some("public, max-age=31536000, immutable"), "{path}");
    }
}
