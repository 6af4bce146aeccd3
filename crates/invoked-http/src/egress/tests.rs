use super::{AllowEntry, Denied, Egress, Trust};

fn at(address: &str) -> std::net::SocketAddr {
    match address.parse() {
        Ok(address) => address,
        Err(_) => std::net::SocketAddr::new(address.parse().unwrap(), 80),
    }
}

fn egress(own: &[&str], allow: &[&str]) -> Egress {
    let allow = allow.iter().map(|entry| entry.parse::<AllowEntry>().unwrap()).collect();
    Egress::new(own.iter().map(|address| at(address)).collect(), allow)
}

#[test]
fn metadata_is_out_of_reach_in_every_spelling() {
    let open = egress(&[], &["0.0.0.0/0", "::/0", "host"]);
    for address in [
        "169.254.169.254",
        "169.254.0.1",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "fe80::1",
        "febf::1",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "fd00:c1::a9fe:a9fe",
        "fd20:ce::254",
        "::ffff:169.254.169.254",
        "::ffff:100.100.100.200",
        "::169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
    ] {
        for trust in [Trust::Operator, Trust::Api] {
            let denied = open.check("host", at(address), trust).unwrap_err();
            assert!(
                matches!(denied, Denied::LinkLocal { .. } | Denied::Metadata { .. }),
                "{address}: {denied}"
            );
        }
    }
}

#[test]
fn operators_reach_the_rest() {
    let closed = egress(&[], &[]);
    for address in [
        "127.0.0.1",
        "::1",
        "10.1.2.3",
        "192.168.0.1",
        "172.17.0.2",
        "fd12::1",
        "8.8.8.8",
        "100.100.100.201",
        "2002:a00:1::1",
        "[::ffff:127.0.0.1]:9000",
    ] {
        assert_eq!(closed.check("host", at(address), Trust::Operator), Ok(()), "{address}");
    }
}

#[test]
fn own_listeners_are_out_of_reach() {
    let lan = at("192.168.1.5:7070");
    let client = at("192.168.1.5:40000");
    let operator = Trust::Operator;
    for (listener, address, denied) in [
        ("127.0.0.1:7070", "127.0.0.1:7070", true),
        ("127.0.0.1:7070", "[::ffff:127.0.0.1]:7070", true),
        ("127.0.0.1:7070", "0.0.0.0:7070", true),
        ("127.0.0.1:7070", "127.0.0.1:7071", false),
        ("127.0.0.1:7070", "10.0.0.1:7070", false),
        ("0.0.0.0:7070", "127.0.0.1:7070", true),
        ("0.0.0.0:7070", "127.5.5.5:7070", true),
        ("0.0.0.0:7070", "192.168.1.5:7070", false),
        ("[::]:7070", "127.0.0.1:7070", true),
        ("[::]:7070", "[::1]:7070", true),
        ("192.168.1.5:7070", "192.168.1.5:7070", true),
        ("192.168.1.5:7070", "127.0.0.1:7070", false),
    ] {
        let checked = egress(&[listener], &[]).check("h", at(address), operator);
        assert_eq!(checked.is_err(), denied, "{listener} {address}");
    }
    for listener in ["0.0.0.0:7070", "[::]:7070"] {
        let egress = egress(&[listener], &[]);
        assert!(egress.check_connected("h", lan, client, operator).is_err(), "{listener}");
        let elsewhere = at("192.168.1.6:40000");
        assert_eq!(egress.check_connected("h", lan, elsewhere, operator), Ok(()));
    }
}

#[test]
fn api_targets_stay_within_the_list() {
    let allow = ["10.0.0.0/8", "192.168.1.7", "fd12::/16", "hooks.example.com", "*.corp.example"];
    let egress = egress(&["127.0.0.1:7070"], &allow);
    for (host, address, allowed) in [
        ("any", "10.255.0.1", true),
        ("any", "::ffff:10.255.0.1", true),
        ("any", "11.0.0.1", false),
        ("any", "192.168.1.7", true),
        ("any", "192.168.1.8", false),
        ("any", "fd12:ffff::1", true),
        ("any", "fd13::1", false),
        ("hooks.example.com", "8.8.8.8", true),
        ("HOOKS.example.com.", "127.0.0.1", true),
        ("hooks.example.com", "169.254.169.254", false),
        ("hooks.example.com", "127.0.0.1:7070", false),
        ("evil-hooks.example.com", "8.8.8.8", false),
        ("a.corp.example", "8.8.8.8", true),
        ("a.b.corp.example", "8.8.8.8", true),
        ("corp.example", "8.8.8.8", false),
        (".corp.example", "8.8.8.8", false),
        ("evilcorp.example", "8.8.8.8", false),
    ] {
        let checked = egress.check(host, at(address), Trust::Api);
        assert_eq!(checked.is_ok(), allowed, "{host} {address}: {checked:?}");
    }
    assert!(Egress::default().check("h", at("8.8.8.8"), Trust::Api).is_err());
}

#[test]
fn a_named_host_is_judged_without_looking_it_up() {
    let names = egress(&["127.0.0.1:7070"], &["hooks.example.com", "*.corp.example"]);
    let networks = egress(&["127.0.0.1:7070"], &["127.0.0.0/8", "fd12::/16"]);
    for (egress, host, port, allowed) in [
        (&names, "hooks.example.com", 80, true),
        (&names, "a.corp.example", 80, true),
        (&names, "other.example", 80, false),
        (&names, "10.0.0.1", 80, false),
        (&networks, "other.example", 80, true),
        (&networks, "127.0.0.1", 80, true),
        (&networks, "127.0.0.1", 7070, false),
        (&networks, "10.0.0.1", 80, false),
        (&networks, "169.254.169.254", 80, false),
        (&networks, "fd12::1", 80, true),
        (&networks, "fd13::1", 80, false),
    ] {
        let checked = egress.check_named(host, port);
        assert_eq!(checked.is_ok(), allowed, "{host}:{port} {checked:?}");
    }
    assert!(Egress::default().check_named("localhost", 80).is_err());
}

#[test]
fn entries_read_as_they_are_shown() {
    for text in ["10.0.0.0/8", "0.0.0.0/0", "::/0", "fd12::/16", "h.example", "*.example"] {
        assert_eq!(text.parse::<AllowEntry>().unwrap().to_string(), text);
    }
    assert_eq!("1.2.3.4".parse::<AllowEntry>().unwrap().to_string(), "1.2.3.4/32");
    for text in ["", "10.0.0.0/33", "10.0.0/8", "1.2.3", "a b", "*.", "*", "http://h", "h:80"] {
        assert!(text.parse::<AllowEntry>().is_err(), "{text}");
    }
}
