//! Claims to have been made with a key: that any of them is read or refused, and that signing and verifying agree.

use invoked_fc::query::Query;
use invoked_fc::sign::{Authorization, Credentials, Form, Request, acs3, fc, roa};
use invoked_tests::rng::Rng;

use crate::request::{Parts, text};

/// The clock of the captured requests: 2026-11-22T19:15:00Z.
const NOW: i64 = 1_795_374_900;
const DATE: &str = "Sun, 22 Nov 2026 19:15:00 GMT";
const SECRET: &str = "testsecret";
const KEY: Credentials<'_> =
    Credentials { access_key_id: "testid", access_key_secret: SECRET, security_token: None };

/// More headers than any client of ours sends, and fewer than are refused; in ACS3 all their names together have to
/// fit into the authorization.
const HEADERS_KEPT: usize = 100;
const NAME_BYTES_KEPT: usize = 64;

/// Reads and verifies whatever the input claims.
pub fn verify(bytes: &[u8]) {
    let text = text(bytes);
    let parts = Parts::of(&text);
    let request = parts.request();
    let matches = acs3::body_matches(&request, parts.body.as_bytes());
    assert!(matches || request.header("x-acs-content-sha256").is_some());
    let claim = match Authorization::read(&request) {
        Ok(claim) => claim,
        Err(refusal) => return drop((refusal.to_string(), refusal.code())),
    };
    drop((claim.access_key_id().len(), claim.security_token(&request), claim.nonce(&request)));
    for form in [Form::Api, Form::HttpTrigger] {
        match claim.verify_as(form, &request, SECRET, NOW) {
            Ok(()) => {
                let other = claim.verify_as(form, &request, "another", NOW);
                assert!(other.is_err(), "another secret must not do");
            }
            Err(refusal) => drop((refusal.to_string(), refusal.code())),
        }
    }
}

/// Signs the input's request in every scheme: each must verify as it is, and must not after one byte of what is signed
/// was changed.
pub fn agree(bytes: &[u8]) {
    let text = text(bytes);
    let parts = Parts::of(&text);
    let Some(draft) = Draft::of(&parts) else { return };
    let mut rng = Rng::new(
        bytes
            .iter()
            .fold(7, |hash: u64, byte| hash.wrapping_mul(0x0100_0000_01B3) ^ u64::from(*byte)),
    );
    for scheme in [Scheme::Fc, Scheme::FcUrl, Scheme::Acs3, Scheme::Roa] {
        let signed = draft.sign(scheme);
        let verified = signed.verify();
        assert_eq!(verified, Ok(()), "{scheme:?} of {signed:?}");
        for _ in 0..4 {
            if let Some(changed) = signed.change(&mut rng) {
                assert!(changed.verify().is_err(), "{scheme:?} of {signed:?} as {changed:?}");
            }
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Fc,
    FcUrl,
    Acs3,
    Roa,
}

/// A request that owns its parts. The last header is the authorization, where it is one.
#[derive(Clone, Debug)]
struct Draft {
    scheme: Scheme,
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
}

impl Draft {
    /// What could have come through an HTTP server, without anything a scheme itself adds; nothing if it could not.
    fn of(parts: &Parts<'_>) -> Option<Self> {
        let visible = |text: &str| text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        let is_name = |name: &str| {
            (1..=NAME_BYTES_KEPT).contains(&name.len())
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        };
        let mut headers: Vec<(String, String)> = Vec::new();
        for (name, value) in parts.headers.iter().take(HEADERS_KEPT) {
            let lower = name.to_ascii_lowercase();
            let own = ["authorization", "date", "host", "x-fc-date"].contains(&lower.as_str());
            let known = headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
            if is_name(name) && visible(value) && !own && !known && !lower.starts_with("x-acs-") {
                headers.push(((*name).to_owned(), (*value).to_owned()));
            }
        }
        let own = ["x-fc-signature", "x-fc-expires", "x-fc-access-key-id"];
        let query = Query::parse(parts.query);
        // Beyond what is read at all, or a signed URL already.
        let fits = parts.query.matches('&').count() < 1_000
            && !query.pairs().iter().any(|(key, _)| own.iter().any(|own| key.starts_with(own)));
        let letters = parts.method.bytes().all(|byte| byte.is_ascii_uppercase());
        let whole = letters && !parts.method.is_empty() && parts.path.starts_with('/');
        (whole && fits && visible(parts.path) && visible(parts.query)).then(|| Self {
            scheme: Scheme::Fc,
            method: parts.method.to_owned(),
            path: parts.path.to_owned(),
            query: parts.query.to_owned(),
            headers,
        })
    }

    fn with_request<T>(&self, run: impl FnOnce(Request<'_>) -> T) -> T {
        let headers: Vec<_> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        run(Request {
            method: &self.method,
            path: &self.path,
            query: &self.query,
            headers: &headers,
        })
    }

    fn sign(&self, scheme: Scheme) -> Self {
        let mut signed = Self { scheme, ..self.clone() };
        let mut add = |headers: &[(&str, &str)]| {
            let headers = headers.iter().map(|(name, value)| ((*name).into(), (*value).into()));
            signed.headers.extend(headers);
        };
        add(&[("host", "127.0.0.1:9000")]);
        match scheme {
            Scheme::Fc => add(&[("date", DATE)]),
            Scheme::FcUrl => {}
            Scheme::Roa => add(&[("date", DATE), ("x-acs-signature-nonce", "0123456789abcdef")]),
            Scheme::Acs3 => add(&[
                ("x-acs-date", "2026-11-22T19:15:00Z"),
                ("X-Acs-Signature-Nonce", "0123456789abcdef"),
                ("x-acs-content-sha256", "e3b0c44298fc1c149afbf4c8996fb924"),
            ]),
        }
        let authorization = signed.with_request(|request| match scheme {
            Scheme::Fc => Some(fc::sign(&request, &KEY)),
            Scheme::FcUrl => None,
            Scheme::Roa => Some(roa::sign(&request, &KEY)),
            Scheme::Acs3 => {
                let names: Vec<_> = request.headers.iter().map(|(name, _)| *name).collect();
                Some(acs3::authorization(&request, &KEY, &names))
            }
        });
        match authorization {
            Some(authorization) => signed.headers.push(("Authorization".into(), authorization)),
            None => signed.query = signed.with_request(|request| fc::sign_url(&request, &KEY, NOW)),
        }
        signed
    }

    fn verify(&self) -> Result<(), String> {
        self.with_request(|request| {
            let claim = Authorization::read(&request).map_err(|refusal| refusal.to_string())?;
            // Another key has another secret.
            let secret =
                if claim.access_key_id() == KEY.access_key_id { SECRET } else { "another" };
            claim.verify(&request, secret, NOW).map_err(|refusal| refusal.to_string())
        })
    }

    /// The same with one letter or digit of what is signed, or of the signature, replaced by another; nothing if the
    /// place chosen has none.
    fn change(&self, rng: &mut Rng) -> Option<Self> {
        let mut changed = self.clone();
        let place = match rng.below(4) {
            0 => &mut changed.method,
            1 => &mut changed.path,
            2 if self.signs_query() => &mut changed.query,
            _ => {
                let signed: Vec<_> = changed
                    .headers
                    .iter_mut()
                    .filter(|(name, _)| self.scheme.signs(&name.to_ascii_lowercase()))
                    .map(|(_, value)| value)
                    .collect();
                let count = u64::try_from(signed.len()).expect("a count");
                let at = usize::try_from(rng.below(count.max(1))).expect("an index");
                signed.into_iter().nth(at)?
            }
        };
        *place = replaced(rng, place)?;
        Some(changed)
    }

    fn signs_query(&self) -> bool {
        let is_proxy = self.path.split('/').nth(2) == Some("proxy");
        self.scheme != Scheme::Fc || is_proxy
    }
}

impl Scheme {
    /// Whether a header, named in lower case, is signed; the authorization counts as such.
    fn signs(self, name: &str) -> bool {
        match self {
            _ if name == "authorization" => true,
            Self::Acs3 => true,
            Self::FcUrl => {
                name == "content-type" || name == "content-md5" || name.starts_with("x-fc-")
            }
            Self::Fc => {
                ["content-type", "content-md5", "date"].contains(&name) || name.starts_with("x-fc-")
            }
            Self::Roa => {
                ["accept", "content-type", "content-md5", "date"].contains(&name)
                    || name.starts_with("x-acs-")
            }
        }
    }
}

/// `text` with one letter or digit replaced by one that is another in any case. The two characters after a `%` are left
/// alone: escapes that are not UTF-8 read alike.
fn replaced(rng: &mut Rng, text: &str) -> Option<String> {
    const OTHERS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    let bytes = text.as_bytes();
    let places: Vec<usize> = (0..bytes.len())
        .filter(|at| {
            bytes[*at].is_ascii_alphanumeric() && !bytes[at.saturating_sub(2)..*at].contains(&b'%')
        })
        .collect();
    let count = u64::try_from(places.len()).expect("a count");
    let at = *places.get(usize::try_from(rng.below(count.max(1))).expect("an index"))?;
    let other = OTHERS[usize::try_from(rng.below(62)).expect("an index")];
    if other.eq_ignore_ascii_case(&bytes[at]) {
        return None;
    }
    let mut bytes = bytes.to_vec();
    bytes[at] = other;
    String::from_utf8(bytes).ok()
}
