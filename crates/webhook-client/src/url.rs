//! Which URLs are called.

use std::net::{IpAddr, Ipv6Addr};

use http::Uri;
use http::uri::{Authority, Scheme};

use crate::address::not_public;

/// What a subscriber's own path and query need; some proxies on the way take no more.
const CHARACTERS_MAX: usize = 2048;

/// Why a URL cannot be a subscriber's; words that follow it, without any part of it. For those who register URLs,
/// and made again at every attempt.
///
/// A name is not resolved here, for it may mean another address by the time it is called: that is checked then.
#[must_use]
pub fn url_problem(url: &str, allow_private: bool) -> Option<String> {
    problem(url, allow_private).err()
}

fn problem(url: &str, allow_private: bool) -> Result<(), String> {
    if url.len() > CHARACTERS_MAX {
        return Err(format!("has more than {CHARACTERS_MAX} characters"));
    }
    if !url.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("has a space or another character that is written as %20 or the like".to_owned());
    }
    // The parser drops it without a word.
    if url.contains('#') {
        return Err("has a fragment (#), which is never sent".to_owned());
    }
    let uri: Uri = url.parse().map_err(|error| format!("is no URL ({error})"))?;
    match uri.scheme() {
        Some(scheme) if *scheme == Scheme::HTTPS => {}
        Some(scheme) if *scheme == Scheme::HTTP && allow_private => {}
        Some(scheme) if *scheme == Scheme::HTTP => return Err("is http: only https is called".to_owned()),
        _ => return Err("does not begin with https://".to_owned()),
    }
    authority_problem(uri.authority().ok_or("has no host")?, allow_private)
}

fn authority_problem(authority: &Authority, allow_private: bool) -> Result<(), String> {
    let text = authority.as_str();
    if text.contains('@') {
        return Err("has credentials (@): a subscriber knows us by the signature".to_owned());
    }
    if authority.host().is_empty() {
        return Err("has no host".to_owned());
    }
    // Without a port that can be read the client would take the scheme's.
    if text.len() != authority.host().len() && authority.port_u16().is_none() {
        return Err("has a port that is none".to_owned());
    }
    let Some(address) = literal(authority.host()) else { return name_problem(authority.host()) };
    match not_public(address).filter(|_| !allow_private) {
        Some(what) => Err(format!("has an address that is not public: {what}")),
        None => Ok(()),
    }
}

/// The system's resolver would still take `127.1` or `0x7f000001` for an address, and no name ends in a number.
fn name_problem(host: &str) -> Result<(), String> {
    let last = host.trim_end_matches('.').rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    let is_number = last.starts_with("0x") || last.bytes().all(|byte| byte.is_ascii_digit());
    match is_number || host.starts_with('[') {
        true => Err("has a host that is neither a name nor an address in full".to_owned()),
        false => Ok(()),
    }
}

/// The address that a host is, if it is not a name. It has to find all that hyper does, which asks no resolver then.
fn literal(host: &str) -> Option<IpAddr> {
    match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(v6) => v6.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => host.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_https_without_credentials_or_fragment() {
        for good in [
            "https://a.example",
            "HTTPS://a.example:8443/path?query=1&%20",
            "https://1a.2b.example./",
            "https://8.8.8.8/",
            "https://[2606:4700::1111]:443/",
            &long(2048),
        ] {
            assert_eq!(url_problem(good, false), None, "{good}");
        }
        for (bad, why) in [
            ("", "no URL"),
            ("/path", "https://"),
            ("a.example", "https://"),
            ("ftp://a.example", "https://"),
            ("http://a.example", "only https"),
            ("https://", "no URL"),
            ("https://:443/", "no"),
            ("https://user@a.example", "credentials"),
            ("https://user:password@a.example", "credentials"),
            ("https://a.example/#part", "fragment"),
            ("https://a.example/#", "fragment"),
            ("https://a.example:99999/", "port"),
            ("https://a.example:/", "port"),
            ("https://127.1/", "in full"),
            ("https://127.0.0.1./", "in full"),
            ("https://2130706433/", "in full"),
            ("https://2130706433./", "in full"),
            ("https://0X7F.0X1/", "in full"),
            ("https://[::1%25lo]/", "in full"),
            ("https://a.example/a b", "%20"),
            ("https://a.example/\u{e4}", "%20"),
            ("https://a.example/\r\nx: y", "%20"),
            (&long(2049), "2048"),
        ] {
            let problem = url_problem(bad, false).unwrap_or_default();
            assert!(problem.contains(why), "{bad}: {problem}");
        }
    }

    #[test]
    fn a_private_address_needs_leave_and_so_does_http() {
        for private in [
            "https://127.0.0.1/",
            "https://169.254.169.254/latest/meta-data/",
            "https://[::1]:8443/",
            "https://[::ffff:10.0.0.1]/",
            "https://[64:ff9b::a9fe:a9fe]/",
        ] {
            let problem = url_problem(private, false).unwrap_or_default();
            assert!(problem.contains("not public"), "{private}: {problem}");
            assert_eq!(url_problem(private, true), None, "{private}");
            assert_eq!(url_problem(&private.replace("https:", "http:"), true), None, "{private}");
        }
        for bad in ["ftp://127.0.0.1", "http://user@127.0.0.1", "http://127.0.0.1/#part"] {
            assert!(url_problem(bad, true).is_some(), "{bad}");
        }
    }

    #[test]
    fn a_problem_repeats_no_part_of_the_url() {
        for bad in
            ["https://hunter2@a.example", "https://a.example/hunter2#", "hunter2:hunter2", "http://hunter2"]
        {
            let problem = url_problem(bad, false).unwrap_or_default();
            assert!(!problem.is_empty() && !problem.contains("hunter2"), "{problem}");
        }
    }

    fn long(length: usize) -> String {
        format!("{:/<length$}", "https://a.example")
    }
}
