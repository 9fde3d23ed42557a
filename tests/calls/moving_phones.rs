//! Phones whose connection or NAT binding changes in mid-call: RFC 5626 §3, CALLS R12 and R70.

use crate::world::plays;

#[test]
fn a_phone_that_comes_back_over_a_new_connection_is_followed() {
    plays(
        "
           0 tina   > INVITE 03023125500
           0 tina   < 100
           0 ledger < reserve 0.60
           4 main   < INVITE
           8 main   > 200
           8 tina   < 200
          12 tina   > ACK
          12 main   < ACK
          1s wire   > closes tina
          2s wire   > moves tina
          3s tina   > INFO
          3s main   < INFO
        3.1s main   > 200
        3.1s tina   < 200 INFO
        # From now on she is reached there.
          4s main   > INFO
          4s tina   < INFO
        4.1s tina   > 200
        4.1s main   < 200 INFO
          5s main   > BYE
          5s tina   < BYE
          5s ledger < settle 0.05 callee_hung_up
        5.1s tina   > 200
        5.1s main   < 200 BYE
        ",
    );
}
