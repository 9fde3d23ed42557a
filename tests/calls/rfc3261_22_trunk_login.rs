//! Trunks that want to know who we are: RFC 3261 §22.2 and §22.3, RFC 7616, RFC 8760; CALLS R16, R64, R67, R71.

use std::sync::Arc;

use tollgate::sip::digest::{Account, Held};

use crate::world::{Company, plays_in};

/// The company whose first trunk has given it a user and a password.
fn company() -> Company {
    Company::new().with(|company| {
        let secret = Held::Password("s3cret".into());
        company.trunks[0].account = Some(Arc::new(Account { user: "company".into(), realm: None, secret }));
    })
}

const ASKS: &str = "Proxy-Authenticate='Digest realm=\"carrier\", nonce=\"n1\", qop=\"auth\"'";
const PROVES: &str = "Proxy-Authorization~'username=\"company\"'";

/// Alice's INVITE is asked for credentials, and main answers the one that has them at 16 ms.
fn talk() -> String {
    format!(
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE cseq='1 INVITE' no=Proxy-Authorization
           8 main   > 407 {ASKS}
           8 main   < ACK cseq='1 ACK'
           8 main   < INVITE cseq='2 INVITE' vias=2 hops=69 {PROVES}
          12 main   > 180
          12 alice  < 180 cseq='1 INVITE'
          16 main   > 200
          16 alice  < 200 cseq='1 INVITE'
          20 alice  > ACK
          20 main   < ACK cseq='2 ACK'
        "
    )
}

#[test]
fn an_invite_that_is_asked_for_credentials_leaves_again_and_the_caller_hears_nothing() {
    for (status, asks, proves) in
        [("407", "Proxy-Authenticate", "Proxy-Authorization"), ("401", "WWW-Authenticate", "Authorization")]
    {
        plays_in(
            company(),
            &format!(
                "
                   0 alice  > INVITE 03023125500
                   0 alice  < 100
                   0 ledger < reserve 0.60
                   4 main   < INVITE cseq='1 INVITE' no={proves}
                   8 main   > {status} {asks}='Digest realm=\"carrier\", nonce=\"n1\", qop=\"auth\"'
                   8 main   < ACK
                   8 main   < INVITE cseq='2 INVITE' {proves}~nc=00000001
                  16 main   > 200
                  16 alice  < 200 cseq='1 INVITE'
                  20 alice  > ACK
                  20 main   < ACK cseq='2 ACK'
                # Each side counts on in its own numbers.
                  1s alice  > BYE
                  1s main   < BYE cseq='3 BYE'
                  1s ledger < settle 0.01 caller_hung_up
                  1s main   > 200
                  1s alice  < 200 BYE cseq='2 BYE'
                "
            ),
        );
    }
}

#[test]
fn requests_inside_the_call_are_answered_for_and_counted_on() {
    let talk = talk();
    plays_in(
        company(),
        &format!(
            "{talk}
              1s alice  > re-INVITE
              1s alice  < 100
              1s main   < INVITE cseq='3 INVITE' no=Proxy-Authorization
           1.01s main   > 407 {ASKS}
           1.01s main   < ACK cseq='3 ACK'
           1.01s main   < INVITE cseq='4 INVITE' {PROVES}
           1.02s main   > 200
           1.02s alice  < 200 cseq='2 INVITE'
           1.03s alice  > ACK
           1.03s main   < ACK cseq='4 ACK'
        # The other direction keeps its own numbers.
              2s main   > UPDATE
              2s alice  < UPDATE cseq='1 UPDATE'
           2.01s alice  > 200
           2.01s main   < 200 UPDATE cseq='1 UPDATE'
              3s alice  > BYE
              3s main   < BYE cseq='5 BYE'
              3s ledger < settle 0.03 caller_hung_up
           3.01s main   > 401 WWW-Authenticate='Digest realm=\"core\", nonce=\"n2\", algorithm=SHA-256, qop=\"auth\"'
           3.01s main   < BYE cseq='6 BYE' Authorization~algorithm=SHA-256
           3.02s main   > 200
           3.02s alice  < 200 BYE cseq='3 BYE'
            "
        ),
    );
}

#[test]
fn a_prack_names_the_invite_that_the_trunk_knows() {
    plays_in(
        company(),
        &format!(
            "
               0 alice  > INVITE 03023125500
               0 alice  < 100
               0 ledger < reserve 0.60
               4 main   < INVITE
               8 main   > 407 {ASKS}
               8 main   < ACK
               8 main   < INVITE cseq='2 INVITE'
              12 main   > 183 RSeq=7 Require=100rel
              12 alice  < 183 cseq='1 INVITE'
              16 alice  > PRACK RAck='7 1 INVITE'
              16 main   < PRACK cseq='3 PRACK' RAck='7 2 INVITE'
              20 main   > 200 to=PRACK
              20 alice  < 200 PRACK cseq='2 PRACK'
              24 alice  > CANCEL
              24 alice  < 200 CANCEL
              24 main   < CANCEL cseq='2 CANCEL'
              24 main   > 487 to=INVITE
              24 main   < ACK cseq='2 ACK'
              24 alice  < 487 cseq='1 INVITE'
              24 ledger < release cancelled
            "
        ),
    );
}

#[test]
fn the_cut_reaches_a_trunk_that_wants_to_know_who_ends_the_call() {
    let talk = talk();
    plays_in(
        company().daily("alice", "0.30"),
        &format!(
            "{}
         20.016s ledger < extend 0.90
         29.016s main   < BYE cseq='3 BYE' no=Proxy-Authorization
         29.016s alice  < BYE
         29.016s ledger < settle 0.29 cut_money
         29.02s  main   > 407 {ASKS}
         29.02s  main   < BYE cseq='4 BYE' {PROVES} Reason~402
         29.03s  main   > 200
         29.03s  alice  > 200
            ",
            talk.replace(
                "0 ledger < reserve 0.60",
                "0 ledger < reserve 0.60\n           4 ledger < reserve 0.30"
            )
            .replace("           4 main", "           8 main")
            .replace("           8 main   > 407", "          10 main   > 407")
            .replace("           8 main   < ACK", "          10 main   < ACK")
            .replace("           8 main   < INVITE cseq='2", "          10 main   < INVITE cseq='2"),
        ),
    );
}

#[test]
fn a_stale_nonce_is_replaced_once() {
    plays_in(
        company(),
        &format!(
            "
               0 alice  > INVITE 03023125500
               0 alice  < 100
               0 ledger < reserve 0.60
               4 main   < INVITE cseq='1 INVITE'
               8 main   > 407 {ASKS}
               8 main   < ACK
               8 main   < INVITE cseq='2 INVITE' Proxy-Authorization~'nonce=\"n1\"'
              12 main   > 407 Proxy-Authenticate='Digest realm=\"carrier\", nonce=\"n2\", qop=\"auth\", stale=true'
              12 main   < ACK
              12 main   < INVITE cseq='3 INVITE' Proxy-Authorization~'nonce=\"n2\"'
              16 main   > 486
              16 main   < ACK cseq='3 ACK'
              16 alice  < 486 cseq='1 INVITE'
              16 ledger < release declined
            "
        ),
    );
}

#[test]
fn a_trunk_that_does_not_take_our_credentials_has_failed() {
    plays_in(
        company(),
        &format!(
            "
               0 alice  > INVITE 03023125500
               0 alice  < 100
               0 ledger < reserve 0.60
               4 main   < INVITE cseq='1 INVITE'
               8 main   > 407 {ASKS}
               8 main   < ACK
               8 main   < INVITE cseq='2 INVITE'
              12 main   > 407 {ASKS}
              12 main   < ACK
              12 backup < INVITE cseq='1 INVITE' no=Proxy-Authorization
              16 backup > 503
              16 backup < ACK
              16 alice  < 500 no=Proxy-Authenticate
              16 ledger < release failed
            "
        ),
    );
}

#[test]
fn what_a_trunk_asks_of_an_unknown_account_goes_to_the_phone() {
    plays_in(
        Company::new(),
        &format!(
            "
               0 alice  > INVITE 03023125500
               0 alice  < 100
               0 ledger < reserve 0.60
               4 main   < INVITE
               8 main   > 407 {ASKS}
               8 main   < ACK
               8 alice  < 407 Proxy-Authenticate~carrier
               8 ledger < release failed
            "
        ),
    );
}

#[test]
fn a_caller_who_hangs_up_while_we_prove_ourselves_is_not_called_again() {
    plays_in(
        company(),
        &format!(
            "
               0 alice  > INVITE 03023125500
               0 alice  < 100
               0 ledger < reserve 0.60
               4 main   < INVITE
               8 main   > 100
              10 alice  > CANCEL
              10 alice  < 200 CANCEL
              10 main   < CANCEL
              12 main   > 407 to=INVITE {ASKS}
              12 main   < ACK
              12 alice  < 487
              12 ledger < release cancelled
            "
        ),
    );
}

#[test]
fn a_cancel_waits_until_the_repeated_invite_has_been_heard() {
    plays_in(
        company(),
        &format!(
            "
               0 alice  > INVITE 03023125500
               0 alice  < 100
               0 ledger < reserve 0.60
               4 main   < INVITE
               6 main   > 100
               8 main   > 407 {ASKS}
               8 main   < ACK
               8 main   < INVITE cseq='2 INVITE'
              10 alice  > CANCEL
              10 alice  < 200 CANCEL
              20 main   > 100
              20 main   < CANCEL cseq='2 CANCEL'
              24 main   > 487 to=INVITE
              24 main   < ACK
              24 alice  < 487
              24 ledger < release cancelled
            "
        ),
    );
}
