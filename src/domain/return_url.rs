//! Addresses that Stripe's pages send people back to. Only those that the operator allows: an open redirect on a page
//! about money is a gift to whoever phishes.

use url::{Host, Url};

/// The addresses that are allowed.
#[derive(Clone, Debug, Default)]
pub struct AllowedReturnUrls(Vec<Url>);

impl AllowedReturnUrls {
    /// Addresses that begin with one of these: the same scheme, host and port, and a path below theirs. On this machine
    /// the port is not compared.
    pub const fn new(allowed: Vec<Url>) -> Self {
        Self(allowed)
    }

    /// Whether somebody may be sent to `text`.
    pub fn allow(&self, text: &str) -> bool {
        let Ok(url) = Url::parse(text) else { return false };
        let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
        let is_bare = url.username().is_empty() && url.password().is_none();
        is_safe && is_bare && self.0.iter().any(|allowed| begins_with(&url, allowed))
    }

    /// Whether none is allowed.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn begins_with(url: &Url, allowed: &Url) -> bool {
    let same_port = url.port_or_known_default() == allowed.port_or_known_default() || is_loopback(allowed);
    let below = allowed.path().trim_end_matches('/');
    url.scheme() == allowed.scheme()
        && url.host() == allowed.host()
        && same_port
        && (url.path() == below || url.path().starts_with(&format!("{below}/")))
}

/// Whether an address is on this machine.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(entries: &[&str]) -> AllowedReturnUrls {
        AllowedReturnUrls::new(entries.iter().map(|entry| Url::parse(entry).unwrap()).collect())
    }

    #[test]
    fn only_what_is_below_an_allowed_address_is_allowed() {
        let urls = allowed(&["https://app.example.com/billing", "http://localhost"]);
        for (text, expected) in [
            ("https://app.example.com/billing", true),
            ("https://app.example.com/billing/done?session={CHECKOUT_SESSION_ID}", true),
            ("http://localhost:3000/dashboard", true),
            ("https://app.example.com/billings", false),
            ("https://app.example.com/", false),
            ("https://app.example.com:444/billing", false),
            ("https://app.example.com.evil.example/billing", false),
            ("https://app.example.com@evil.example/billing", false),
            ("https://user@app.example.com/billing", false),
            ("http://app.example.com/billing", false),
            ("https://app.example.com/billing/../admin", false),
            ("javascript:alert(1)", false),
            ("//app.example.com/billing", false),
            ("", false),
        ] {
            assert_eq!(urls.allow(text), expected, "{text}");
        }
        assert!(!AllowedReturnUrls::default().allow("https://app.example.com/billing"));
    }
}
