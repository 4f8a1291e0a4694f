//! Addresses of this machine.

use std::net::IpAddr;

use url::{Host, Url};

/// Whether an address is on this machine: however it is written.
pub fn is_loopback(url: &Url) -> bool {
    let is_here = |ip: IpAddr| ip.is_loopback() || ip.is_unspecified();
    match url.host() {
        Some(Host::Ipv4(ip)) => is_here(IpAddr::V4(ip)),
        Some(Host::Ipv6(ip)) => is_here(ip.to_canonical()),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_known_however_it_is_written() {
        let is = |text: &str| is_loopback(&text.parse().unwrap());
        for text in [
            "http://127.0.0.1:1",
            "http://127.8.9.1",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://0.0.0.0",
            "http://localhost.",
            "http://a.localhost",
        ] {
            assert!(is(text), "{text}");
        }
        for text in
            ["http://128.0.0.1", "http://localhost.example", "http://notlocalhost", "https://api.stripe.com"]
        {
            assert!(!is(text), "{text}");
        }
    }
}
