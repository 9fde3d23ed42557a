//! Real phones of two makes do what docs/phones.md says of them, without the minutes that a session timer needs. The script plays
//! pjsua2 too, which comes from PyPI, and both transports.
#![allow(clippy::disallowed_methods)] // Real phones need a real clock.

use std::path::Path;
use std::process::Command;

#[test]
fn baresip_does_what_is_written_of_it() {
    plays("baresip", "udp");
}

#[test]
fn linphonec_does_what_is_written_of_it() {
    plays("linphonec", "tcp");
}

fn plays(phone: &str, transport: &str) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/phones/run");
    let played = Command::new(script)
        .args(["--quick", "--transport", transport, phone])
        .env("TOLLGATE", env!("CARGO_BIN_EXE_tollgate"))
        .output()
        .expect("python3 is there; tests/all installs it");
    let said = String::from_utf8_lossy(&played.stdout);
    assert!(played.status.success(), "{said}{}", String::from_utf8_lossy(&played.stderr));
    assert!(said.contains("7 stories, 0 otherwise"), "{said}");
}
