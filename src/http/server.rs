//! Connections: accepted until it is time to stop, each with a bound on how long its headers may take, and on how long an
//! answer may go untaken. `axum::serve` sets hyper no timer: half a header would hold a connection for ever, and so would a
//! reader of an event stream who stops reading, for a stream is not looked at while its connection takes nothing.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;

/// The pause after the system could not accept: it has no descriptors left, and would say so again at once.
const PAUSE: Duration = Duration::from_secs(1);

/// How long a connection is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// How long a request's headers may take to come, and a connection may be idle.
    pub header: Duration,
    /// How long what is written may go untaken.
    pub write: Duration,
}

/// Serves until `stop`, then lets every request that has begun end. Connections between two requests are closed.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    timeouts: Timeouts,
    stop: impl Future<Output = ()>,
) {
    let connections = TaskTracker::new();
    let closing = CancellationToken::new();
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let closing = closing.clone();
                connections.spawn(connection(stream, peer, router.clone(), timeouts, closing));
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "no connection can be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    drop(listener);
    closing.cancel();
    connections.close();
    connections.wait().await;
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    timeouts: Timeouts,
    closing: CancellationToken,
) {
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let mut router = router.clone();
        async move {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            let answer: Result<_, Infallible> = router.call(request).await;
            answer
        }
    });
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(timeouts.write));
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(timeouts.header)
        .serve_connection(TokioIo::new(Box::pin(stream)), service)
        .with_upgrades();
    let mut serving = pin!(serving);
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = closing.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "a connection ended before its time");
    }
}

/// Whether only the connection that was about to be accepted is lost.
fn is_of_one_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse;
    use axum::routing::get;
    use futures::stream;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::mpsc;

    use super::*;

    /// Serves a body without end, that tells when it is dropped.
    async fn endless(write: Duration) -> (SocketAddr, mpsc::Receiver<()>, CancellationToken) {
        let (dropped, told) = mpsc::channel(1);
        let handler = move || {
            let dropped = dropped.clone();
            async move {
                let chunks = stream::repeat_with(move || {
                    let _held = &dropped;
                    Ok::<_, Infallible>(axum::body::Bytes::from_static(&[b'x'; 16_384]))
                });
                Body::from_stream(chunks).into_response()
            }
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let stop = CancellationToken::new();
        let timeouts = Timeouts { header: Duration::from_secs(60), write };
        let router = Router::new().route("/", get(handler));
        let stopped = stop.clone().cancelled_owned();
        tokio::spawn(async move { serve(listener, router, timeouts, stopped).await });
        (address, told, stop)
    }

    async fn reader(address: SocketAddr) -> TcpStream {
        let mut client = TcpStream::connect(address).await.expect("a connection");
        client.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("it is sent");
        let mut first = [0; 1024];
        client.read_exact(&mut first).await.expect("an answer begins");
        client
    }

    #[tokio::test]
    async fn who_stops_reading_loses_the_connection_and_its_stream() {
        let (address, mut told, stop) = endless(Duration::from_millis(200)).await;
        let mut client = reader(address).await;
        // Nothing is read now. The body's end shows in the connection: what was under way comes, and then no more.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let rest = tokio::time::timeout(Duration::from_secs(10), async {
            let mut buffer = vec![0; 1 << 16];
            while matches!(client.read(&mut buffer).await, Ok(read) if read > 0) {}
        });
        rest.await.expect("the connection was closed");
        stop.cancel();
        assert_eq!(told.recv().await, None, "the body is gone, and so is the server");
    }

    #[tokio::test]
    async fn who_reads_slowly_but_reads_keeps_it() {
        let (address, _told, stop) = endless(Duration::from_millis(500)).await;
        let mut client = reader(address).await;
        let mut buffer = vec![0; 1 << 20];
        for _ in 0..10 {
            tokio::time::sleep(Duration::from_millis(150)).await;
            assert!(client.read(&mut buffer).await.expect("it is open") > 0);
        }
        stop.cancel();
    }
}
