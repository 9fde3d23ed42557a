//! RFC 3263 §4, step by step, asked of a real name server.

use std::collections::BTreeSet;
use std::time::Duration;

use tollgate::net::{Location, LookupFault, Reach, Resolver};
use tollgate::sip::{ServerName, Transport};

use super::name_server::NameServer;

const BOTH: [Reach; 2] =
    [Reach { transport: Transport::Udp, ipv4: true }, Reach { transport: Transport::Tcp, ipv4: true }];
const UDP_ONLY: [Reach; 1] = [Reach { transport: Transport::Udp, ipv4: true }];
const UDP_6: [Reach; 2] =
    [Reach { transport: Transport::Udp, ipv4: false }, Reach { transport: Transport::Udp, ipv4: true }];

/// Two rules, the second for UDP; SRV with priorities and weights; hosts with one address, two, and one of either kind.
fn records() -> Vec<String> {
    [
        "naptr-record=both.test,20,50,s,SIP+D2U,,_sip._udp.both.test",
        "naptr-record=both.test,10,50,S,SIP+D2T,,_sip._tcp.both.test",
        "naptr-record=both.test,5,50,s,SIPS+D2T,,_sips._tcp.both.test",
        "srv-host=_sip._tcp.both.test,one.test,5071,10,60",
        "srv-host=_sip._udp.both.test,one.test,5070,10,60",
        "srv-host=_sip._udp.both.test,two.test,5080,10,20",
        "srv-host=_sip._udp.both.test,six.test,5090,20,0",
        "srv-host=_sip._tcp.stream.test,two.test,5075,1,0",
        "naptr-record=mute.test,10,50,s,SIP+D2T,,_sip._tcp.mute.test",
        "naptr-record=mute.test,20,50,s,SIP+D2U,,_sip._udp.mute.test",
        "srv-host=_sip._udp.mute.test,one.test,5070,1,0",
        "srv-host=_sip._udp.half.test,gone.test,5070,1,0",
        "srv-host=_sip._udp.half.test,one.test,5070,2,0",
        "host-record=one.test,127.0.0.41",
        "host-record=two.test,127.0.0.42",
        "host-record=two.test,127.0.0.43",
        "host-record=six.test,127.0.0.44,::1",
        "cname=alias.test,one.test",
    ]
    .map(str::to_owned)
    .to_vec()
}

/// Priority, weight, transport and address of each place.
fn told(found: &Result<Location, LookupFault>) -> String {
    match found {
        Ok(location) => {
            let hop = |hop: &tollgate::sip::Hop| {
                format!("{} {} {} {}", hop.priority, hop.weight, hop.transport, hop.remote)
            };
            location.hops.iter().map(hop).collect::<Vec<_>>().join(", ")
        }
        Err(fault) => fault.to_string(),
    }
}

fn name(text: &str, transport: Option<Transport>) -> ServerName {
    let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, port.parse().ok()));
    ServerName { host: host.into(), port, transport }
}

#[tokio::test]
async fn rfc_3263_section_4_each_step_of_the_ladder() {
    let server = NameServer::start(&records());
    let nothing = "DNS has no address for it that a listener reaches";
    for (asked, transport, reach, expected) in [
        // §4.1: NAPTR says TCP before UDP; of TLS there is no listener.
        ("both.test", None, &BOTH[..], "10 60 TCP 127.0.0.41:5071"),
        // Without a TCP listener the next rule holds, with its SRV priorities and weights; one host has two addresses.
        (
            "both.test",
            None,
            &UDP_ONLY,
            "10 60 UDP 127.0.0.41:5070, 10 20 UDP 127.0.0.42:5080, 10 20 UDP 127.0.0.43:5080, \
             20 0 UDP 127.0.0.44:5090",
        ),
        // A stated transport asks for its SRV alone.
        ("both.test", Some(Transport::Tcp), &BOTH, "10 60 TCP 127.0.0.41:5071"),
        // §4.2: a stated port asks for the address alone, over UDP unless a transport is stated.
        ("one.test:5099", None, &BOTH, "0 0 UDP 127.0.0.41:5099"),
        ("one.test:5099", Some(Transport::Tcp), &BOTH, "0 0 TCP 127.0.0.41:5099"),
        // No NAPTR: the SRV records of each transport.
        ("stream.test", None, &BOTH, "1 0 TCP 127.0.0.42:5075, 1 0 TCP 127.0.0.43:5075"),
        // A rule that leads to nothing gives way to the next.
        ("mute.test", None, &BOTH, "1 0 UDP 127.0.0.41:5070"),
        // Neither: the address at the usual port.
        ("one.test", None, &BOTH, "0 0 UDP 127.0.0.41:5060"),
        ("one.test", Some(Transport::Tcp), &BOTH, "0 0 TCP 127.0.0.41:5060"),
        ("alias.test", None, &BOTH, "0 0 UDP 127.0.0.41:5060"),
        // AAAA too, in the order of the listeners; what no listener reaches is left out.
        ("six.test", None, &UDP_6, "0 0 UDP [::1]:5060, 1 0 UDP 127.0.0.44:5060"),
        ("six.test", None, &UDP_6[..1], "0 0 UDP [::1]:5060"),
        ("one.test", None, &UDP_6[..1], nothing),
        // A host without an address does not take the others with it.
        ("half.test", None, &BOTH, "2 0 UDP 127.0.0.41:5070"),
        ("nobody.test", None, &BOTH, nothing),
    ] {
        let resolver = Resolver::new(&[server.address], reach.to_vec()).expect("name servers are given");
        let found = resolver.locate(&name(asked, transport)).await;
        assert_eq!(told(&found), expected, "{asked} {transport:?}");
        assert!(found.is_err() || found.is_ok_and(|found| found.ttl == Duration::from_secs(1)), "{asked}");
    }
}

#[tokio::test]
async fn a_name_server_that_is_silent_is_a_fault_and_no_answer() {
    let mut server = NameServer::start(&records());
    server.silence();
    let resolver = Resolver::new(&[server.address], BOTH.to_vec()).expect("name servers are given");
    let fault = resolver.locate(&name("one.test", None)).await.expect_err("nobody answers");
    assert!(matches!(fault, LookupFault::Dns(_)), "{fault}");
    // No cache outlives the look-up: the next answer is the true one.
    server.change(&records());
    let found: BTreeSet<_> =
        resolver.locate(&name("two.test", None)).await.expect("two addresses").hops.into_iter().collect();
    assert_eq!(found.len(), 2);
}
