//! SIPVicious: a map of devices, a war on extensions, a dictionary against a password.

use std::process::{Command, Output};

use super::House;

/// Where Mallory is; in no network that the company lists.
const MALLORY: &str = "127.0.0.66";
/// Longer than the company's `failures_before_lock`; the right word is the last.
const WORDS: u32 = 300;

impl House {
    /// One of the tools against the gate; what it prints.
    fn attacked_by(&self, tool: &str, words: &[&str]) -> String {
        let gate = self.places.at("gate");
        // svmap takes the port apart from the address.
        let (target, port) = match tool {
            "svmap" => (gate.ip().to_string(), vec!["-p".to_owned(), gate.port().to_string()]),
            _ => (format!("udp://{gate}"), Vec::new()),
        };
        let Output { stdout, stderr, .. } = Command::new(tool)
            .args(words)
            .args(port)
            .arg(target)
            .current_dir(self.scratch.path())
            .env("HOME", self.scratch.path())
            .output()
            .unwrap_or_else(|fault| panic!("{tool} does not start ({fault}); tests/all installs it"));
        let said = String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr);
        println!("$ {tool} {}\n{said}", words.join(" "));
        said
    }
}

#[test]
fn scanners_that_give_their_name_hear_nothing_while_staff_call_on() {
    let house = House::open();
    let map = besiege(&house, "a scanner that gives its name");
    assert!(map.contains("found nothing"), "{map}");
    house.gate.stop().expect("the gate ends well");
}

#[test]
fn scanners_that_hide_their_name_find_nobody_and_no_password_while_staff_call_on() {
    // SIPVicious cannot hide it; here the gate does not know it.
    let house = House::open_with(|settings| settings.replace("[sip]\n", "[sip]\nscanners = []\n"));
    besiege(&house, "a scanner that hides");
    house.gate.stop().expect("the gate ends well");
}

/// A map, a war on extensions and a dictionary, one after the other; what the map showed.
fn besiege(house: &House, what: &str) -> String {
    let calls = house.calls(20);
    let map = house.attacked_by("svmap", &["-b", MALLORY]);
    for method in ["REGISTER", "INVITE", "OPTIONS"] {
        let war = house.attacked_by("svwar", &["-b", MALLORY, "--force", "-e", "100-120", "-m", method]);
        assert!(!(100..=120).any(|extension| war.contains(&format!("| {extension}"))), "{method}: {war}");
    }
    let words = house.scratch.path().join("words.txt");
    let dictionary: String = (0..WORDS).map(|word| format!("guess{word}\n")).collect();
    std::fs::write(&words, dictionary + "password-102\n").expect("a dictionary can be written");
    let words = words.display().to_string();
    let crack = house.attacked_by("svcrack", &["-b", MALLORY, "-u", "102", "-d", &words]);
    assert!(!crack.contains("password-102"), "{crack}");
    assert!(house.counted("tollgate_source_locks_total", "") >= 1.0, "{what} is locked out");
    calls.all_went_well();
    map
}
