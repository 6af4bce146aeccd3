//! The description of the admin API, made from the code: OpenAPI 3.1.
//!
//! It is served at `/v1/openapi.json` and checked in as `docs/openapi.json`; a test compares the
//! two, and writes the file anew with `INVOKED_OPENAPI=write`.

use std::collections::BTreeMap;

use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, OpenApi as Document, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, Modify, OpenApi};

use crate::admin::{
    about, backup, callbacks, destinations, dto, events, functions, invocations, lanes, log_level,
    operations, reload, session, status, tasks, why,
};

const BEARER: &str = "bearer";

/// The document.
pub(super) fn document() -> Document {
    Api::openapi()
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "invoked admin API",
        description = "How an operator sees and steers an invoked daemon. \
            Every request that changes something carries the header x-invoked-admin: 1. \
            Where tokens are configured every request carries one; or the cookie of a session; viewers look (at events, answers and messages only if their token says so), operators stop and \
            retry tasks, pause and resume lanes, redrive callbacks and probe destinations, admins \
            change functions, purge, begin backups and have the configuration read again.",
    ),
    servers((url = "http://127.0.0.1:7071")),
    security((), ("bearer" = [])),
    modifiers(&Bearer),
    tags(
        (name = "daemon", description = "The daemon itself."),
        (name = "session", description = "Signing in, for the console's page."),
        (name = "console", description = "What the console's page draws."),
        (name = "functions", description = "Registered functions."),
        (name = "tasks", description = "Tasks, and other kept invocations."),
        (name = "callbacks", description = "Deliveries to destinations that have not come about."),
        (name = "operations", description = "Work over many rows."),
        (name = "destinations", description = "Who is told."),
    ),
    paths(
        describe,
        status::get,
        about::configuration,
        about::store,
        session::get,
        session::begin,
        session::end,
        super::series,
        events::stream,
        invocations::list,
        reload::reload,
        log_level::get,
        log_level::put,
        backup::begin,
        backup::get,
        functions::list,
        functions::get,
        functions::put,
        functions::delete,
        functions::configs,
        lanes::count,
        lanes::pause_function,
        lanes::resume_function,
        lanes::purge,
        lanes::stop,
        lanes::retry,
        tasks::list,
        tasks::get,
        tasks::stop,
        tasks::retry,
        tasks::invocation,
        tasks::retry_invocation,
        callbacks::list,
        callbacks::get,
        operations::redrive,
        operations::list,
        operations::get,
        operations::cancel,
        destinations::list,
        destinations::probe,
        why::invocation,
        why::task,
        why::function,
        why::destination,
        lanes::pause_destination,
        lanes::resume_destination,
        lanes::purge_destination,
    ),
    components(schemas(dto::Error)),
)]
struct Api;

/// Describes this API.
#[utoipa::path(
    get,
    path = "/v1/openapi.json",
    operation_id = "getOpenApi",
    tag = "daemon",
    responses((status = 200, description = "This document.", body = Object), Common)
)]
#[expect(dead_code, reason = "the attribute needs something to stand on")]
fn describe() {}

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut Document) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme(BEARER, SecurityScheme::Http(scheme));
    }
}

/// What any request may be answered.
pub(super) struct Common;

/// The answer where something stands in the way that may change.
pub(super) struct Conflict;

/// The answer where what is needed is not kept any more.
pub(super) struct Gone;

type Responses = BTreeMap<String, RefOr<Response>>;

impl IntoResponses for Common {
    fn responses() -> Responses {
        errors(&[
            ("400", "A parameter, a field or the body is not in its form; `field` says which."),
            ("401", "A token is needed, or not known."),
            ("403", "The token's role does not allow it, or a browser may have been tricked."),
            ("404", "There is no such thing."),
            ("413", "The body is too large."),
            ("415", "The body is not application/json."),
            ("429", "Too much waits. Try again after `Retry-After` seconds."),
            ("500", "A fault of the daemon; its log says more."),
            ("503", "Not now. Try again after `Retry-After` seconds."),
        ])
    }
}

impl IntoResponses for Conflict {
    fn responses() -> Responses {
        errors(&[("409", "It is not in a state for that.")])
    }
}

impl IntoResponses for Gone {
    fn responses() -> Responses {
        errors(&[("410", "The payload is not kept.")])
    }
}

fn errors(table: &[(&str, &str)]) -> Responses {
    let response = |(status, description): &(&str, &str)| {
        let content = Content::new(Some(Ref::from_schema_name("Error")));
        let response = ResponseBuilder::new()
            .description(*description)
            .content("application/json", content)
            .build();
        ((*status).to_owned(), RefOr::T(response))
    };
    table.iter().map(response).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn the_checked_in_description_is_that_of_the_code() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
        let mut made = serde_json::to_string_pretty(&document()).unwrap();
        made.push('\n');
        if std::env::var_os("INVOKED_OPENAPI").is_some_and(|wish| wish == "write") {
            fs::write(&path, &made).unwrap();
        }
        let checked_in = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            checked_in == made,
            "docs/openapi.json is not that of the code; write it anew with \
             INVOKED_OPENAPI=write cargo test -p invoked-api openapi"
        );
    }

    #[test]
    fn every_change_asks_for_the_header_that_shows_it_is_meant() {
        let document = serde_json::to_value(document()).unwrap();
        let mut changes = 0;
        for (path, operations) in document["paths"].as_object().unwrap() {
            for (method, operation) in operations.as_object().unwrap() {
                let empty = Vec::new();
                let parameters = operation["parameters"].as_array().unwrap_or(&empty);
                let header = parameters.iter().find(|of| of["name"] == "x-invoked-admin");
                let is_change = method != "get";
                assert_eq!(header.is_some(), is_change, "{method} {path}");
                assert!(header.is_none_or(|header| header["required"] == true), "{method} {path}");
                changes += usize::from(is_change);
            }
        }
        assert_eq!(changes, 21);
    }
}
