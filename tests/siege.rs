//! The gate under siege while staff call on: SIPVicious from Debian, thousands of idle and slow connections, a flood of REGISTERs.
//! `TOLLGATE_SIEGE_SECONDS=60 cargo test --test siege` makes the floods last a minute.
#![allow(clippy::disallowed_methods)] // Real sockets and processes need a real clock.

#[path = "siege/flood.rs"]
mod flood;
#[path = "scenarios/gate.rs"]
#[allow(dead_code, reason = "the scenarios use the rest")]
mod gate;
#[path = "scenarios/phone.rs"]
#[allow(dead_code, reason = "the scenarios use the rest")]
mod phone;
#[path = "scenarios/places.rs"]
mod places;
#[path = "siege/scanners.rs"]
mod scanners;
#[path = "scenarios/story.rs"]
#[allow(dead_code, reason = "the scenarios use the rest")]
mod story;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::TempDir;

use gate::Gate;
use phone::Running;
use places::Places;
use story::{Load, Story};

/// Two sieges at once on a small machine would be the siege of one gate by the other.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// A house with a trunk that answers, and Bob behind the telephone system.
struct House {
    gate: Gate,
    places: Places,
    scratch: TempDir,
    _turn: MutexGuard<'static, ()>,
}

/// Calls of Bob that go on meanwhile.
struct Calls {
    trunk: Running,
    bob: Running,
}

impl House {
    fn open() -> House {
        House::open_with(str::to_owned)
    }

    /// A house with other settings than those of the scenarios.
    fn open_with(change: impl Fn(&str) -> String) -> House {
        let turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let scratch = TempDir::with_prefix("tollgate-siege-").expect("a scratch folder can be made");
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("sipp-scenarios/company");
        let company = scratch.path().join("company");
        std::fs::create_dir(&company).expect("a folder can be made");
        for entry in std::fs::read_dir(shipped).expect("the company's files").flatten() {
            let text = std::fs::read_to_string(entry.path()).expect("a file of the company");
            let text = if entry.file_name() == "tollgate.toml" { change(&text) } else { text };
            std::fs::write(company.join(entry.file_name()), text).expect("a copy");
        }
        let places = Places::free();
        let gate = Gate::start(scratch.path(), &company, &places, "500ms")
            .unwrap_or_else(|fault| panic!("{fault}\n{}", Gate::log_tail(scratch.path())));
        House { gate, places, scratch, _turn: turn }
    }

    /// Fifty calls a second, each answered and hung up.
    fn calls(&self, seconds: u32) -> Calls {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sipp-scenarios/90-load");
        let mut story = Story::read(&folder).expect("the story of a load");
        story.load = Some(Load { per_second: 50, seconds, cost_micros_each: 600_000 });
        let start = |name: &str, to: &str| {
            let phone = story.phones.iter().find(|phone| phone.name == name).expect("a phone of the story");
            let folder = self.scratch.path().join(name);
            Running::start(&story, phone, to, &folder, &self.places).expect("SIPp starts")
        };
        let trunk = start("trunk one", "");
        Calls { trunk, bob: start("bob", "sip:03023125500@company.example") }
    }

    /// The sum of a metric over its labels, of those lines that hold `label`.
    fn counted(&self, name: &str, label: &str) -> f64 {
        let page = self.gate.get("/metrics").expect("the metrics page");
        let lines = page.lines().filter(|line| line.starts_with(name) && line.contains(label));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }
}

impl Calls {
    /// Every one was answered and hung up.
    fn all_went_well(self) {
        self.bob.finish().expect("every call goes well");
        self.trunk.finish().expect("the trunk had every call");
    }
}
