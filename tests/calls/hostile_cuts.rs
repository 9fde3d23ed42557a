//! Calls with money for ninety seconds whose ends do not want them to end: CALLS R70 to R73. Both sides hear the BYE at 89 s.

use crate::world::{Company, World, plays_in};

fn with_money_for_ninety_seconds(table: &str) -> World {
    let whole = format!(
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE
           8 main   > 183 Require=100rel RSeq=1
           8 alice  < 183 RSeq=1
          10 alice  > PRACK RAck='1 1 INVITE'
          10 main   < PRACK cseq='2 PRACK'
          12 main   > 200
          12 alice  < 200 PRACK
          16 main   > 200 to=INVITE
          16 alice  < 200
          20 alice  > ACK
          20 main   < ACK cseq='1 ACK'
        {table}
     50.016s ledger < extend 1.20
     50.020s ledger < extend 0.90
     80.016s ledger < extend 1.50
     89.016s ledger < settle 0.89 cut_money
        "
    );
    plays_in(Company::new().daily("alice", "0.90"), &whole)
}

#[test]
fn prack_counts_in_the_number_of_the_bye() {
    with_money_for_ninety_seconds(
        "
     89.016s alice  < BYE cseq='1 BYE'
     89.016s main   < BYE cseq='3 BYE'
       89.1s alice  > 200
       89.1s main   > 200
        ",
    );
}

#[test]
fn a_phone_that_wants_credentials_for_its_bye_gets_none_and_the_other_end_is_free() {
    for status in [
        "401 WWW-Authenticate='Digest realm=phone, nonce=1'",
        "407 Proxy-Authenticate='Digest realm=phone, nonce=1'",
    ] {
        with_money_for_ninety_seconds(&format!(
            "
     89.016s alice  < BYE
     89.016s main   < BYE
       89.1s alice  > {status}
       89.1s main   > 200
         95s alice  > INFO
         95s alice  < 481 INFO
            "
        ));
    }
}

#[test]
fn an_end_that_never_answers_hears_the_bye_until_timer_f() {
    // 500 ms, doubled up to 4 s, until 32 s after the first (RFC 3261 §17.1.2.2).
    let sent_again = [
        "89.516", "90.516", "92.516", "96.516", "100.516", "104.516", "108.516", "112.516", "116.516",
        "120.516",
    ];
    let again: String = sent_again.iter().map(|at| format!("{at}s main < again BYE\n")).collect();
    with_money_for_ninety_seconds(&format!(
        "
     89.016s alice  < BYE
     89.016s main   < BYE
       89.1s alice  > 200
        {again}
        "
    ));
}

#[test]
fn whatever_an_end_says_up_to_the_last_moment_moves_nothing() {
    with_money_for_ninety_seconds(
        "
         88s   alice  > re-INVITE Session-Expires=7200
         88s   alice  < 100
         88s   main   < INVITE
        # Its answer comes after the end, and passes; what follows has no call any more.
     89.016s alice  < BYE cseq='1 BYE'
     89.016s main   < BYE cseq='4 BYE'
       89.1s main   > 200 to=INVITE
       89.1s alice  < 200
       89.2s alice  > 200 to=BYE
       89.2s main   > 200 to=BYE
         90s alice  > UPDATE
         90s alice  < 481 UPDATE
        ",
    );
}
