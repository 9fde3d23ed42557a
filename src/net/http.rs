//! Requests of our own over HTTP and HTTPS (RFC 9110): to a CRM, to whoever takes our notices. They block, so they are made on threads of
//! their own, never on the thread of the calls; each has a deadline and a limit on what it takes in.

use std::fmt;
use std::io::{self, Read, Write};
use std::time::Duration;

use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body, Timeout, http};

/// Where distributions keep the authorities that the machine's owner trusts, a company's own among them.
const AUTHORITIES: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// Connections that stay open to one host for the next request: as many as there are threads that ask.
const IDLE_PER_HOST: usize = 8;

/// Bytes of the headers of an answer: many times what servers send.
const HEADER_BYTES: usize = 16 << 10;

/// How long an unused connection is kept: shorter than servers keep theirs, so that none dies under a request.
const IDLE: Duration = Duration::from_secs(10);

/// Asks other machines over HTTP. Clones share their connections.
#[derive(Clone, Debug)]
pub struct Client {
    agent: Agent,
}

/// One request.
#[derive(Clone)]
pub struct Request<'r> {
    /// `http` or `https`.
    pub url: &'r str,
    pub headers: &'r [(&'r str, &'r str)],
    /// `None` is GET; else POST.
    pub body: Option<&'r [u8]>,
    /// From the look-up of the name to the last byte of the answer.
    pub deadline: Duration,
    /// Of the answer's body; more is a fault.
    pub bytes_max: u64,
    /// Followed without the `Authorization` of the request, should they lead to another host.
    pub redirects_max: u32,
}

/// Headers may hold secrets, and so may the query: neither is printed.
impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

/// What came back, of whatever status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
    /// Seconds of a Retry-After (RFC 9110 §10.2.3), if it came as a number.
    pub retry_after: Option<u64>,
}

/// Why there is no answer. Names neither the URL nor the headers: both may hold secrets.
#[derive(Debug, thiserror::Error)]
pub enum HttpFault {
    #[error("the URL is not one of http or https")]
    Url,
    #[error("no answer in time")]
    Deadline,
    #[error("the name of the host is not known")]
    Host,
    #[error("the host takes no connection")]
    Refused,
    #[error("the answer is longer than {0} bytes")]
    TooLong(u64),
    #[error("the certificate or the encryption is not accepted: {0}")]
    Tls(String),
    #[error("it was redirected too often")]
    Redirects,
    #[error("what came back is not HTTP: {0}")]
    NotHttp(String),
    #[error("the connection broke: {0}")]
    Broken(io::Error),
    #[error("the answer cannot be kept: {0}")]
    Kept(io::Error),
}

impl HttpFault {
    /// One word for metric labels: a closed set.
    pub fn label(&self) -> &'static str {
        match self {
            HttpFault::Url => "url",
            HttpFault::Deadline => "deadline",
            HttpFault::Host => "host",
            HttpFault::Refused => "refused",
            HttpFault::TooLong(_) => "too_long",
            HttpFault::Tls(_) => "tls",
            HttpFault::Redirects => "redirects",
            HttpFault::NotHttp(_) => "not_http",
            HttpFault::Broken(_) => "broken",
            HttpFault::Kept(_) => "kept",
        }
    }
}

impl Default for Client {
    fn default() -> Client {
        Client::new()
    }
}

impl Client {
    /// A client that trusts the authorities of this machine, or those of the web where the machine names none. Proxies of the
    /// environment are not used: what asks for the company's own servers must not be led elsewhere by a variable.
    pub fn new() -> Client {
        let tls = TlsConfig::builder().root_certs(authorities()).build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .proxy(None)
            .http_status_as_error(false)
            .max_redirects_will_error(true)
            .max_idle_connections_per_host(IDLE_PER_HOST)
            .max_idle_age(IDLE)
            .max_response_header_size(HEADER_BYTES)
            .user_agent(concat!("tollgate/", env!("CARGO_PKG_VERSION")))
            .build();
        Client { agent: Agent::new_with_config(config) }
    }

    /// Sends the request and waits for the whole answer, at most until the deadline. Blocks.
    ///
    /// # Errors
    /// No answer, or one that is too long. A status of failure is an answer.
    pub fn ask(&self, request: &Request<'_>) -> Result<Answer, HttpFault> {
        let mut body = Vec::new();
        let (status, retry_after) = self.download(request, &mut body)?;
        Ok(Answer { status, body, retry_after })
    }

    /// As `ask`, but what comes goes into `into` as it comes, whatever the status. Gives the status and Retry-After.
    ///
    /// # Errors
    /// As `ask`, and if `into` takes no more; part of the answer may be in it by then.
    pub fn download(
        &self,
        request: &Request<'_>,
        into: &mut impl Write,
    ) -> Result<(u16, Option<u64>), HttpFault> {
        let answer = self.send(request).map_err(fault)?;
        let status = answer.status().as_u16();
        let retry_after = answer.headers().get(http::header::RETRY_AFTER);
        let retry_after = retry_after.and_then(|value| value.to_str().ok()?.trim().parse().ok());
        // One byte more tells an answer of just this length from a longer one.
        let mut body =
            answer.into_body().into_with_config().limit(request.bytes_max.saturating_add(1)).reader();
        copy(&mut body, into, request.bytes_max)?;
        Ok((status, retry_after))
    }

    fn send(&self, request: &Request<'_>) -> Result<http::Response<Body>, ureq::Error> {
        let mut builder = http::Request::builder().uri(request.url);
        for (name, value) in request.headers {
            builder = builder.header(*name, *value);
        }
        match request.body {
            Some(body) => self.run(builder.method(http::Method::POST).body(body)?, request),
            None => self.run(builder.method(http::Method::GET).body(())?, request),
        }
    }

    fn run(
        &self,
        message: http::Request<impl ureq::AsSendBody>,
        request: &Request<'_>,
    ) -> Result<http::Response<Body>, ureq::Error> {
        let message = self.agent.configure_request(message).timeout_global(Some(request.deadline));
        self.agent.run(message.max_redirects(request.redirects_max).build())
    }
}

/// The authorities of the machine; those that browsers trust if it names none.
fn authorities() -> RootCerts {
    let named = std::env::var("SSL_CERT_FILE").ok();
    let files = named.as_deref().into_iter().chain(AUTHORITIES);
    let found = files.into_iter().find_map(|file| {
        let certificates = certificates(&std::fs::read(file).ok()?);
        (!certificates.is_empty()).then_some(certificates)
    });
    found.map_or(RootCerts::WebPki, RootCerts::from)
}

fn certificates(pem: &[u8]) -> Vec<Certificate<'static>> {
    let certificate = |item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        Ok(_) | Err(_) => None,
    };
    parse_pem(pem).filter_map(certificate).collect()
}

fn copy(body: &mut impl Read, into: &mut impl Write, bytes_max: u64) -> Result<(), HttpFault> {
    let mut piece = [0; 16 << 10];
    let mut count = 0;
    loop {
        let read = match body.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(read) => read,
            Err(broken) if broken.kind() == io::ErrorKind::Interrupted => continue,
            Err(broken) => return Err(fault(ureq::Error::from(broken))),
        };
        count += read as u64;
        if count > bytes_max {
            return Err(HttpFault::TooLong(bytes_max));
        }
        into.write_all(&piece[..read]).map_err(HttpFault::Kept)?;
    }
}

/// The library's faults in our words. Its list is open, hence the last arm.
fn fault(error: ureq::Error) -> HttpFault {
    match error {
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => HttpFault::Url,
        ureq::Error::Timeout(Timeout::Resolve) => HttpFault::Host,
        ureq::Error::Timeout(_) => HttpFault::Deadline,
        ureq::Error::HostNotFound => HttpFault::Host,
        ureq::Error::ConnectionFailed => HttpFault::Refused,
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => HttpFault::Refused,
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::TimedOut => HttpFault::Deadline,
        ureq::Error::Io(error) => HttpFault::Broken(error),
        ureq::Error::BodyExceedsLimit(bytes) => HttpFault::TooLong(bytes),
        ureq::Error::TooManyRedirects | ureq::Error::RedirectFailed => HttpFault::Redirects,
        error @ (ureq::Error::Tls(_) | ureq::Error::Rustls(_) | ureq::Error::Pem(_)) => {
            HttpFault::Tls(error.to_string())
        }
        other => HttpFault::NotHttp(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::net::{TcpListener, TcpStream};
    use std::thread::JoinHandle;

    use super::*;

    /// A server that takes one request, keeps its head, and says `answer`.
    fn server(answer: &'static [u8]) -> (String, JoinHandle<String>) {
        serve(move |stream| stream.write_all(answer).expect("an answer"))
    }

    fn serve(answer: impl FnOnce(&mut TcpStream) + Send + 'static) -> (String, JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/ask", listener.local_addr().expect("an address"));
        let taken = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut head = String::new();
            let mut lines = BufReader::new(stream.try_clone().expect("the same stream"));
            while lines.read_line(&mut head).expect("a line") > 2 {}
            answer(&mut stream);
            head
        });
        (url, taken)
    }

    fn get(url: &str) -> Request<'_> {
        let deadline = Duration::from_secs(10);
        Request { url, headers: &[("X-Key", "k")], body: None, deadline, bytes_max: 8, redirects_max: 0 }
    }

    #[test]
    fn an_answer_of_any_status_is_an_answer() {
        let (url, taken) =
            server(b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 8\r\n\r\n12345678");
        let answer = Client::new().ask(&get(&url)).expect("an answer");
        assert_eq!(answer, Answer { status: 503, body: b"12345678".into(), retry_after: Some(7) });
        let head = taken.join().expect("a server").to_lowercase();
        assert!(head.starts_with("get /ask http/1.1\r\n") && head.contains("x-key: k\r\n"), "{head}");
        assert!(head.contains("user-agent: tollgate/"), "{head}");
    }

    #[test]
    fn a_body_is_posted() {
        let (url, taken) = server(b"HTTP/1.1 204 Done\r\n\r\n");
        let request = Request { body: Some(b"{}"), ..get(&url) };
        assert_eq!(Client::new().ask(&request).expect("an answer").status, 204);
        let head = taken.join().expect("a server").to_lowercase();
        assert!(head.starts_with("post /ask") && head.contains("content-length: 2\r\n"), "{head}");
    }

    #[test]
    fn what_is_too_long_late_broken_or_nonsense_is_a_fault() {
        let label = |url: &str, deadline| {
            let request = Request { deadline, ..get(url) };
            Client::new().ask(&request).map_err(|fault| fault.label())
        };
        let (long, patient) = (Duration::from_secs(10), Duration::from_millis(200));
        let (url, _) = server(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123456789");
        assert_eq!(label(&url, long), Err("too_long"));
        let (url, _) = server(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1234");
        assert_eq!(label(&url, long), Err("broken"));
        let (url, _) = server(b"well, hello there\r\n\r\n");
        assert_eq!(label(&url, long), Err("not_http"));
        let (url, _) = server(b"HTTP/1.1 302 Over there\r\nLocation: http://127.0.0.1:1/\r\n\r\n");
        assert_eq!(label(&url, long).map(|answer| answer.status), Ok(302), "with no redirect allowed");
        let (hold, held) = std::sync::mpsc::channel::<()>();
        let (url, _) = serve(move |_| assert!(held.recv().is_err(), "let go"));
        assert_eq!(label(&url, patient), Err("deadline"));
        drop(hold);
        assert_eq!(label("http://127.0.0.1:1/", long), Err("refused"));
        assert_eq!(label("ftp://127.0.0.1/", long).map(|answer| answer.status), Err("url"));
    }
}
