//! What a trunk is told of who calls: RFC 3323 §4.1, RFC 3325 §9.1 and §9.3, CALLS R20, R41.

use crate::world::{Company, plays, plays_in};

/// The first trunk reads nothing but the From.
fn company() -> Company {
    Company::new().with(|company| company.trunks[0].number_in_from = true)
}

const BUSY: &str = "
       8 main   > 486
       8 main   < ACK
       8 alice  < 486
       8 ledger < release declined
";

#[test]
fn a_carrier_that_reads_only_the_from_finds_the_number_there() {
    plays_in(
        company(),
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE from~<sip:+49302312201@house.example>;tag= pai=<sip:+49302312201@house.example> no=Privacy
           8 main   > 200
        # Her phone goes on as it has begun, and so does the trunk.
           8 alice  < 200 from~<sip:alice@house.example>
          12 alice  > ACK
          12 main   < ACK from~<sip:+49302312201@house.example>
          1s main   > BYE
          1s alice  < BYE to~<sip:alice@house.example>
          1s ledger < settle 0.01 callee_hung_up
          1s alice  > 200
          1s main   < 200 BYE to~<sip:+49302312201@house.example>
        ",
    );
}

#[test]
fn the_next_trunk_gets_what_it_wants() {
    plays_in(
        company(),
        "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE from~<sip:+49302312201@house.example>
           8 main   > 503
           8 main   < ACK
           8 backup < INVITE from~<sip:alice@house.example>
          12 backup > 486
          12 backup < ACK
          12 alice  < 486 from~<sip:alice@house.example>
          12 ledger < release declined
        ",
    );
}

#[test]
fn whoever_hides_her_number_is_known_here_and_hidden_there() {
    // With a From that names nobody, the trunk is told to hide what it is told.
    plays(&format!(
        "
           0 alice  > INVITE 03023125500 'from=\"Anonymous\" <sip:anonymous@anonymous.invalid>'
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE from~anonymous.invalid pai=<sip:+49302312201@house.example> Privacy=id
        {BUSY}"
    ));
    plays(&format!(
        "
           0 alice  > INVITE 03023125500 from=anonymous Privacy=id
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE from~anonymous pai=<sip:+49302312201@house.example> Privacy=id
        {BUSY}"
    ));
    plays_in(
        company(),
        &format!(
            "
           0 alice  > INVITE 03023125500 Privacy=id
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE from~<sip:anonymous@anonymous.invalid>;tag= pai=<sip:+49302312201@house.example> Privacy=id
        {BUSY}"
        ),
    );
}

#[test]
fn whoever_asks_for_no_privacy_has_none() {
    plays_in(
        company(),
        &format!(
            "
           0 alice  > INVITE 03023125500 Privacy=none
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE from~<sip:+49302312201@house.example> Privacy=none
        {BUSY}"
        ),
    );
}

#[test]
fn help_can_always_call_back() {
    plays_in(
        company(),
        "
           0 alice  > INVITE 112 'from=\"Anonymous\" <sip:anonymous@anonymous.invalid>'
           0 alice  < 100
           0 main   < INVITE from~<sip:+49302312500@house.example> pai=<sip:+49302312500@house.example> no=Privacy
           8 main   > 486
           8 main   < ACK
           8 backup < INVITE
           8 backup > 486
           8 backup < ACK
           8 alice  < 503
           8 ledger < record failed
        ",
    );
}

#[test]
fn whoever_has_no_number_shows_that_of_the_site() {
    let company = Company::new().with(|company| {
        company.document.sites[0].caller_id = Some("030 2312-0".into());
        company.person("alice").numbers.clear();
    });
    plays_in(
        company,
        &format!(
            "
           0 alice  > INVITE 03023125500
           0 alice  < 100
           0 ledger < reserve 0.60
           4 main   < INVITE pai=<sip:+493023120@house.example>
        {BUSY}"
        ),
    );
}
