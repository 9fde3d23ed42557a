//! From the path of `tollgate.toml` to everything the gate needs, or to the problems of all files at once.

use std::path::Path;

use super::credential::Credential;
use super::problem::Problem;
use super::reading::{Reading, read_text};
use super::settings::Settings;
use super::tollgate_file;
use crate::ledger::TariffBook;
use crate::policy::Policy;
use crate::policy::document::{Company, Document};

/// A configuration without a fault.
#[derive(Debug)]
pub struct Loaded {
    pub settings: Settings,
    pub policy: Policy,
    pub credentials: Vec<Credential>,
    pub tariff: TariffBook,
    pub company: Company,
    pub counts: Counts,
    /// What deserves a look, and stops nothing.
    pub warnings: Vec<Problem>,
}

/// How much was read, for those who check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    pub listeners: usize,
    pub trunks: usize,
    pub sites: usize,
    pub roles: usize,
    pub people: usize,
    pub phones: usize,
    pub contact_databases: usize,
    pub contacts: usize,
    pub prices: usize,
}

/// Reads `tollgate.toml` at `path` alone: where the store and the other files are, without what these say.
///
/// # Errors
/// Every problem of the file.
pub fn load_settings(path: &Path) -> Result<Settings, Vec<Problem>> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let text = read_text(path).map_err(|problem| vec![problem])?;
    let (tollgate, source) = tollgate_file::read(&path.display().to_string(), &text, folder);
    let problems = source.into_problems();
    match tollgate {
        Some(tollgate) if problems.is_empty() => Ok(tollgate.settings),
        Some(_) | None => Err(problems),
    }
}

/// Reads `tollgate.toml` at `path` and every file it names, and compiles the policy and the tariff.
///
/// # Errors
/// Every problem of every file, those of one file together and by line.
pub fn load(path: &Path) -> Result<Loaded, Vec<Problem>> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let file = path.display().to_string();
    let text = read_text(path).map_err(|problem| vec![problem])?;
    let (tollgate, tollgate_source) = tollgate_file::read(&file, &text, folder);
    // Without the settings nobody knows where the other files are, nor which trunks and sites they may name.
    let Some(tollgate) = tollgate else { return Err(tollgate_source.into_problems()) };
    let settings = tollgate.settings;

    let mut reading = Reading::of(tollgate_source);
    let document = reading.policy(&settings.files, &text);
    let company = document.as_ref().map(|document| document.company.clone()).unwrap_or_default();
    let home = company.home.clone().or_else(|| Some(tollgate.sites.first()?.name.clone()));
    let (people, credentials) = reading.people(&settings, home.as_deref());
    let prices = reading.prices(&settings.files);
    let mut counts = Counts {
        listeners: settings.listeners.len(),
        trunks: settings.trunks.len(),
        sites: tollgate.sites.len(),
        roles: document.as_ref().map_or(0, |document| document.roles.len()),
        people: people.len(),
        phones: credentials.len(),
        contact_databases: settings.files.contacts.len(),
        contacts: 0,
        prices: prices.len(),
    };
    let tariff = reading.compile_tariff(&prices, &settings, &company);
    // The rows of the price list make room for the contacts.
    drop(prices);
    let document = document.map(|document| Document {
        sites: tollgate.sites,
        trunks: settings.trunks.iter().map(|trunk| trunk.name.clone()).collect(),
        databases: settings.files.contacts.iter().map(|(name, _)| name.clone()).collect(),
        ..document
    });
    let policy;
    (policy, counts.contacts) = reading.compile_policy(document.as_ref(), &people, &settings.files);
    let (problems, warnings) = reading.into_problems();
    match (policy, tariff) {
        (Some(policy), Some(tariff)) if problems.is_empty() => {
            Ok(Loaded { settings, policy, credentials, tariff, company, counts, warnings })
        }
        (Some(_) | None, Some(_) | None) => Err(problems),
    }
}
