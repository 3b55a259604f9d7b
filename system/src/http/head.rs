//! Bounds on what comes before a body: the path with its query, and the headers.
//!
//! hyper itself refuses a head of some hundred KiB, without a document; these bounds are far below.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::problem::Kind;

/// Bytes of a path and its query.
const URI_MAX: usize = 4 * 1024;
/// Bytes of all headers, names and values.
const HEADERS_MAX: usize = 16 * 1024;

/// Refuses a head that is larger than any client of this system has a reason for.
pub(crate) async fn bound(request: Request, next: Next) -> Response {
    let uri = request.uri().path_and_query().map_or(0, |uri| uri.as_str().len());
    if uri > URI_MAX {
        return Kind::UriTooLong.with(format!("it has {uri} bytes, at most {URI_MAX} are taken")).into_response();
    }
    let headers: usize = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if headers > HEADERS_MAX {
        let detail = format!("they have {headers} bytes, at most {HEADERS_MAX} are taken");
        return Kind::HeadersTooLarge.with(detail).into_response();
    }
    next.run(request).await
}
