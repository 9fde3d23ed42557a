//! From the settings of TLS to what the sockets prove themselves with and whom they believe, or to the problems of those files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::config::{Carrier, Problem, Settings, TlsFiles, Trunk};
use crate::gate::Snapshot;
use crate::net::{OwnFiles, Pair, Secured, TlsFault, TrunkFiles, TrunkPlace};
use crate::sip::Transport;

/// A certificate that ends sooner is worth a word at each start and reload: authorities and their clients renew a month before.
const WORTH_A_WORD: TimeDelta = TimeDelta::days(14);

/// All files of TLS, read anew.
///
/// # Errors
/// One problem for each part of the settings whose files cannot be used. `file` is the settings' own.
pub(super) fn secured(settings: &Settings, file: &str) -> Result<Secured, Vec<Problem>> {
    let own = settings.tls.as_ref().map(own_files);
    let (mut secured, mut problems) = match Secured::load(own) {
        Ok(secured) => (secured, Vec::new()),
        Err(fault) => (Secured::default(), vec![problem(file, own_path(settings, &fault), &fault)]),
    };
    let speaks_tls = settings.listeners.iter().any(|listener| listener.carrier == Carrier::Tls);
    for (at, trunk) in settings.trunks.iter().enumerate().filter(|(_, trunk)| speaks_tls && may_be_tls(trunk))
    {
        let own_pair = || settings.tls.as_ref().map(|own| (own.certificate.clone(), own.key.clone()));
        let files = TrunkFiles { ca: trunk.tls.ca.clone(), pair: trunk.tls.pair.clone().or_else(own_pair) };
        match secured.add_trunk(Arc::from(trunk.name.as_str()), files) {
            Ok(()) => {}
            // DNS may never say that it is TLS.
            Err(TlsFault::NoSystemAuthorities) if trunk.carrier != Carrier::Tls => {}
            Err(fault) => {
                // What is wrong with our own files has been said.
                let path = trunk_path(trunk, at, &fault);
                problems.extend(path.map(|path| problem(file, path, &fault)));
            }
        }
    }
    if problems.is_empty() { Ok(secured) } else { Err(problems) }
}

/// Certificates of ours that have ended or soon will.
pub(super) fn ending(secured: &Secured, now: DateTime<Utc>, file: &str) -> Vec<Problem> {
    let soon = |(path, end): &(PathBuf, i64)| {
        let end = DateTime::from_timestamp(*end, 0).filter(|end| *end - now < WORTH_A_WORD)?;
        let verb = if end <= now { "has expired on" } else { "expires on" };
        Some(Problem {
            file: file.to_owned(),
            line: None,
            path: path.display().to_string(),
            what: format!("the certificate {verb} {}", end.format("%Y-%m-%d %H:%M UTC")),
            right: "a new certificate in its place; it is taken over while the gate runs".into(),
        })
    };
    secured.ends().iter().filter_map(soon).collect()
}

/// The first of our certificates to end, in seconds since 1970.
pub(super) fn first_end(secured: &Secured) -> Option<i64> {
    secured.ends().iter().map(|(_, end)| *end).min()
}

/// Where the trunks are, and whom their certificates must name. Those that DNS has not found yet may call in all the same.
pub(super) fn places(setup: &Snapshot) -> Vec<TrunkPlace> {
    let place = |trunk: &crate::proxy::Trunk, remote| TrunkPlace {
        trunk: Arc::clone(&trunk.name),
        name: trunk.certified_as(),
        remote,
    };
    let is_tls = |trunk: &&crate::proxy::Trunk| trunk.flow.transport == Transport::Tls;
    let found = setup.trunks.iter().filter(is_tls).map(|trunk| place(trunk, Some(trunk.flow.remote)));
    let sought = setup.trunks.stated().filter(|trunk| is_tls(trunk) && trunk.named.is_some());
    found.chain(sought.map(|trunk| place(trunk, None))).collect()
}

/// Every file of TLS: changes of these are followed.
pub(super) fn files(settings: &Settings) -> Vec<PathBuf> {
    let own =
        settings.tls.iter().flat_map(|tls| [Some(&tls.certificate), Some(&tls.key), tls.client_ca.as_ref()]);
    let trunks = settings.trunks.iter().flat_map(|trunk| {
        let pair = trunk.tls.pair.as_ref();
        [trunk.tls.ca.as_ref(), pair.map(|(certificate, _)| certificate), pair.map(|(_, key)| key)]
    });
    own.chain(trunks).flatten().cloned().collect()
}

fn own_files(own: &TlsFiles) -> OwnFiles<'_> {
    let pair = Pair { certificate: &own.certificate, key: &own.key };
    OwnFiles { pair, client_ca: own.client_ca.as_deref() }
}

/// Stated so, or left to DNS, which may say it.
fn may_be_tls(trunk: &Trunk) -> bool {
    trunk.carrier == Carrier::Tls
        || (trunk.carrier_by_name.is_none()
            && trunk.addresses.iter().any(|address| address.fixed().is_none()))
}

fn own_path(settings: &Settings, fault: &TlsFault) -> String {
    let (own, at) = (settings.tls.as_ref(), fault.file());
    let is = |path: Option<&Path>| path.is_some() && path == at;
    let key = match own {
        Some(own) if is(Some(&own.key)) => "key",
        Some(own) if is(own.client_ca.as_deref()) => "client_ca",
        Some(_) | None => "certificate",
    };
    format!("tls.{key}")
}

fn trunk_path(trunk: &Trunk, at: usize, fault: &TlsFault) -> Option<String> {
    let path = |key: &str| Some(format!("trunk[{at}].{key}"));
    let Some(file) = fault.file() else { return path("ca") };
    let (tls, is) = (&trunk.tls, |stated: &Path| stated == file);
    match &tls.pair {
        _ if tls.ca.as_deref().is_some_and(is) => path("ca"),
        Some((certificate, _)) if is(certificate) => path("client_certificate"),
        Some((_, key)) if is(key) => path("client_key"),
        Some(_) | None => None,
    }
}

fn problem(file: &str, path: String, fault: &TlsFault) -> Problem {
    let right = fault.right().to_owned();
    Problem { file: file.to_owned(), line: None, path, what: fault.to_string(), right }
}
