//! Request line and status line (RFC 3261 §7.1, §7.2): single spaces, version 2.0, three digits.

use super::malformed::Fault;
use super::method::Method;
use super::scan::{TOKEN, all, number, text};
use super::span::Span;
use super::uri::Uri;

#[derive(Clone, Copy, Debug)]
pub(super) enum StartLine {
    Request {
        method: Method,
        text: Span,
        uri: Span,
    },
    /// The method of a response is that of its CSeq, filled in when that has been read.
    Response {
        status: u16,
        reason: Span,
        method: Method,
    },
}

impl StartLine {
    /// The line, and where the next begins.
    pub fn read(bytes: &[u8]) -> Result<(StartLine, usize), Fault> {
        let end = bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n')).ok_or(Fault::NoBlankLine)?;
        if !bytes[end..].starts_with(b"\r\n") {
            return Err(Fault::LineEnd);
        }
        let line = &bytes[..end];
        // No method holds a slash, so nothing else can begin like this.
        let start = match line.get(..4) {
            Some(name) if name.eq_ignore_ascii_case(b"SIP/") => read_status_line(line),
            _ => read_request_line(line),
        };
        Ok((start?, end + 2))
    }

    pub fn is_request(&self) -> bool {
        match self {
            StartLine::Request { .. } => true,
            StartLine::Response { .. } => false,
        }
    }
}

fn read_request_line(line: &[u8]) -> Result<StartLine, Fault> {
    let mut words = line.split(|byte| *byte == b' ');
    let (Some(method), Some(uri), Some(version), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(Fault::StartLine);
    };
    if method.is_empty() || !all(method, TOKEN) {
        return Err(Fault::StartLine);
    }
    check_version(version)?;
    check_request_uri(uri)?;
    Ok(StartLine::Request {
        method: Method::of(method),
        text: Span::within(line, method),
        uri: Span::within(line, uri),
    })
}

fn check_version(version: &[u8]) -> Result<(), Fault> {
    if version.eq_ignore_ascii_case(b"SIP/2.0") {
        return Ok(());
    }
    let numbered = version.get(..4).is_some_and(|name| name.eq_ignore_ascii_case(b"SIP/"))
        && version[4..].iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    Err(if numbered { Fault::Version } else { Fault::StartLine })
}

/// §19.1.1, table 1: a Request-URI has neither headers nor a method. Schemes unknown here pass; whoever routes answers 416.
fn check_request_uri(uri: &[u8]) -> Result<(), Fault> {
    let uri = Uri::parse(text(uri)).map_err(|_| Fault::RequestUri)?;
    if uri.headers.is_some() || uri.is_sip() && uri.params.contains("method") {
        return Err(Fault::RequestUriHeaders);
    }
    Ok(())
}

fn read_status_line(line: &[u8]) -> Result<StartLine, Fault> {
    let (version, rest) = line.split_at_checked(7).ok_or(Fault::StartLine)?;
    check_version(version)?;
    let rest = rest.strip_prefix(b" ").ok_or(Fault::StartLine)?;
    let (digits, reason) = rest.split_at_checked(3).ok_or(Fault::Status)?;
    let status = number(digits).filter(|status| (100..700).contains(status)).ok_or(Fault::Status)?;
    // "SIP/2.0 100" without the space before an empty reason is common and harmless.
    let reason = match reason {
        [b' ', reason @ ..] => reason,
        [] => reason,
        _ => return Err(Fault::Status),
    };
    if reason.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
        return Err(Fault::ControlCharacter);
    }
    Ok(StartLine::Response {
        status: status as u16,
        reason: Span::within(line, reason),
        method: Method::Other,
    })
}
