//! `scenario.toml`: the story in words, who calls and who answers, and what must come out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs};

use serde::Deserialize;

/// One folder of `sipp-scenarios/`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Story {
    /// What happens and why it matters, for a reader who was woken by its failure.
    pub story: String,
    /// T1 of the gate (RFC 3261 §17.1.1.1); shorter where a silent peer must be waited for.
    #[serde(default = "default_t1")]
    pub t1: String,
    /// Deletes the ledger's file under the running gate before the first call.
    #[serde(default)]
    pub database_gone: bool,
    /// In order: a phone that answers is started and left alone, a phone that calls is waited for.
    #[serde(rename = "phone")]
    pub phones: Vec<Phone>,
    /// What the ledger must hold afterwards, call by call in order of their start.
    #[serde(default, rename = "record")]
    pub records: Vec<Record>,
    /// What must be settled afterwards, by holder and period.
    #[serde(default, rename = "spent")]
    pub spent: Vec<Spent>,
    #[serde(default)]
    pub load: Option<Load>,
    #[serde(skip)]
    pub folder: PathBuf,
}

/// One run of SIPp: a phone, a PBX or a trunk.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phone {
    pub name: String,
    /// Its address, one of `places::PLACES`.
    pub at: String,
    pub does: Does,
    /// `uac` is `uac.xml` beside the story, else in `shared/`.
    pub script: String,
    /// Request-URIs to call, one run each; `[gate]` stands for the gate's address.
    #[serde(default)]
    pub to: Vec<String>,
    /// Words that the script uses in brackets.
    #[serde(default)]
    pub keys: BTreeMap<String, String>,
    /// Who it says it is when asked.
    pub login: Option<Login>,
    /// Calls per run. For a phone that answers, zero means that it must hear nothing at all.
    #[serde(default = "one")]
    pub calls: u32,
    /// Calls that it begins in a second.
    #[serde(default = "ten")]
    pub per_second: u32,
    #[serde(default)]
    pub transport: Carrier,
    /// Talk time in milliseconds, where the script pauses.
    #[serde(default = "short_talk")]
    pub talks_ms: u32,
    /// Messages lost each way, in percent.
    #[serde(default)]
    pub loses_percent: u32,
    /// Texts that must occur in what it receives.
    #[serde(default)]
    pub hears: Vec<String>,
    /// Texts that must not.
    #[serde(default)]
    pub never_hears: Vec<String>,
}

/// What `[authentication]` in a script is made of.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    pub user: String,
    pub password: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Does {
    Calls,
    Answers,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Carrier {
    #[default]
    Udp,
    Tcp,
}

/// One row of call records; what is not stated is not compared. An empty text stands for no value.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// This many rows in a row look like this.
    #[serde(default = "one")]
    pub times: u32,
    pub person: Option<String>,
    pub number: Option<String>,
    pub reason: Option<String>,
    pub trunk: Option<String>,
    pub class: Option<String>,
    pub cost: Option<String>,
    pub end: Option<String>,
    pub status: Option<u16>,
    pub answered: Option<bool>,
}

/// One account in its present period.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spent {
    /// `person alice`, `department Sales`, `company`, `trunk one`.
    pub by: String,
    /// `day`, `week` or `month`.
    pub per: String,
    pub settled: String,
}

/// Many calls: those of every phone are replaced by `per_second` for a while, and nothing may be sent twice.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Load {
    pub per_second: u32,
    /// Length in the tests; `TOLLGATE_LOAD_SECONDS` sets another one.
    pub seconds: u32,
    /// What each call costs, in millionths: the ledger must hold exactly so much for each.
    pub cost_micros_each: i64,
}

impl Story {
    /// Reads the story of a folder.
    ///
    /// # Errors
    /// What is wrong with the file, for its writer.
    pub fn read(folder: &Path) -> Result<Story, String> {
        let path = folder.join("scenario.toml");
        let text = fs::read_to_string(&path).map_err(|fault| format!("{}: {fault}", path.display()))?;
        let mut story: Story =
            toml::from_str(&text).map_err(|fault| format!("{}: {fault}", path.display()))?;
        story.folder = folder.to_owned();
        Ok(story)
    }

    /// The XML file of a phone's script.
    pub fn script(&self, phone: &Phone) -> PathBuf {
        let file = format!("{}.xml", phone.script);
        let own = self.folder.join(&file);
        if own.exists() { own } else { self.folder.with_file_name("shared").join(file) }
    }

    /// The calls a phone makes or takes in one run.
    pub fn calls(&self, phone: &Phone) -> u32 {
        self.load.map_or(phone.calls, |load| load.call_count())
    }
}

impl Load {
    pub fn call_count(self) -> u32 {
        self.per_second * asked_seconds().unwrap_or(self.seconds)
    }

    /// A length was asked for by hand: nothing is excused.
    pub fn is_full(self) -> bool {
        asked_seconds().is_some()
    }
}

fn asked_seconds() -> Option<u32> {
    env::var("TOLLGATE_LOAD_SECONDS").ok().and_then(|seconds| seconds.parse().ok())
}

fn default_t1() -> String {
    "500ms".to_owned()
}

fn one() -> u32 {
    1
}

fn ten() -> u32 {
    10
}

fn short_talk() -> u32 {
    200
}
