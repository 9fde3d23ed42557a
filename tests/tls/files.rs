//! Files of TLS that cannot be used, and what `tollgate check` and `tollgate serve` say of them.

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::town::Town;

/// Which files the settings name; an empty word for those that they do not.
struct Named {
    certificate: &'static str,
    key: &'static str,
    trunk_ca: &'static str,
}

/// The shipped files with a TLS listener and a trunk behind TLS.
fn company(town: &Town, named: &Named) -> TempDir {
    let folder = tempfile::tempdir().expect("a scratch folder can be made");
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    for entry in fs::read_dir(shipped).expect("config/").flatten().filter(|entry| entry.path().is_file()) {
        let text = fs::read_to_string(entry.path()).expect("a shipped file");
        let is_settings = entry.file_name() == "tollgate.toml";
        let text = if is_settings { settings(&text, town, named) } else { text };
        fs::write(folder.path().join(entry.file_name()), text).expect("a file can be written");
    }
    folder
}

fn settings(shipped: &str, town: &Town, named: &Named) -> String {
    let path = |file: &str| town.path(file).display().to_string();
    let listen =
        "[[listen]]\nname = \"tls\"\ntransport = \"tls\"\naddress = \"127.0.0.1:5061\"\n\n[[listen]]\nname";
    let ca = match named.trunk_ca {
        "" => String::new(),
        file => format!("ca = {:?}\n", path(file)),
    };
    let trunk = format!("transport = \"tls\"\n{ca}priority = 2");
    let mut text = shipped.replacen("[[listen]]\nname", listen, 1);
    text = text.replacen("transport = \"tcp\"\npriority = 2", &trunk, 1);
    assert!(text.contains(&trunk), "the second trunk is another now");
    if !named.certificate.is_empty() {
        let (certificate, key) = (path(named.certificate), path(named.key));
        text += &format!("\n[tls]\ncertificate = {certificate:?}\nkey = {key:?}\n");
    }
    text
}

/// Whether the binary was content, and what it said.
fn said_of(town: &Town, command: &str, named: &Named) -> (bool, String) {
    let folder = company(town, named);
    let mut gate = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    gate.args([command, "--config"]).arg(folder.path().join("tollgate.toml"));
    // The authorities that this operating system believes.
    gate.env("SSL_CERT_FILE", town.path("system.pem")).env_remove("SSL_CERT_DIR");
    let output = gate.output().expect("the binary runs");
    let page = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&page).into_owned())
}

/// Each fault is named with its setting and what would be right; a certificate that has ended is worth a warning.
#[test]
fn files_that_cannot_be_used_are_named() {
    let town = Town::new();
    town.certify("other", &["gate.test"]);
    town.certify_until("old", &["gate.test"], 2020);
    fs::write(town.path("empty.pem"), "nothing").expect("a file can be written");
    for (certificate, key, trunk_ca, is_right, said) in [
        ("gate.pem", "gate.key", "ca.pem", true, "is right"),
        ("old.pem", "old.key", "ca.pem", true, "the certificate has expired on 2020-01-01"),
        ("gone.pem", "gate.key", "ca.pem", false, "tls.certificate"),
        ("gate.pem", "other.key", "ca.pem", false, "does not belong to the certificate"),
        ("gate.pem", "empty.pem", "ca.pem", false, "-----BEGIN PRIVATE KEY-----"),
        ("gate.pem", "gate.key", "gone.pem", false, "trunk[1].ca"),
        ("", "", "ca.pem", false, "has no certificate to show: there is no [tls]"),
        ("gate.pem", "gate.key", "", false, "the operating system believes no authority"),
    ] {
        let (was_right, page) = said_of(&town, "check", &Named { certificate, key, trunk_ca });
        assert!(was_right == is_right && page.contains(said), "{certificate} {key} {trunk_ca}: {page}");
    }
    let unfit = Named { certificate: "gate.pem", key: "other.key", trunk_ca: "ca.pem" };
    let (started, page) = said_of(&town, "serve", &unfit);
    assert!(!started && page.contains("does not belong to the certificate"), "{page}");
    // A trunk without a `ca` of its own, on a machine that believes somebody.
    fs::copy(town.path("ca.pem"), town.path("system.pem")).expect("a file can be copied");
    let bare = Named { certificate: "gate.pem", key: "gate.key", trunk_ca: "" };
    let (was_right, page) = said_of(&town, "check", &bare);
    assert!(was_right, "{page}");
}
