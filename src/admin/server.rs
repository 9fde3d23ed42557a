//! The HTTP server: on a runtime of the caller, or on a thread of its own so that no scrape delays a call.

use std::future::Future;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::net::TcpListener as AsyncTcpListener;
use tokio::runtime::Builder;
use tokio::sync::oneshot;

use super::health::Health;
use super::pages;

/// What the pages show. The metrics come as a function, because this room may not name the one that counts.
pub struct Parts {
    pub health: Arc<Health>,
    pub metrics: Box<dyn Fn() -> String + Send + Sync>,
    pub version: &'static str,
}

/// Serves until `stop` is ready, then finishes the requests in progress.
///
/// # Errors
/// Of the listening socket.
pub async fn serve(
    listener: AsyncTcpListener,
    parts: Parts,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    axum::serve(listener, pages::router(Arc::new(parts))).with_graceful_shutdown(stop).await
}

/// A server on its own thread. Dropping it stops the server and waits for the thread.
pub struct Server {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Serves on a thread of its own until the `Server` is dropped.
///
/// # Errors
/// If the socket cannot be handed to the runtime, or no thread can be started.
pub fn spawn(listener: TcpListener, parts: Parts) -> io::Result<Server> {
    listener.set_nonblocking(true)?;
    let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
    let (stop, stopped) = oneshot::channel();
    let listener = {
        let _entered = runtime.enter();
        AsyncTcpListener::from_std(listener)?
    };
    let serving = move || {
        let stopped = async move {
            // A sender that is gone says the same.
            let _ = stopped.await;
        };
        if let Err(fault) = runtime.block_on(serve(listener, parts, stopped)) {
            tracing::error!(%fault, "the HTTP server stopped");
        }
    };
    let thread = std::thread::Builder::new().name("http".into()).spawn(serving)?;
    Ok(Server { stop: Some(stop), thread: Some(thread) })
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{SocketAddr, TcpStream};

    use super::*;

    fn get(address: SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(address).expect("the server listens");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: gate\r\nConnection: close\r\n\r\n").expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    }

    #[test]
    fn health_and_metrics_answer_over_http() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let health = Arc::new(Health::default());
        let metrics = Box::new(|| "tollgate_calls 0\n".to_owned());
        let parts = Parts { health: Arc::clone(&health), metrics, version: "0" };
        let server = spawn(listener, parts).expect("a thread");

        assert!(get(address, "/healthz").starts_with("HTTP/1.1 200"));
        let unready = get(address, "/readyz");
        assert!(unready.starts_with("HTTP/1.1 503"), "{unready}");
        assert!(unready.contains("the store cannot be written"), "{unready}");
        health.set_listeners_bound(true);
        health.set_policy_loaded(true);
        health.set_store_writable(true);
        assert!(get(address, "/readyz").starts_with("HTTP/1.1 200"));
        health.set_draining(true);
        assert!(get(address, "/readyz").contains("going down"));
        assert!(get(address, "/metrics").contains("tollgate_calls 0"));
        assert!(get(address, "/").contains("Tollgate 0"));
        assert!(get(address, "/nothing").starts_with("HTTP/1.1 404"));
        drop(server);
        assert!(TcpStream::connect(address).is_err(), "a dropped server listens no more");
    }
}
