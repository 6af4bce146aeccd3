//! Answers, as bytes.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, ETAG, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use invoked_core::id::RequestId;
use invoked_fc::headers;
use serde::Serialize;

use crate::content::Content;
use crate::etag::etag;
use crate::problem::Problem;

/// An answer.
pub type Reply = Response<Content>;

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static(headers::REQUEST_ID);
pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// An answer without a body.
pub(crate) fn empty(status: StatusCode) -> Reply {
    let mut reply = Reply::default();
    *reply.status_mut() = status;
    reply
}

/// An answer with a body of this type.
pub(crate) fn full(status: StatusCode, content_type: HeaderValue, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Content::from(body.into()));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, content_type);
    reply
}

/// A 200 with a list, or anything else that has no version.
pub(crate) fn json(body: &impl Serialize) -> Result<Reply, Problem> {
    Ok(full(StatusCode::OK, JSON, rendered(body)?))
}

/// A 200 with a resource and its version.
pub(crate) fn resource(body: &impl Serialize) -> Result<Reply, Problem> {
    let body = rendered(body)?;
    let tag = visible(&etag(&body));
    let mut reply = full(StatusCode::OK, JSON, body);
    reply.headers_mut().insert(ETAG, tag);
    Ok(reply)
}

/// A resource as it stands in an answer.
pub(crate) fn rendered(body: &impl Serialize) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec(body).map_err(Problem::Render)
}

/// A header's value; what may not stand in one becomes `?`.
pub(crate) fn visible(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| {
        let kept: String = text
            .chars()
            .map(|letter| if letter.is_ascii_graphic() { letter } else { '?' })
            .collect();
        HeaderValue::from_str(&kept).unwrap_or_else(|_| HeaderValue::from_static("?"))
    })
}

/// The value of `x-fc-request-id`.
pub(crate) fn id_value(id: RequestId) -> HeaderValue {
    // Hexadecimal digits and hyphens always read; the text's own buffer is kept.
    HeaderValue::try_from(id.to_string()).unwrap_or_else(|_| HeaderValue::from_static("?"))
}
