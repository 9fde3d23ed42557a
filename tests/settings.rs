//! The configuration files: each shipped one loads, each fault is named where it stands, and no secret is ever printed.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tollgate::config::{self, Loaded, PeerKind, Problem};

fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config")
}

/// The shipped files in a folder of their own, to be broken.
fn copied() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["tollgate.toml", "policy.toml", "people.csv", "contacts.csv", "suppliers.csv", "tariff.csv"]
    {
        fs::copy(shipped().join(name), folder.path().join(name)).unwrap();
    }
    folder
}

fn load(folder: &Path) -> Result<Loaded, Vec<Problem>> {
    config::load(&folder.join("tollgate.toml"))
}

/// Replaces the first `old` of a file; a test about a line that is gone would prove nothing.
fn change(folder: &Path, file: &str, old: &str, new: &str) {
    let path = folder.join(file);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(old), "{file} no longer holds {old:?}");
    fs::write(&path, text.replacen(old, new, 1)).unwrap();
}

#[test]
fn the_shipped_files_are_right() {
    let loaded = load(&shipped()).unwrap_or_else(|problems| panic!("{problems:#?}"));
    assert_eq!(loaded.warnings, []);
    assert_eq!(loaded.counts.people, 13);
    assert_eq!(loaded.credentials.len(), 13);
    assert_eq!((loaded.counts.contact_databases, loaded.counts.contacts), (2, 21));
    assert!(loaded.counts.prices >= 60);
    assert_eq!(loaded.tariff.len(), loaded.counts.prices);
}

#[test]
fn defaults_are_what_the_shipped_file_says_they_are() {
    // A setting whose remark says "default: X" can be left out, and nothing changes.
    let whole = load(&shipped()).unwrap().settings;
    let folder = copied();
    let path = folder.path().join("tollgate.toml");
    let text = fs::read_to_string(&path).unwrap();
    let (kept, dropped): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| !line.contains("# default:"));
    assert!(dropped.len() > 20, "the shipped file states its defaults");
    fs::write(&path, kept.join("\n")).unwrap();
    let bare = load(folder.path()).unwrap_or_else(|problems| panic!("{problems:#?}")).settings;
    assert_eq!(bare.sip, whole.sip);
    assert_eq!(bare.money, whole.money);
    assert_eq!(bare.log, whole.log);
    assert_eq!(bare.trunks, whole.trunks);
    assert_eq!(bare.routing, whole.routing);
    assert_eq!(bare.stop, whole.stop);
}

#[test]
fn an_address_belongs_to_the_narrowest_network_that_holds_it() {
    let settings = load(&shipped()).unwrap().settings;
    let peer =
        |address: &str| settings.peer(address.parse().unwrap()).map(|peer| (peer.name.as_str(), peer.kind));
    assert_eq!(peer("10.3.0.4"), Some(("boston phones", PeerKind::Phones)));
    assert_eq!(peer("10.3.0.5"), Some(("boston pbx", PeerKind::Pbx)));
    assert_eq!(peer("::ffff:10.3.0.5"), Some(("boston pbx", PeerKind::Pbx)));
    let (carrier, _) = settings.trunk_by_name("carrier-a").unwrap();
    assert_eq!(peer("192.0.2.20"), Some(("carrier-a", PeerKind::Trunk(Some(carrier)))));
    assert_eq!(peer("192.0.2.70"), Some(("carrier-a media cluster", PeerKind::Trunk(Some(carrier)))));
    assert_eq!(peer("203.0.113.1"), None);
}

/// One slip each: the file, what is changed into what, the setting that is blamed, and words of what would be right.
#[rustfmt::skip]
const SLIPS: [(&str, &str, &str, &str, &str); 125] = [
    // Settings.
    ("tollgate.toml", "transport = \"udp\"\naddress", "transport = \"upd\"\naddress", "listen[0].transport", "udp?"),
    ("tollgate.toml", "address = \"127.0.0.1:5060\"", "address = \"127.0.0.1\"", "listen[0].address", "192.0.2.10:5060"),
    ("tollgate.toml", "address = \"127.0.0.1:5060\"", "address = \"0.0.0.0:5060\"", "listen[0].advertise", "can reach"),
    ("tollgate.toml", "name = \"lan-tcp\"", "name = \"lan-udp\"", "listen[1].name", "a name of its own"),
    ("tollgate.toml", "name = \"lan-tcp\"\ntransport = \"tcp\"", "name = \"b\"\ntransport = \"udp\"", "listen[1].address", "once"),
    ("tollgate.toml", "transport = \"tcp\"\naddress = \"127.0.0.1:5060\"", "transport = \"udp\"\naddress = \"127.0.0.1:5061\"", "trunk[1].transport", "same transport"),
    ("tollgate.toml", "name = \"lan-tcp\"", "nmae = \"lan-tcp\"", "listen[1].nmae", "name?"),
    ("tollgate.toml", "name = \"lan-tcp\"", "nmae = \"lan-tcp\"", "listen[1].name", "text"),
    ("tollgate.toml", "listener = \"lan-udp\"", "listener = \"lan-tcp\"", "trunk[0].listener", "lan-udp"),
    ("tollgate.toml", "\"192.0.2.21\"]", "\"sip_carrier.example\"]", "trunk[0].address[1]", "sip.carrier.example"),
    ("tollgate.toml", "\"192.0.2.21\"]", "\"sip..example\"]", "trunk[0].address[1]", "a host name"),
    ("tollgate.toml", "\"192.0.2.21\"]", "\"2001:db8::20\"]", "trunk[0].address[1]", "the same kind"),
    ("tollgate.toml", "[money]", "[dns]\nservers = [\"ns.example\"]\n[money]", "dns.servers[0]", "192.0.2.53"),
    ("tollgate.toml", "priority = 1 ", "priority = 0 ", "trunk[0].priority", "1 to 1000"),
    ("tollgate.toml", "priority = 1 ", "priority = \"high\" ", "trunk[0].priority", "whole number"),
    ("tollgate.toml", "number_format = \"00e164\"", "number_format = \"0e164\"", "trunk[1].number_format", "00e164"),
    ("tollgate.toml", "digest = [\"md5\"]", "digest = [\"md6\"]", "sip.digest[0]", "md5"),
    ("tollgate.toml", "digest = [\"md5\"]", "digest = []", "sip.digest", "md5"),
    ("tollgate.toml", "silence = \"4s\"", "silence = \"1m\"", "trunk[0].silence", "200ms to 32s"),
    ("tollgate.toml", "# reserve = { emergency = 1 }", "reserve = { emergency = 30 }", "trunk[0].reserve", "less than 30"),
    ("tollgate.toml", "# reserve = { emergency = 1 }", "reserve = { Salse = 1 }", "trunk[0].reserve.Salse", "Sales?"),
    ("tollgate.toml", "calls_max = 30\n# reserve", "reserve", "trunk[0].reserve", "calls_max"),
    ("tollgate.toml", "calls_max = 30\n", "calls_max = 30\ncosts = \"nowhere.csv\"\n", "trunk[0].costs", "a file that is there"),
    ("tollgate.toml", "options = \"30s\"", "options = \"0s\"", "trunk[0].options", "1s to 1h"),
    ("tollgate.toml", "order = \"priority\"", "order = \"price\"", "routing.order", "priority or cost"),
    ("tollgate.toml", "calls_max = 30", "calls = 30", "trunk[0].calls", "calls_max"),
    ("tollgate.toml", "# user = \"company-4711\"", "user = \"company-4711\"", "trunk[0].password", "password of this user"),
    ("tollgate.toml", "# password = \"…\"", "password = \"s3cret\"", "trunk[0].user", "user name"),
    ("tollgate.toml", "# user = \"company-4711\"", "user = \"c\"\nha1_md5 = \"0\"\nrealm = \"r\"", "trunk[0].ha1_md5", "32 hexadecimal digits"),
    ("tollgate.toml", "# user = \"company-4711\"", "user = \"c\"\nha1_md5 = \"0123456789abcdef0123456789abcdef\"", "trunk[0].ha1_md5", "realm"),
    ("tollgate.toml", "# user = \"company-4711\"", "user = \"c\"\npassword = \"p\"\nrealm = \"r\"\nha1_md5 = \"0123456789abcdef0123456789abcdef\"", "trunk[0].ha1_md5", "or its hashes"),
    ("tollgate.toml", "\"10.1.0.0/16\"", "\"10.1.0.1/16\"", "peer[0].networks[2]", "192.0.2.0/24"),
    ("tollgate.toml", "\"10.2.0.0/16\"", "\"10.1.0.0/16\"", "peer", "each network in one"),
    ("tollgate.toml", "kind = \"pbx\"", "kind = \"pxb\"", "peer[3].kind", "pbx?"),
    ("tollgate.toml", "kind = \"pbx\"", "kind = \"phones\"", "peer[3].trusted", "kind = \"pbx\""),
    ("tollgate.toml", "site = \"moscow\"", "site = \"moskow\"", "peer[1].site", "moscow?"),
    ("tollgate.toml", "trunk = \"carrier-a\"", "trunk = \"carrier-c\"", "peer[4].trunk", "carrier-a?"),
    ("tollgate.toml", "kind = \"phones\"\nsite = \"boston\"", "kind = \"phones\"", "peer[2].site", "berlin, moscow or boston"),
    ("tollgate.toml", "\"Europe/Moscow\"", "\"Europe/Moskau\"", "site.moscow.zone", "Europe/Moscow?"),
    ("tollgate.toml", "# address = \"10.3.0.5:5060\"", "address = \"pbx.example\"", "peer[3].address", "an IP address"),
    ("tollgate.toml", "# transport = \"udp\"         # as", "transport = \"udp\" # as", "peer[3].transport", "address"),
    ("tollgate.toml", "kind = \"phones\"\nsite = \"moscow\"", "kind = \"phones\"\naddress = \"10.2.0.5\"\nsite = \"moscow\"", "peer[1].address", "kind = \"pbx\""),
    ("tollgate.toml", "# registrar = \"boston pbx\"", "registrar = \"boston pbx\"", "site.boston.registrar", "here"),
    ("tollgate.toml", "trusted = true\nsite = \"boston\"\n#", "site = \"boston\"\naddress = \"10.3.0.5\"\n[site.x]\ncountry = \"US\"\nemergency = [\"911\"]\nregistrar = \"boston pbx\"\n#", "site.x.registrar", "trusted = true"),
    ("tollgate.toml", "# registrar = \"boston pbx\"", "registrar = 7", "site.boston.registrar", "text"),
    ("tollgate.toml", "# register = true", "register = true", "trunk[0].register", "user and password"),
    ("tollgate.toml", "# incoming = \"200\"", "incoming = \"200\"", "trunk[0].incoming", "register = true"),
    ("tollgate.toml", "# expires = \"1h\"            # with", "user = \"u\"\npassword = \"p\"\nregister = true\nexpires = \"5s\" # with", "trunk[0].expires", "1m to 7d"),
    ("tollgate.toml", "from = \"phone\"", "from = \"phnoe\"", "trunk[0].from", "phone?"),
    ("tollgate.toml", "caller_id = \"+49 30 23125 100\"", "caller_id = \"front desk\"", "site.berlin.caller_id", "a number"),
    ("tollgate.toml", "language = \"ru\"", "language = \"rus\"", "site.moscow.language", "ru?"),
    ("tollgate.toml", "country = \"RU\"", "land = \"RU\"", "site.moscow.country", "ISO 3166"),
    ("tollgate.toml", "country = \"RU\"", "land = \"RU\"", "site.moscow.land", "country"),
    ("tollgate.toml", "emergency = [\"911\"]", "emergency = []", "site.boston.emergency", "text"),
    ("tollgate.toml", "\"rewrite\"\n", "\"rewite\"\n", "site.boston.from_mismatch", "rewrite?"),
    ("tollgate.toml", "realm = \"example.com\"", "#", "sip.realm", "text"),
    ("tollgate.toml", "t1 = \"500ms\"", "t1 = 500", "sip.t1", "500ms"),
    ("tollgate.toml", "t1 = \"500ms\"", "t1 = \"5s\"", "sip.t2", "at least t1"),
    ("tollgate.toml", "timer_c = \"181s\"", "timer_c = \"5d\"", "sip.timer_c", "10s to 1h"),
    ("tollgate.toml", "registration_default = \"1h\"", "registration_default = \"10s\"", "sip.registration_default", "shortest"),
    ("tollgate.toml", "domains = [\"example.com\"]", "domains = [\"example..com\"]", "sip.domains[0]", "host name"),
    ("tollgate.toml", "currency = \"EUR\"", "currency = \"Euro\"", "money.currency", "EUR"),
    ("tollgate.toml", "places = 4", "places = 9", "money.places", "0 to 6"),
    ("tollgate.toml", "listen = \"127.0.0.1:9060\"", "listen = \"9060\"", "http.listen", "192.0.2.10:5060"),
    ("tollgate.toml", "policy = \"policy.toml\"", "policy = \"polcy.toml\"", "files.policy", "a file that is there"),
    ("tollgate.toml", "suppliers = \"suppliers.csv\"", "suppliers = { path = \"suppliers.csv\", every = \"1s\" }", "files.contacts.suppliers.every", "10s to 30d"),
    ("tollgate.toml", "suppliers = \"suppliers.csv\"", "suppliers = { url = \"https://crm.example\" }", "files.contacts.suppliers.path", "a file name"),
    ("tollgate.toml", "suppliers = \"suppliers.csv\"", "suppliers = { path = \"suppliers.csv\", url = \"ftp://crm\" }", "files.contacts.suppliers.url", "https://"),
    ("tollgate.toml", "suppliers = \"suppliers.csv\"", "suppliers = { path = \"suppliers.csv\", user = \"u\" }", "files.contacts.suppliers.user", "user and password"),
    ("tollgate.toml", "suppliers = \"suppliers.csv\"", "suppliers = { path = \"suppliers.csv\", open = [\"locl\"] }", "files.contacts.suppliers.open[0]", "local?"),
    ("tollgate.toml", "suppliers = \"suppliers.csv\"", "suppliers = { path = \"suppliers.csv\", look_up = { url = \"https://crm/x\" } }", "files.contacts.suppliers.look_up.url", "{number}"),
    ("tollgate.toml", "suppliers = \"suppliers.csv\"", "suppliers = { path = \"suppliers.csv\", look_up = { url = \"https://crm/{number}\", deadline = \"9s\" } }", "files.contacts.suppliers.look_up.deadline", "50ms to 4s"),
    ("tollgate.toml", "suppliers = \"suppliers.csv\"", "suppliers = { path = \"suppliers.csv\", look_up = { url = \"https://crm/{number}\", known_at = \"known\" } }", "files.contacts.suppliers.look_up.known_at", "/known"),
    ("tollgate.toml", "suppliers = \"suppliers.csv\"", "suppliers = \"sup.csv\"", "files.contacts.suppliers", "a file that is there"),
    ("tollgate.toml", "filter = \"info\"", "filter = \"loud=very\"", "log.filter", "info"),
    ("tollgate.toml", "wait = \"0s\"", "wait = \"48h\"", "stop.wait", "0s to 24h"),
    ("tollgate.toml", "calls = \"leave\"", "calls = \"leav\"", "stop.calls", "leave?"),
    ("tollgate.toml", "[store]", "[stroe]", "stroe", "store?"),
    ("tollgate.toml", "[store]", "[stroe]", "store.path", "file name"),
    ("tollgate.toml", "[store]", "[store", "", "TOML"),
    ("tollgate.toml", "notes = \"/dev/shm\"", "notes = \"/dev/sham\"", "store.notes", "a folder in memory"),
    // The policy.
    ("policy.toml", "zone = \"Europe/Berlin\"", "zone = \"Berlin\"", "company.zone", "Europe/Berlin"),
    ("policy.toml", "classes = [\"internal\", \"local\"", "classes = [\"internal\", \"loca\"", "roles.administrator.permits[0].classes[1]", "local?"),
    ("policy.toml", "contacts = \"crm_and_colleagues\"", "contacts = \"crm_and_collegues\"", "roles.sales.permits[0].contacts", "crm_and_colleagues?"),
    ("policy.toml", "contacts = \"crm_and_colleagues\"", "contacts = \"any\"", "roles.sales.permits[0].databases", "crm_and_colleagues"),
    ("policy.toml", "databases = [\"customers\"]", "databases = [\"costumers\"]", "roles.sales.permits[0].databases", "customers?"),
    ("tollgate.toml", "# [[webhook]]\n# url = \"https://ops.example.com/tollgate\"\n# secret = \"change me to something long\"\n# events = [\"budget\", \"emergency\"]\n", "[[webhook]]\nurl = \"ops.example.com\"\nsecret = \"change me to something long\"\n", "webhook[0].url", "https://"),
    ("tollgate.toml", "# [[webhook]]\n# url = \"https://ops.example.com/tollgate\"\n# secret = \"change me to something long\"\n# events = [\"budget\", \"emergency\"]\n", "[[webhook]]\nurl = \"https://a.example\"\nsecret = \"short\"\n", "webhook[0].secret", "16 letters"),
    ("tollgate.toml", "# [[webhook]]\n# url = \"https://ops.example.com/tollgate\"\n# secret = \"change me to something long\"\n# events = [\"budget\", \"emergency\"]\n", "[[webhook]]\nurl = \"https://a.example\"\nsecret = \"change me to something long\"\nevents = [\"budjet\"]\n", "webhook[0].events[0]", "budget?"),
    ("policy.toml", "on_change = \"30s\"", "on_change = \"later\"", "roles.sales.on_change", "\"finish\", \"cut\""),
    ("policy.toml", "by = [\"dial\", \"forward\"", "at_close = \"cut\"\nby = [\"dial\", \"forward\"", "roles.administrator.permits[0].at_close", "hours, or no at_close"),
    ("policy.toml", "longest_s = 3600", "longest_s = 0", "roles.sales.permits[0].longest_s", "1 to 604800"),
    ("policy.toml", "by = [\"dial\", \"forward\"", "by = [\"dail\", \"forward\"", "roles.administrator.permits[0].by[0]", "dial?"),
    ("policy.toml", "{ period = \"day\", money = \"50.00\" }", "{ period = \"day\", money = \"fifty\" }", "roles.manager.budgets[0].money", "12.50"),
    ("policy.toml", "{ period = \"day\", money = \"50.00\" }", "{ money = \"50.00\" }", "roles.manager.budgets[0].period", "day, week or month"),
    ("policy.toml", "holder = \"department\"", "holder = \"departement\"", "budgets[0].holder", "department?"),
    ("policy.toml", "name = \"Sales\"\n", "", "budgets[0].name", "name of the department"),
    ("policy.toml", "home = \"berlin\"", "home = \"berln\"", "company.home", "berlin"),
    ("policy.toml", "[\"colleagues\"]", "[\"colleages\"]", "roles.manager.inherits[0]", "colleagues"),
    ("policy.toml", "\"Mo-Fr 08:00-18:00; PH off\"", "\"Mo-Fr 8 to 18\"", "roles.sales.permits[0].hours", "Mo-Fr 08:00-18:00"),
    ("policy.toml", "parent = \"Company\"", "parent = \"Compny\"", "departments.Management.parent", "Company"),
    ("policy.toml", "name = \"Sales\"\n", "name = \"Sale\"\n", "budgets[0].name", "Sales"),
    ("policy.toml", "lists = [\"blocked\"]  ", "lists = [\"bloked\"]  ", "guards[2].lists[0]", "blocked"),
    ("policy.toml", "countries = [\"CH\", \"GB\"]", "countries = [\"CH\", \"G8\"]", "roles.manager.permits[0].countries[1]", "ISO 3166"),
    ("tollgate.toml", "country = \"RU\"", "country = \"R\"", "site.moscow.country", "ISO 3166"),
    ("tollgate.toml", "extensions = [\"2xx\"]", "extensions = [\"2--\"]", "site.berlin.extensions[0]", "2xx"),
    ("tollgate.toml", "emergency_trunks = [\"carrier-a\"", "emergency_trunks = [\"carrier-c\"", "site.berlin.emergency_trunks[0]", "carrier-a"),
    ("tollgate.toml", "callback = \"+49 30 23125 100\"", "callback = \"reception\"", "site.berlin.callback", "a number"),
    // Rows.
    ("people.csv", ",Support,berlin,,,support_operator", ",Suport,berlin,,,support_operator", "department", "Support"),
    ("people.csv", ",Sales,moscow,,,department_head", ",Sales,moskow,,,department_head", "site", "moscow"),
    ("people.csv", "bernd,Bernd Brandt,201", "bernd,Bernd Brandt,200", "extension", "once"),
    ("people.csv", "bernd,Bernd Brandt,201", "anna,Bernd Brandt,201", "key", "once"),
    ("people.csv", ",,,administrator,", ",,,administrater,", "roles", "administrator"),
    ("people.csv", "sales@2026-07-01..2026-08-31", "sales@2026-07-01..2026-08-32", "roles", "2026"),
    ("people.csv", ",,front_desk,", ",,frontdesk,", "groups", "front_desk"),
    ("people.csv", "minutes_day,calls,locked", "minutes_day,cals,locked", "cals", "calls?"),
    ("people.csv", "anna,Anna Adler", ",Anna Adler", "key", "every row has one"),
    ("people.csv", "bernd,sample-bernd", "anna,sample-bernd", "sip_user", "of one's own"),
    ("people.csv", "clara,sample-clara", "clara,", "password", "tollgate hash"),
    ("people.csv", "david,sample-david,", "david,,abc", "ha1_md5", "32 hexadecimal digits"),
    ("people.csv", "America/Chicago", "America/Chcago", "zone", "America/Chicago?"),
    ("contacts.csv", "+43 1 5550506,", ",", "number", "every row has one"),
    ("tariff.csv", "43,Austria,0.0290", "43,Austria,free", "price_per_minute", "12.50"),
    ("tariff.csv", "43,Austria,0.0290,,30,6,2026-01-01", "49,Germany,0.0290,,1,1,2026-01-01", "prefix", "one price"),
    ("tariff.csv", "46,Sweden,0.0170,,30,6,2026-01-01", "46,Sweden,0.0170,,30,6,01.01.2026", "valid_from", "2026-01-31"),
];

#[test]
fn every_slip_is_named_where_it_stands() {
    let mut failures = String::new();
    for (file, old, new, path, right) in SLIPS {
        let folder = copied();
        change(folder.path(), file, old, new);
        let problems = match load(folder.path()) {
            Ok(_) => Vec::new(),
            Err(problems) => problems,
        };
        let found = problems.iter().any(|problem| {
            problem.file.ends_with(file)
                && problem.path == path
                && problem.right.contains(right)
                && problem.line.is_some()
        });
        // One slip is one problem; where another follows of necessity, the table has a line for each.
        let expected = SLIPS.iter().filter(|slip| (slip.0, slip.1, slip.2) == (file, old, new)).count();
        if !found || problems.len() != expected {
            let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
            writeln!(failures, "{path} ({new:?}): {shown:#?}").unwrap();
        }
    }
    assert!(failures.is_empty(), "not named as expected:\n{failures}");
}

#[test]
fn all_problems_of_all_files_come_at_once_and_no_other() {
    let folder = copied();
    change(
        folder.path(),
        "tollgate.toml",
        "transport = \"tcp\"\npriority = 2",
        "transport = \"tpc\"\npriority = 0",
    );
    change(folder.path(), "tollgate.toml", "t1 = \"500ms\"", "t1 = \"half a second\"");
    change(folder.path(), "policy.toml", "contacts = \"any\"", "contacts = \"all\"");
    change(folder.path(), "people.csv", "America/Chicago", "America/Chcago");
    change(folder.path(), "suppliers.csv", "+31 20 5550603", "");
    change(folder.path(), "tariff.csv", "46,Sweden,0.0170", "46,Sweden,0,0170");
    let problems = load(folder.path()).unwrap_err();
    let places: Vec<(&str, &str)> = problems
        .iter()
        .map(|problem| {
            (Path::new(&problem.file).file_name().unwrap().to_str().unwrap(), problem.path.as_str())
        })
        .collect();
    assert_eq!(
        places,
        [
            ("tollgate.toml", "trunk[1].transport"),
            ("tollgate.toml", "trunk[1].priority"),
            ("tollgate.toml", "sip.t1"),
            ("policy.toml", "roles.administrator.permits[0].contacts"),
            ("people.csv", "zone"),
            ("suppliers.csv", "number"),
            ("tariff.csv", ""),
        ],
        "{problems:#?}"
    );
    let text = fs::read_to_string(folder.path().join("tollgate.toml")).unwrap();
    let line = problems[2].line.unwrap() as usize;
    assert!(text.lines().nth(line - 1).unwrap().starts_with("t1 ="), "the line is the one in the file");
}

#[test]
fn secrets_are_never_printed() {
    let folder = copied();
    let loaded = load(folder.path()).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let printed = format!("{:?} {:?}", loaded.settings, loaded.credentials);
    let hash = config::to_hex(&loaded.credentials[0].md5.unwrap());
    let bytes = format!("{:?}", loaded.credentials[0].md5.unwrap());
    for secret in ["sample-", &hash, bytes.trim_matches(['[', ']'])] {
        assert!(!printed.contains(secret), "{secret} is printed");
    }
    // Nor in a problem about the secret itself.
    change(folder.path(), "people.csv", "david,sample-david,", "david,,sesame-hash");
    let problems = load(folder.path()).unwrap_err();
    assert_eq!(problems.len(), 1, "{problems:#?}");
    assert!(!format!("{problems:?}").contains("sesame"), "{problems:#?}");
}

#[test]
fn a_contact_that_cannot_be_read_is_a_warning_with_its_line() {
    // One bad line of a CRM must not shut the house.
    let folder = copied();
    change(folder.path(), "suppliers.csv", "+31 20 5550603", "call me");
    change(folder.path(), "contacts.csv", "Druckerei Muenchen,emma", "Druckerei Muenchen,ema");
    let loaded = load(folder.path()).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let places: Vec<(bool, Option<u32>, &str)> = loaded
        .warnings
        .iter()
        .map(|warning| (warning.file.ends_with("suppliers.csv"), warning.line, warning.path.as_str()))
        .collect();
    assert_eq!(places, [(false, Some(10), "owner"), (true, Some(5), "number")], "{:#?}", loaded.warnings);
}

#[test]
fn the_same_text_is_the_same_policy_version() {
    let folder = copied();
    let version = || load(folder.path()).unwrap_or_else(|problems| panic!("{problems:#?}")).policy.version();
    let first = version();
    assert_eq!(version(), first);
    change(folder.path(), "policy.toml", "longest_s = 3600", "longest_s = 3601");
    let second = version();
    assert_ne!(second, first);
    change(folder.path(), "tollgate.toml", "emergency = [\"911\"]", "emergency = [\"911\", \"988\"]");
    let third = version();
    assert_ne!(third, second);
    change(folder.path(), "people.csv", "emma,Emma Ernst", "emma,Emma Ernst-Adler");
    let fourth = version();
    assert_ne!(fourth, third);
    change(folder.path(), "tariff.csv", "0.", "1.");
    assert_eq!(version(), fourth, "prices have dates of their own");
    // Prometheus and JSON hold it in a double.
    assert!(fourth < 1 << 53);
}

#[test]
fn a_missing_settings_file_is_one_clear_problem() {
    let problems = config::load(Path::new("/nowhere/tollgate.toml")).unwrap_err();
    assert_eq!(problems.len(), 1);
    assert!(problems[0].what.starts_with("cannot be read"), "{problems:?}");
}

#[test]
fn contacts_by_the_hundred_thousand_load_and_each_bad_line_is_counted() {
    const COUNT: usize = 200_000;
    let folder = copied();
    let mut text = String::from("number,name,owner,site\n");
    for at in 0..COUNT {
        writeln!(text, "+4930{:07},Contact {at},,", 2_000_000 + at).unwrap();
    }
    fs::write(folder.path().join("contacts.csv"), &text).unwrap();
    let loaded = load(folder.path()).unwrap_or_else(|problems| panic!("{problems:#?}"));
    assert_eq!(loaded.counts.contacts, COUNT + 5);

    // A file of nothing but bad lines is a page of problems, not two hundred thousand.
    let broken = text.replace("+4930", ",+4930");
    fs::write(folder.path().join("contacts.csv"), broken).unwrap();
    let problems = load(folder.path()).unwrap_err();
    assert_eq!(problems.len(), 201);
    assert_eq!(problems[200].what, format!("{} more problems are not listed", COUNT - 200));
}
