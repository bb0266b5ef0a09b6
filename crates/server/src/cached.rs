//! Answers of the API from the cache, as the bytes that were sent before.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bursar_cache::{View, Views};
use bytes::Bytes;
use serde::Serialize;
use uuid::Uuid;

use crate::problem::Problem;

/// A view, and whether it may be shown again as it is until something of it changes.
pub(crate) struct Loaded<V> {
    pub(crate) view: V,
    pub(crate) may_be_kept: bool,
}

/// The answer about this: from the cache, or loaded.
pub(crate) async fn answer<V: Serialize>(
    views: &Views,
    about: Uuid,
    loading: impl Future<Output = Result<Loaded<V>, Problem>>,
) -> Result<Response, Problem> {
    let loading = async {
        let Loaded { view, may_be_kept } = loading.await?;
        let bytes = serde_json::to_vec(&view).map_err(|error| {
            tracing::error!("an answer could not be written: {error}");
            Problem::internal()
        })?;
        Ok::<_, Problem>(View { bytes: bytes.into(), may_be_kept })
    };
    let bytes: Bytes = views.read(about.as_bytes(), loading).await?;
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], bytes).into_response())
}
