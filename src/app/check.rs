//! `tollgate check`: reads everything, changes nothing, names every problem of every file.

use std::fmt::Write;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use super::clock::Clock;
use super::names;
use super::paint::Paint;
use super::secure::{self, secured};
use crate::config::{self, Counts, Loaded, Problem};

/// Status 0 if the gate could start with these files, else 1.
pub(super) fn run(path: &Path, json: bool) -> ExitCode {
    let file = path.display().to_string();
    let mut outcome = config::load(path).and_then(|mut loaded| {
        let secured = secured(&loaded.settings, &file)?;
        loaded.warnings.extend(secure::ending(&secured, Clock::start().now().utc, &file));
        Ok(loaded)
    });
    if let Ok(loaded) = &mut outcome {
        loaded.warnings.extend(lost_names(path, loaded));
    }
    if json {
        println!("{}", as_json(&outcome));
    } else {
        match &outcome {
            Ok(loaded) => print!("{}", well(path, loaded, Paint::for_stream(&io::stdout()))),
            Err(problems) => print!("{}", listed(problems, Paint::for_stream(&io::stdout()))),
        }
    }
    if outcome.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Trunks whose names lead nowhere just now. It stops nothing: the gate goes on asking.
fn lost_names(path: &Path, loaded: &Loaded) -> Vec<Problem> {
    let lost = names::lost(&loaded.settings).into_iter();
    let problem = |(at, name, fault): (usize, String, crate::net::LookupFault)| Problem {
        file: path.display().to_string(),
        line: None,
        path: format!("trunk[{at}].address"),
        what: format!("{name:?} leads nowhere: {fault}"),
        right: "a name under which DNS has NAPTR, SRV or address records, or an IP address".into(),
    };
    lost.map(problem).collect()
}

/// The same list on standard error, for commands that cannot begin without a right configuration.
pub(super) fn complain(problems: &[Problem]) {
    eprint!("{}", listed(problems, Paint::for_stream(&io::stderr())));
}

/// Every problem under the name of its file.
fn listed(problems: &[Problem], paint: Paint) -> String {
    let mut page = blocks(problems, "problem", paint);
    let mut files: Vec<&str> = problems.iter().map(|problem| problem.file.as_str()).collect();
    files.dedup();
    let sum = format!("{} in {}", counted(problems.len(), "problem"), counted(files.len(), "file"));
    // Writing to a String cannot fail, here and below.
    let _ = writeln!(page, "{}", paint.bad(&sum));
    page
}

pub(super) fn blocks(problems: &[Problem], title: &str, paint: Paint) -> String {
    const PLACE_WIDTH: usize = 12;
    let mut page = String::new();
    let mut file = "";
    for problem in problems {
        if problem.file != file {
            file = &problem.file;
            let _ = writeln!(page, "{}\n", paint.bold(file));
        }
        let place = problem.line.map_or("whole file".to_owned(), |line| format!("line {line}"));
        let path = if problem.path.is_empty() { "" } else { &problem.path };
        let _ = writeln!(page, "  {place:<PLACE_WIDTH$}{}", paint.bold(path));
        let blank = "";
        let _ = writeln!(page, "  {blank:<PLACE_WIDTH$}{}  {}", paint.bad(title), problem.what);
        let width = title.len();
        let _ = writeln!(
            page,
            "  {blank:<PLACE_WIDTH$}{}  {}\n",
            paint.good(&format!("{:<width$}", "right")),
            problem.right
        );
    }
    page
}

fn well(path: &Path, loaded: &Loaded, paint: Paint) -> String {
    let mut page = blocks(&loaded.warnings, "warning", paint);
    let _ = writeln!(page, "{} {}", paint.bold(&path.display().to_string()), paint.good("is right"));
    if !loaded.warnings.is_empty() {
        let _ =
            writeln!(page, "{}", paint.odd(&format!("{} above", counted(loaded.warnings.len(), "warning"))));
    }
    let _ = writeln!(page);
    for (what, count) in named(&loaded.counts) {
        let _ = writeln!(page, "  {what:<18}{count:>9}");
    }
    page
}

fn named(counts: &Counts) -> [(&'static str, usize); 9] {
    [
        ("listeners", counts.listeners),
        ("trunks", counts.trunks),
        ("sites", counts.sites),
        ("roles", counts.roles),
        ("people", counts.people),
        ("phones", counts.phones),
        ("contact databases", counts.contact_databases),
        ("contacts", counts.contacts),
        ("prices", counts.prices),
    ]
}

fn as_json(outcome: &Result<Loaded, Vec<Problem>>) -> serde_json::Value {
    match outcome {
        Ok(loaded) => {
            serde_json::json!({ "right": true, "counts": loaded.counts, "problems": [], "warnings": loaded.warnings })
        }
        Err(problems) => serde_json::json!({ "right": false, "problems": problems }),
    }
}

fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(file: &str, line: Option<u32>, path: &str) -> Problem {
        let (what, right) = ("\"upd\" is not a transport".into(), "udp".into());
        Problem { file: file.into(), line, path: path.into(), what, right }
    }

    #[test]
    fn problems_stand_in_columns_under_their_file() {
        let problems = [problem("a.toml", Some(7), "listen[0].transport"), problem("b.csv", None, "")];
        let expected = "a.toml\n\n  line 7      listen[0].transport\n              problem  \"upd\" is not a transport\n              \
                        right    udp\n\nb.csv\n\n  whole file  \n              problem  \"upd\" is not a transport\n              \
                        right    udp\n\n2 problems in 2 files\n";
        assert_eq!(listed(&problems, Paint::plain()), expected);
    }
}
