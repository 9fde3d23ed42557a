//! A company around the gate under test: a talkative person, a brief one, a poor one, one with money for three calls; its trunk; its disk.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::gate::{Gate, write_company};
use super::places::Places;
use super::sipp::{Sipp, Talk};

/// By the second, so that money lasts for what it says.
const TARIFF: &str = "prefix,description,price_per_minute,connect_fee,first_increment_s,next_increment_s,valid_from\n\
    49,Germany,0.6000,,1,1,2020-01-01\n";

const ROLE: &str = "\n[[roles.brief.permits]]\nclasses = [\"internal\", \"local\", \"national\", \"mobile\"]\ncontacts = \"any\"\nlongest_s = 12\n";

const PEOPLE: &str = "brief,Brief talks twelve seconds,130,+49 30 23125 130,Office,brief,130,password-130,\n\
    poor,Poor has money for twenty seconds,131,+49 30 23125 131,Office,at_home,131,password-131,0.20\n\
    trio,Trio has money for three calls,132,+49 30 23125 132,Office,at_home,132,password-132,1.80\n";

/// People at the numbers from 140 on, each with money for a short call of her own.
pub const HOSTILE: u32 = 10;
const HOSTILE_SECONDS: u32 = 12;

fn hostile(at: u32, money_seconds: u32) -> String {
    let (number, cents) = (140 + at, money_seconds);
    format!(
        "hostile{at},Hostile {at} has money for a short call,{number},+49 30 23125 {number},Office,at_home,{number},password-{number},\
         {}.{:02}\n",
        cents / 100,
        cents % 100
    )
}

pub struct House {
    scratch: TempDir,
    places: Places,
    /// None once it is stopped for good.
    pub gate: Option<Gate>,
    callers: u16,
}

impl House {
    pub fn open() -> House {
        House::open_with(HOSTILE_SECONDS)
    }

    /// `money_seconds`: for how long each of those at the numbers from 140 on has money.
    pub fn open_with(money_seconds: u32) -> House {
        let scratch = scratch();
        let places = Places::free();
        let company = Path::new(env!("CARGO_MANIFEST_DIR")).join("sipp-scenarios/company");
        write_company(scratch.path(), &company, &places, "500ms").expect("the company's files");
        let add = |file: &str, text: &str| {
            let path = scratch.path().join(file);
            let before = fs::read_to_string(&path).expect("a file of the company");
            fs::write(&path, before + text).expect("it can be written");
        };
        add("policy.toml", ROLE);
        add("people.csv", PEOPLE);
        add("people.csv", &(0..HOSTILE).map(|at| hostile(at, money_seconds)).collect::<String>());
        fs::write(scratch.path().join("tariff.csv"), TARIFF).expect("a tariff");
        let mut house = House { scratch, places, gate: None, callers: 0 };
        house.gate = Some(house.launch());
        house
    }

    pub fn database(&self) -> PathBuf {
        self.scratch.path().join("ledger.sqlite")
    }

    pub fn config(&self) -> PathBuf {
        self.scratch.path().join("tollgate.toml")
    }

    /// kill -9, and a new gate at once; returns when that is ready.
    pub fn kill_and_restart(&mut self) {
        drop(self.gate.take());
        self.gate = Some(self.launch());
    }

    pub fn place(&self, name: &str) -> SocketAddr {
        self.places.at(name)
    }

    /// Another `[stop]`, from the next start on.
    pub fn stops_with(&self, wait: &str, calls: &str) {
        let path = self.config();
        let text = fs::read_to_string(&path).expect("the settings");
        let at = text.find("[stop]").expect("the settings have [stop]");
        let end = text[at..].find("[http]").expect("the settings have [http]") + at;
        let stop = format!("[stop]\nwait = \"{wait}\"\ncalls = \"{calls}\"\n\n");
        fs::write(&path, [&text[..at], &stop, &text[end..]].concat()).expect("it can be written");
    }

    pub fn start(&mut self) {
        self.gate = Some(self.launch());
    }

    /// What the gate has logged since its start.
    pub fn log(&self) -> String {
        fs::read_to_string(self.scratch.path().join("gate.log")).unwrap_or_default()
    }

    /// Whoever is called through the first trunk rings and answers.
    pub fn trunk(&self) -> Sipp {
        let script = fs::read_to_string(script("answers.xml")).expect("a script");
        Sipp::start(&self.scratch.path().join("trunk"), &script, self.places.at("trunk_one"), &[])
    }

    /// Each to a number of its own.
    pub fn calls(&mut self, caller: &str, talk: Talk, count: u32, per_second: u32) -> Sipp {
        let to = format!("sip:0305500{}0[call_number]@company.example", self.callers + 1);
        self.call(caller, &to, talk, count, per_second)
    }

    /// What the callers of the `group`th group dial, in their order.
    pub fn dialled(group: u16, count: u32) -> impl Iterator<Item = String> {
        (1..=count).map(move |call| format!("0305500{group}0{call}"))
    }

    pub fn emergency_calls(&mut self, count: u32) -> Sipp {
        self.call("102", "sip:112@company.example", Talk::HangsUp, count, 5)
    }

    fn call(&mut self, caller: &str, to: &str, talk: Talk, count: u32, per_second: u32) -> Sipp {
        let end = match talk {
            Talk::HangsUp => "hangs_up.xml",
            Talk::Waits => "waits.xml",
        };
        let end = fs::read_to_string(script(end)).expect("a script");
        let text = fs::read_to_string(script("caller.xml")).expect("a script").replace("@talk@\n", &end);
        let text = text.replace("[to]", to);
        self.callers += 1;
        let folder = self.scratch.path().join(format!("caller-{}", self.callers));
        // All of them are the telephone system's, each at a port of its own.
        let pbx = self.places.at("pbx");
        let own = SocketAddr::new(pbx.ip(), free_port(pbx));
        let (count, rate) = (count.to_string(), per_second.to_string());
        let gate = self.places.at("gate").to_string();
        let rest = ["-m", &count, "-l", &count, "-r", &rate, "-key", "caller", caller, &gate];
        Sipp::start(&folder, &text, own, &rest)
    }

    /// From now on no file of the gate grows: each write beyond its size fails, as on a full disk.
    pub fn fill_the_disk(&self) {
        let wal = fs::metadata(self.scratch.path().join("ledger.sqlite-wal")).map_or(0, |file| file.len());
        self.limit(&format!("{wal}:unlimited"));
    }

    pub fn empty_the_disk(&self) {
        self.limit("unlimited:unlimited");
    }

    fn limit(&self, size: &str) {
        let id = self.gate.as_ref().expect("a gate").id().to_string();
        let status = Command::new("prlimit").args(["--pid", &id, &format!("--fsize={size}")]).status();
        assert!(status.expect("prlimit is part of util-linux").success());
    }

    fn launch(&self) -> Gate {
        Gate::launch(self.scratch.path(), &self.places)
            .unwrap_or_else(|fault| panic!("{fault}\n{}", Gate::log_tail(self.scratch.path())))
    }
}

/// In memory, where there is such a place: a kill leaves the same behind as on a disk, and a disk that other work keeps busy for seconds
/// makes the gate refuse what costs, as it should, which is not asked here.
fn scratch() -> TempDir {
    let in_memory = TempDir::with_prefix_in("tollgate-faults-", "/dev/shm");
    in_memory.or_else(|_| TempDir::with_prefix("tollgate-faults-")).expect("a scratch folder can be made")
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults").join(name)
}

fn free_port(near: SocketAddr) -> u16 {
    let socket = std::net::UdpSocket::bind(SocketAddr::new(near.ip(), 0)).expect("a free port");
    socket.local_addr().expect("a bound socket").port()
}
