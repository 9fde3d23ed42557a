//! Files of TLS that cannot be used, and what `tollgate check` says of them.

use std::fs;
use std::process::Command;

use super::town::Town;

/// Each fault of the files is named with its setting and what would be right; what ends soon is worth a warning.
#[test]
fn check_names_the_files_that_cannot_be_used() {
    let town = Town::new();
    town.certify("other", &["gate.test"]);
    town.certify_until("old", &["gate.test"], 2020);
    fs::write(town.path("empty.pem"), "nothing").expect("a file can be written");
    let check = |certificate: &str, key: &str, trunk_ca: &str| {
        let folder = tempfile::tempdir().expect("a scratch folder can be made");
        let shipped = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
        for entry in fs::read_dir(shipped).expect("config/").flatten().filter(|entry| entry.path().is_file())
        {
            let mut text = fs::read_to_string(entry.path()).expect("a shipped file");
            if entry.file_name() == "tollgate.toml" {
                let listen = "[[listen]]\nname = \"tls\"\ntransport = \"tls\"\naddress = \"127.0.0.1:5061\"\n\n[[listen]]";
                text = text.replacen("[[listen]]\nname", &format!("{listen}\nname"), 1);
                let ca = town.path(trunk_ca);
                text = text.replacen(
                    "transport = \"tcp\"\npriority = 2",
                    "transport = \"tls\"\npriority = 2",
                    1,
                );
                text = text.replacen(
                    "number_format = \"00e164\"",
                    &format!("ca = {:?}\nnumber_format = \"00e164\"", ca.display()),
                    1,
                );
                if !certificate.is_empty() {
                    let (pem, key) = (town.path(certificate), town.path(key));
                    text +=
                        &format!("\n[tls]\ncertificate = {:?}\nkey = {:?}\n", pem.display(), key.display());
                }
            }
            fs::write(folder.path().join(entry.file_name()), text).expect("a file can be written");
        }
        let mut check = Command::new(env!("CARGO_BIN_EXE_tollgate"));
        check.args(["check", "--config"]).arg(folder.path().join("tollgate.toml"));
        let output = check.output().expect("the binary runs");
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    for (certificate, key, trunk_ca, is_right, said) in [
        ("gate.pem", "gate.key", "ca.pem", true, "is right"),
        ("old.pem", "old.key", "ca.pem", true, "the certificate has expired on 2020-01-01"),
        ("gone.pem", "gate.key", "ca.pem", false, "tls.certificate"),
        ("gate.pem", "other.key", "ca.pem", false, "does not belong to the certificate"),
        ("gate.pem", "empty.pem", "ca.pem", false, "-----BEGIN PRIVATE KEY-----"),
        ("gate.pem", "gate.key", "gone.pem", false, "trunk[1].ca"),
        ("", "", "ca.pem", false, "has no certificate to show: there is no [tls]"),
    ] {
        let (was_right, page) = check(certificate, key, trunk_ca);
        assert!(was_right == is_right && page.contains(said), "{certificate} {key} {trunk_ca}: {page}");
    }
}
