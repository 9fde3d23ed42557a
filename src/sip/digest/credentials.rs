//! What a client sends in Authorization and Proxy-Authorization (RFC 7616 §3.4), and whether it proves the password.

use std::borrow::Cow;

use subtle::ConstantTimeEq;

use super::challenge::{Asked, Protection};
use super::directives::{find, read, unescaped};
use super::hash::{Algorithm, Ha1, from_hex, response};

/// One answer to a challenge. Its directives are as received; nothing of it is proved until [`Credentials::verify`] says so.
#[derive(Clone, Copy, Debug)]
pub struct Credentials<'a> {
    username: &'a str,
    realm: &'a str,
    pub nonce: &'a str,
    /// Must be the Request-URI, or one that means the same (RFC 7616 §3.4.6): the caller compares.
    pub uri: &'a str,
    response: &'a str,
    pub algorithm: Algorithm,
    /// `nc` and `cnonce` with `qop=auth`; None for the way of RFC 2069.
    counted: Option<(&'a str, &'a str)>,
}

impl<'a> Credentials<'a> {
    /// Reads a header value. None for another scheme, broken grammar, a doubled or missing directive, an unknown hash, or a
    /// quality of protection that was not offered.
    pub fn parse(value: &'a str) -> Option<Credentials<'a>> {
        let directives = read(value)?;
        let of = |name: &str| find(&directives, name);
        let counted = match of("qop") {
            None => None,
            Some(qop) if qop.eq_ignore_ascii_case("auth") => Some((of("nc")?, of("cnonce")?)),
            Some(_) => return None,
        };
        let is_count = |nc: &str| nc.len() == 8 && nc.bytes().all(|byte| byte.is_ascii_hexdigit());
        if counted.is_some_and(|(nc, _)| !is_count(nc)) {
            return None;
        }
        Some(Credentials {
            username: of("username")?,
            realm: of("realm")?,
            nonce: of("nonce")?,
            uri: of("uri")?,
            response: of("response")?,
            algorithm: of("algorithm").map_or(Some(Algorithm::Md5), Algorithm::of)?,
            counted,
        })
    }

    pub fn username(&self) -> Cow<'a, str> {
        unescaped(self.username)
    }

    pub fn realm(&self) -> Cow<'a, str> {
        unescaped(self.realm)
    }

    /// The nonce count; 1 where there is none, so that such a nonce serves once.
    pub fn count(&self) -> u32 {
        self.counted.and_then(|(nc, _)| u32::from_str_radix(nc, 16).ok()).unwrap_or(1)
    }

    /// True if whoever made this knows the secret. Takes the same time for every wrong answer.
    pub fn verify(&self, ha1: &Ha1, method: &str) -> bool {
        let Some(secret) = ha1.text(self.algorithm) else {
            return false;
        };
        let counted = self.counted.map(|(nc, cnonce)| (nc, cnonce, Protection::Auth));
        let asked = Asked { method, uri: self.uri, body: b"" };
        let expected = response(self.algorithm, &secret, self.nonce, counted, asked);
        match self.algorithm {
            Algorithm::Md5 => is_equal::<16>(expected.as_str(), self.response),
            Algorithm::Sha256 => is_equal::<32>(expected.as_str(), self.response),
        }
    }
}

fn is_equal<const N: usize>(expected: &str, given: &str) -> bool {
    match (from_hex::<N>(expected), from_hex::<N>(given)) {
        (Some(expected), Some(given)) => expected.ct_eq(&given).into(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RFC_7616: &str = "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", uri=\"/dir/index.html\", \
        algorithm=ALGORITHM, nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", nc=00000001, \
        cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", qop=auth, response=\"RESPONSE\", \
        opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"";

    #[test]
    fn rfc_7616_section_3_9_1_both_hashes() {
        let ha1 = Ha1::of("Mufasa", "http-auth@example.org", "Circle of Life");
        let table = [
            ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
            ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
        ];
        for (algorithm, response) in table {
            let value = RFC_7616.replace("ALGORITHM", algorithm).replace("RESPONSE", response);
            let credentials = Credentials::parse(&value).unwrap();
            assert!(credentials.verify(&ha1, "GET"), "{algorithm}");
            assert!(!credentials.verify(&ha1, "POST"), "{algorithm}");
            assert!(!credentials.verify(&Ha1::of("Mufasa", "http-auth@example.org", "wrong"), "GET"));
        }
    }

    #[test]
    fn rfc_2617_section_3_5_and_the_older_way_without_qop() {
        let ha1 = Ha1::of("Mufasa", "testrealm@host.com", "Circle Of Life");
        let common = "Digest username=\"Mufasa\",realm=\"testrealm@host.com\",\
            nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\",uri=\"/dir/index.html\"";
        let counted = format!(
            "{common},qop=auth,nc=00000001,cnonce=\"0a4f113b\",response=\"6629fae49393a05397450978507c4ef1\""
        );
        assert!(Credentials::parse(&counted).unwrap().verify(&ha1, "GET"));
        let bare = format!("{common},response=\"670fd8c2df070c60b045671b8b24ff02\"");
        assert!(Credentials::parse(&bare).unwrap().verify(&ha1, "GET"));
    }

    #[test]
    fn a_hash_that_the_secret_lacks_proves_nothing() {
        let value = RFC_7616.replace("ALGORITHM", "SHA-256").replace("RESPONSE", &"0".repeat(64));
        let md5_only = Ha1 { sha256: None, ..Ha1::of("Mufasa", "http-auth@example.org", "Circle of Life") };
        assert!(!Credentials::parse(&value).unwrap().verify(&md5_only, "GET"));
    }

    #[test]
    fn strange_headers_are_no_credentials() {
        let whole = RFC_7616.replace("ALGORITHM", "MD5").replace("RESPONSE", "00");
        assert!(Credentials::parse(&whole).is_some());
        let table = [
            "NoOneKnowsThisScheme opaque-data=here".to_owned(),
            "Digest".to_owned(),
            "Digest username=\"a\"".to_owned(),
            format!("{whole}, realm=\"again\""),
            format!("{whole},"),
            whole.replace("qop=auth", "qop=auth-int"),
            whole.replace("MD5", "MD5-sess"),
            whole.replace("nc=00000001", "nc=1"),
            whole.replace("nc=00000001, ", ""),
        ];
        for value in table {
            assert!(Credentials::parse(&value).is_none(), "{value}");
        }
    }
}
