//! The do-nothing server: reads the same request and prints the same answer, and that is all.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Response, StatusCode, header};
use axum::routing::post;
use axum::serve::ListenerExt;
use bursar_core::command::Found;
use bursar_core::message::ActionKind;
use bursar_core::{Command, Decided, Message, MessageId};
use bursar_processors::marqeta::decode;
use uuid::Uuid;

use crate::Error;

/// Serves until the process ends.
pub(crate) async fn serve(port: u16) -> Result<(), Error> {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    let listener = listener.tap_io(|connection| {
        let _ = connection.set_nodelay(true);
    });
    axum::serve(listener, Router::new().route("/jit/marqeta", post(answer))).await?;
    Ok(())
}

async fn answer(body: Bytes) -> Response<Body> {
    let Ok(request) = decode(&body) else {
        return Response::builder().status(StatusCode::BAD_REQUEST).body(Body::empty()).unwrap_or_default();
    };
    let (command, encode) = request.into_command(MessageId::new(Uuid::now_v7()), Found::default());
    let answer = encode.encode(&approved(command));
    let response = Response::builder().status(answer.code).header(header::CONTENT_TYPE, "application/json");
    response.body(Body::from(answer.body)).unwrap_or_default()
}

/// A decision that nobody made.
fn approved(command: Command) -> Decided {
    let message = Message {
        id: command.id,
        kind: ActionKind::Authorize,
        key: command.key,
        fingerprint: [0; 16],
        owner: None,
        owner_sequence: None,
        at: jiff::Timestamp::UNIX_EPOCH,
        declined: None,
        group: None,
        authorization: None,
        recorded: None,
    };
    Decided {
        message,
        changes: Vec::new(),
        journal: None,
        account: None,
        hold: None,
        object: None,
        merged: Vec::new(),
        links: Vec::new(),
        discrepancy: None,
        closings: Vec::new(),
    }
}
