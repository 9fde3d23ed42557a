//! More calls than the house takes: CALLS R92.

use crate::world::{Company, plays_in};

/// Alice talks with bob since 20 ms.
const TALK: &str = "
       0 alice  > INVITE 202
       0 alice  < 100
       0 bob    < INVITE
       8 bob    > 200
       8 alice  < 200
      20 alice  > ACK
      20 bob    < ACK
";

/// And hangs up at 60 s.
const END: &str = "
     60s alice  > BYE
     60s bob    < BYE
     60s ledger < record caller_hung_up
     60s bob    > 200
     60s alice  < 200 BYE
";

#[test]
fn calls_that_begin_beyond_the_houses_limit_get_503_and_the_others_go_on() {
    let company = Company::new().with(|company| company.limits.calls_max = 1);
    plays_in(
        company,
        &format!(
            "{TALK}
              1s carol  > INVITE 201
              1s carol  < 503 Retry-After=5
              1s ledger < record refused
        {END}
        # An ended call is remembered, but does not count.
             61s carol  > INVITE 201
             61s carol  < 100
             61s alice  < INVITE
             62s alice  > 486
             62s alice  < ACK
             62s carol  < 486
             62s ledger < record declined
            "
        ),
    );
}
