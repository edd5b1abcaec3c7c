//! The server beside the bridge: hyper and axum as the daemon sets them up, one route that reads
//! the body and answers with as many octets. Nobody is asked who he is, and nothing is looked at.

use crate::case::Shape;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::Response;
use axum::routing::any;
use http::{HeaderValue, StatusCode, header};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tower_service::Service;

/// The daemon's limit of a head.
const HEAD_OCTETS_MAX: usize = 64 << 10;

/// Answers whatever comes to this path with an answer of this shape.
pub fn router(path: &str, shape: Shape) -> Router {
    let body = Bytes::from(vec![b'x'; shape.octets]);
    let status = StatusCode::from_u16(shape.status).expect("a status");
    let kind = HeaderValue::from_str(&shape.kind).expect("a content type");
    let answer = move |read: Bytes| async move {
        std::hint::black_box(read.len());
        let mut answer = Response::new(Body::from(body));
        *answer.status_mut() = status;
        if !kind.is_empty() {
            answer.headers_mut().insert(header::CONTENT_TYPE, kind);
        }
        answer
    };
    Router::new().route(path, any(answer))
}

/// Each connection is a task.
pub async fn serve(listener: TcpListener, router: Router) {
    while let Ok((stream, _)) = listener.accept().await {
        let router = router.clone();
        tokio::spawn(async move {
            stream.set_nodelay(true).expect("TCP_NODELAY");
            let answer = service_fn(|request: http::Request<hyper::body::Incoming>| {
                let mut router = router.clone();
                let request: Request = request.map(Body::new);
                async move { router.call(request).await }
            });
            let served = http1::Builder::new()
                .max_buf_size(HEAD_OCTETS_MAX)
                .serve_connection(TokioIo::new(stream), answer);
            // It ends when the clients do.
            let _ = served.await;
        });
    }
}
