//! A file of JSON lines as an answer.

use std::path::Path;

use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures::Stream;
use tokio::fs::File;
use tokio::io::AsyncReadExt;
use tracing::error;

use super::problem::{Kind, Problem};

/// Bytes that are read at once.
const CHUNK: u64 = 64 << 10;

/// Streams the first `length` bytes of the file at `path`.
pub(crate) async fn file(path: &Path, length: u64) -> Result<Response, Problem> {
    let file = File::open(path).await.map_err(|error| {
        error!(%error, path = %path.display(), "cannot read a file of JSON lines");
        Kind::Internal.with("the file cannot be read")
    })?;
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(chunks(file, length))).into_response())
}

fn chunks(file: File, length: u64) -> impl Stream<Item = std::io::Result<Bytes>> {
    futures::stream::try_unfold((file, length), |(mut file, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let mut chunk = Vec::new();
        let read = (&mut file).take(left.min(CHUNK)).read_to_end(&mut chunk).await?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let left = left.saturating_sub(u64::try_from(read).unwrap_or(u64::MAX));
        Ok(Some((Bytes::from(chunk), (file, left))))
    })
}
