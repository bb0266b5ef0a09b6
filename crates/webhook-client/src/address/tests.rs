//! Every range's first and last address, and the neighbours of both.

use super::*;

/// Before, first, last, after; nothing where the neighbour belongs to a range that is not public either.
type Range = (Option<&'static str>, &'static str, &'static str, Option<&'static str>);

const V4_RANGES: &[Range] = &[
    (None, "0.0.0.0", "0.255.255.255", Some("1.0.0.0")),
    (Some("9.255.255.255"), "10.0.0.0", "10.255.255.255", Some("11.0.0.0")),
    (Some("100.63.255.255"), "100.64.0.0", "100.127.255.255", Some("100.128.0.0")),
    (Some("126.255.255.255"), "127.0.0.0", "127.255.255.255", Some("128.0.0.0")),
    (Some("168.63.129.15"), "168.63.129.16", "168.63.129.16", Some("168.63.129.17")),
    (Some("169.253.255.255"), "169.254.0.0", "169.254.255.255", Some("169.255.0.0")),
    (Some("172.15.255.255"), "172.16.0.0", "172.31.255.255", Some("172.32.0.0")),
    (Some("191.255.255.255"), "192.0.0.0", "192.0.0.255", Some("192.0.1.0")),
    (Some("192.0.1.255"), "192.0.2.0", "192.0.2.255", Some("192.0.3.0")),
    (Some("192.88.98.255"), "192.88.99.0", "192.88.99.255", Some("192.88.100.0")),
    (Some("192.167.255.255"), "192.168.0.0", "192.168.255.255", Some("192.169.0.0")),
    (Some("198.17.255.255"), "198.18.0.0", "198.19.255.255", Some("198.20.0.0")),
    (Some("198.51.99.255"), "198.51.100.0", "198.51.100.255", Some("198.51.101.0")),
    (Some("203.0.112.255"), "203.0.113.0", "203.0.113.255", Some("203.0.114.0")),
    (Some("223.255.255.255"), "224.0.0.0", "239.255.255.255", None),
    (None, "240.0.0.0", "255.255.255.255", None),
];

const ONES: &str = "ffff:ffff:ffff:ffff";

/// An address that ends in ones has `1s` for its last 64 bits.
const V6_RANGES: &[Range] = &[
    // All below the unicast addresses: unspecified, loopback, IPv4-compatible, discarded, local NAT64.
    (None, "::", "1fff:ffff:ffff:ffff:1s", Some("2000::")),
    (None, "::1", "::1", None),
    (None, "64:ff9b:1::", "64:ff9b:1:ffff:1s", None),
    (None, "100::", "100::1s", None),
    (Some("2000:ffff:ffff:ffff:1s"), "2001::", "2001:1ff:ffff:ffff:1s", Some("2001:200::")),
    (Some("2001:db7:ffff:ffff:1s"), "2001:db8::", "2001:db8:ffff:ffff:1s", Some("2001:db9::")),
    (Some("2001:ffff:ffff:ffff:1s"), "2002::", "2002:ffff:ffff:ffff:1s", Some("2003::")),
    (Some("3ffe:ffff:ffff:ffff:1s"), "3fff::", "3fff:fff:ffff:ffff:1s", Some("3fff:1000::")),
    // All above them: segment routing, unique local, link-local, site-local, multicast.
    (Some("3fff:ffff:ffff:ffff:1s"), "4000::", "ffff:ffff:ffff:ffff:1s", None),
    (None, "5f00::", "5f00:ffff:ffff:ffff:1s", None),
    (None, "fc00::", "fdff:ffff:ffff:ffff:1s", None),
    (None, "fe80::", "febf:ffff:ffff:ffff:1s", None),
    (None, "fec0::", "feff:ffff:ffff:ffff:1s", None),
    (None, "ff00::", "ffff:ffff:ffff:ffff:1s", None),
];

fn address(text: &str) -> IpAddr {
    text.replace("1s", ONES).parse().expect(text)
}

fn assert_edges((before, first, last, after): &Range, read: impl Fn(&str) -> IpAddr) {
    for inside in [first, last] {
        assert!(not_public(read(inside)).is_some(), "{inside} as {} is taken for public", read(inside));
    }
    for outside in [before, after].into_iter().flatten() {
        assert_eq!(not_public(read(outside)), None, "{outside} as {}", read(outside));
    }
}

#[test]
fn every_range_is_refused_to_its_edges_and_no_further() {
    for range in V4_RANGES.iter().chain(V6_RANGES) {
        assert_edges(range, address);
    }
}

#[test]
fn an_ipv6_address_that_leads_to_an_ipv4_address_is_what_that_one_is() {
    for prefix in ["::ffff:", "64:ff9b::"] {
        for range in V4_RANGES {
            assert_edges(range, |v4| address(&format!("{prefix}{v4}")));
        }
    }
    // One before and one after these prefixes.
    for reserved in ["::fffe:8.8.8.8", "::1:0:8.8.8.8", "64:ff9a::8.8.8.8", "64:ff9b::1:8.8.8.8", "::8.8.8.8"]
    {
        assert_eq!(not_public(address(reserved)), Some("reserved"), "{reserved}");
    }
}

#[test]
fn what_a_range_is_for_is_named() {
    for (text, what) in [
        ("127.0.0.1", "this machine"),
        ("::1", "this machine"),
        ("::", "no address of a host"),
        ("169.254.169.254", "link-local"),
        ("::ffff:169.254.169.254", "link-local"),
        ("fe80::1", "link-local"),
        ("fd00:ec2::254", "a private network"),
        ("ff02::1", "multicast"),
        ("255.255.255.255", "reserved or broadcast"),
        ("2002:a9fe:a9fe::", "6to4, which leads to an IPv4 address"),
    ] {
        assert_eq!(not_public(address(text)), Some(what), "{text}");
    }
}
