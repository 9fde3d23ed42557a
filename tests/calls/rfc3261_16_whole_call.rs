//! RFC 3261 §16 and CALLS R64, R50: one allowed call and one refused call, every message and every step of the money.

use crate::world::{plays, plays_in};

#[test]
fn an_allowed_call_from_the_first_message_to_the_settled_money() {
    plays(
        "
           0 alice  > INVITE 03023125500 Subject='as sent'
           0 alice  < 100 vias=1 to=<sip:03023125500@house.example> no=Record-Route
           0 ledger < reserve 0.60
        # R64: nothing leaves before the money is set aside. R11: the number is rebuilt. §16.6: hops, Via, Record-Route.
           4 main   < INVITE uri=sip:+493023125500@10.1.0.1:5060 hops=69 vias=2 via=10.9.0.1:5060 rr~<sip:10.9.0.1:5060;lr;tg= no=Route no=Proxy-Authorization Subject='as sent' body~offer pai=<sip:+49302312201@house.example>
           8 main   > 100
          12 main   > 180
          12 alice  < 180 vias=1 via=10.0.0.1:5060 rr~;lr;tg= to~;tag=main-
          16 main   > 200
          16 alice  < 200 vias=1 rr~;lr;tg= body~answer Contact~10.1.0.1
          20 alice  > ACK
          20 main   < ACK uri=sip:+4915155500001@10.1.0.1:5060 hops=69 vias=2 no=Route
     50.016s  ledger < extend 1.20
        60.5s alice > BYE
        60.5s main  < BYE hops=69 vias=2 no=Route cseq='2 BYE'
        # 60.484 s of talk are 61 begun, at 0.60 a minute by the second.
        60.5s ledger < settle 0.61 caller_hung_up
        60.6s main  > 200
        60.6s alice < 200 BYE vias=1
        ",
    );
}

#[test]
fn a_refused_call_says_why_in_every_header() {
    plays_in(
        crate::world::Company::new(),
        "
           0 alice  > INVITE 0033123456789
           0 alice  < 403 reason='Not permitted: international' Reason='SIP;cause=403;text=\"Not permitted: international\"' Warning='399 tollgate \"Not permitted: international\"' X-Tollgate-Decision~0 to~;tag= no=Retry-After no=Record-Route
           0 ledger < record not_permitted
        ",
    );
}
