//! A webhook endpoint for tests.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;

/// A webhook endpoint that writes down what it is sent.
pub struct Receiver {
    pub url: String,
    pub received: Arc<Mutex<Vec<Received>>>,
    /// How many deliveries are refused first.
    pub refusals: Arc<Mutex<u32>>,
}

#[derive(Clone)]
pub struct Received {
    pub body: String,
    pub signature: String,
    pub at: Instant,
}

impl Receiver {
    pub async fn start(refusals: u32) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let (received, refusals) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(refusals)));
        let receiver = Self { url, received: Arc::clone(&received), refusals: Arc::clone(&refusals) };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (received, refusals) = (Arc::clone(&received), Arc::clone(&refusals));
                let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                    let (received, refusals) = (Arc::clone(&received), Arc::clone(&refusals));
                    async move {
                        let signature = request.headers()["stripe-signature"].to_str().unwrap().to_owned();
                        let body = request.into_body().collect().await.unwrap().to_bytes();
                        let mut left = refusals.lock().unwrap();
                        let status = if *left > 0 { 500 } else { 200 };
                        *left = left.saturating_sub(1);
                        if status == 200 {
                            let body = String::from_utf8(body.to_vec()).unwrap();
                            received.lock().unwrap().push(Received { body, signature, at: Instant::now() });
                        }
                        let mut response = hyper::Response::new(Full::new(Bytes::new()));
                        *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap();
                        Ok::<_, std::convert::Infallible>(response)
                    }
                });
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        receiver
    }

    /// What was taken so far, parsed.
    pub fn events(&self) -> Vec<Value> {
        let received = self.received.lock().unwrap();
        received.iter().map(|delivery| serde_json::from_str(&delivery.body).unwrap()).collect()
    }

    /// Waits until `count` deliveries were taken.
    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(10) {
            let received = self.received.lock().unwrap().clone();
            if received.len() >= count {
                return received;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("only {} of {count} deliveries came", self.received.lock().unwrap().len());
    }
}
