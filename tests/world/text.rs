//! SIP messages as a phone of the test world reads and writes them: plain lines, so that what the gate sends is not judged by the
//! gate's own reader.

use bytes::Bytes;

/// A message cut into its lines; header names in the long form only, as everybody in this world writes them.
#[derive(Clone, Debug)]
pub struct Text {
    pub start: String,
    headers: Vec<(String, String)>,
    pub body: String,
}

impl Text {
    pub fn read(bytes: &[u8]) -> Text {
        let whole = String::from_utf8_lossy(bytes).into_owned();
        let (head, body) = whole.split_once("\r\n\r\n").expect("a blank line ends the headers");
        let mut lines = head.split("\r\n");
        let start = lines.next().unwrap_or_default().to_owned();
        let header = |line: &str| {
            let (name, value) = line.split_once(':').expect("a header has a colon");
            (name.trim().to_owned(), value.trim().to_owned())
        };
        let headers = lines.map(header).filter(|(name, _)| !name.eq_ignore_ascii_case("Content-Length"));
        Text { start, headers: headers.collect(), body: body.to_owned() }
    }

    /// A request without headers.
    pub fn request(method: &str, uri: &str) -> Text {
        Text { start: format!("{method} {uri} SIP/2.0"), headers: Vec::new(), body: String::new() }
    }

    /// A response without headers.
    pub fn response(status: &str) -> Text {
        Text {
            start: format!("SIP/2.0 {status} Said By The Table"),
            headers: Vec::new(),
            body: String::new(),
        }
    }

    pub fn with(mut self, name: &str, value: impl Into<String>) -> Text {
        self.add(name, value);
        self
    }

    pub fn add(&mut self, name: &str, value: impl Into<String>) {
        self.headers.push((name.to_owned(), value.into()));
    }

    /// One header of that name, in the place of all there were.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.remove(name);
        self.add(name, value);
    }

    pub fn remove(&mut self, name: &str) {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    }

    pub fn to_bytes(&self) -> Bytes {
        let mut out = format!("{}\r\n", self.start);
        for (name, value) in &self.headers {
            out.push_str(&format!("{name}: {value}\r\n"));
        }
        out.push_str(&format!("Content-Length: {}\r\n\r\n{}", self.body.len(), self.body));
        out.into()
    }

    pub fn is_request(&self) -> bool {
        !self.start.starts_with("SIP/2.0 ")
    }

    /// The request's method, or the one that the CSeq of a response names.
    pub fn method(&self) -> String {
        let cseq = self.header("CSeq").unwrap_or_default();
        cseq.split_whitespace().nth(1).unwrap_or_default().to_owned()
    }

    /// 0 for a request.
    pub fn status(&self) -> u16 {
        self.start.strip_prefix("SIP/2.0 ").and_then(|rest| rest.get(..3)?.parse().ok()).unwrap_or(0)
    }

    pub fn uri(&self) -> &str {
        self.start.split(' ').nth(1).unwrap_or_default()
    }

    pub fn reason(&self) -> &str {
        self.start.splitn(3, ' ').nth(2).unwrap_or_default()
    }

    pub fn cseq(&self) -> u32 {
        let cseq = self.header("CSeq").unwrap_or_default();
        cseq.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0)
    }

    pub fn header(&self, name: &str) -> Option<String> {
        self.header_str(name).map(str::to_owned)
    }

    /// The first header of that name.
    pub fn header_str(&self, name: &str) -> Option<&str> {
        let mut named = self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        named.next().map(|(_, value)| value.as_str())
    }

    pub fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers
            .iter()
            .filter(move |(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The values of a comma list over all its lines. No value of this world has a comma of its own.
    pub fn values(&self, name: &str) -> Vec<String> {
        self.headers(name).flat_map(|line| line.split(',')).map(|value| value.trim().to_owned()).collect()
    }

    /// What a table calls it: `INVITE`, `180`, `200 BYE`.
    pub fn title(&self) -> String {
        match (self.status(), self.method()) {
            (0, _) => self.start.split(' ').next().unwrap_or_default().to_owned(),
            (status, method) if method == "INVITE" => status.to_string(),
            (status, method) => format!("{status} {method}"),
        }
    }

    /// A field by the word that tables use for it; a word with a capital is the header of that name.
    pub fn field(&self, word: &str) -> Option<String> {
        let count = |name: &str| Some(self.values(name).len().to_string());
        let joined = |name: &str| Some(self.values(name).join(", ")).filter(|text| !text.is_empty());
        match word {
            "uri" => Some(self.uri().to_owned()),
            "reason" => Some(self.reason().to_owned()),
            "hops" => self.header("Max-Forwards"),
            "vias" => count("Via"),
            "via" => {
                self.values("Via").first().and_then(|via| via.split([' ', ';']).nth(1)).map(str::to_owned)
            }
            "route" => joined("Route"),
            "rr" => joined("Record-Route"),
            "routes" => count("Route"),
            "from" => self.header("From"),
            "to" => self.header("To"),
            "pai" => self.header("P-Asserted-Identity"),
            "cseq" => self.header("CSeq"),
            "body" => Some(self.body.clone()),
            name if name.starts_with(char::is_uppercase) => joined(name),
            word => panic!("no field is called {word}"),
        }
    }
}

/// What stands between the angle brackets of an address.
pub fn uri_of(address: &str) -> &str {
    address.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or(address, |(uri, _)| uri)
}

pub fn tag_of(address: &str) -> Option<&str> {
    let (_, rest) = address.split_once(";tag=")?;
    rest.split(';').next()
}
