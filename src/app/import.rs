//! `tollgate import`: contacts from a CRM's export become the file that the gate reads. A running gate takes it over by itself.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::ask::AskError;
use super::check;
use super::grid::Grid;
use super::paint::Paint;
use super::successor::Successor;
use crate::config::{SiftError, Sifted, contact_file, sift};
use crate::net::{Client, HttpFault, Request};

/// What shall be imported.
pub(super) struct Order<'a> {
    /// A path, a URL, or `-` for standard input.
    pub source: &'a str,
    /// The contact database.
    pub database: &'a str,
    /// Change nothing.
    pub dry_run: bool,
    /// Any line that cannot be read refuses the whole.
    pub strict: bool,
}

/// Why nothing could be imported.
#[derive(Debug, thiserror::Error)]
pub(super) enum ImportError {
    #[error(transparent)]
    Sift(#[from] SiftError),
    #[error("{path} cannot be read: {source}")]
    Unreadable { path: String, source: io::Error },
    #[error("the URL cannot be fetched: {0}")]
    Fetch(#[from] HttpFault),
    #[error("the URL answers {0}; right: 200")]
    Status(u16),
    #[error("{} cannot be replaced: {source}", path.display())]
    Replaced { path: PathBuf, source: io::Error },
}

/// A download that takes longer has stalled.
const FETCH_LONGEST: Duration = Duration::from_secs(600);

/// Several times the lines that a gate can hold.
const FETCH_BYTES_MAX: u64 = 2 << 30;

/// As many as web servers lead one around.
const FETCH_REDIRECTS_MAX: u32 = 5;

/// True if the file was taken over, or would be.
pub(super) fn run(path: &Path, order: &Order<'_>, as_json: bool) -> Result<bool, AskError> {
    let target = contact_file(path, order.database).map_err(ImportError::from)?;
    let mut new = Successor::of(&target).map_err(|source| replaced(&target, source))?;
    let sifted = sift_source(path, order, &mut new, &target)?;
    let accepted = sifted.is_sound() && (!order.strict || sifted.left_out == 0);
    let written = accepted && !order.dry_run;
    if written {
        new.take_over().map_err(|source| replaced(&target, source))?;
    } else {
        drop(new);
    }
    if as_json {
        let answer = json!({
            "database": order.database, "source": order.source, "file": target, "accepted": accepted,
            "written": written, "summary": sifted,
        });
        println!("{answer}");
    } else {
        print!("{}", page(&sifted, order, &target, accepted, Paint::for_stream(&io::stdout())));
    }
    Ok(accepted)
}

fn replaced(path: &Path, source: io::Error) -> ImportError {
    ImportError::Replaced { path: path.to_owned(), source }
}

fn sift_source(
    path: &Path,
    order: &Order<'_>,
    new: &mut Successor,
    target: &Path,
) -> Result<Sifted, ImportError> {
    let called = if order.source == "-" { "standard input" } else { order.source };
    let unreadable = |source| ImportError::Unreadable { path: called.to_owned(), source };
    let progress = Progress::begin();
    let sifted = if order.source == "-" {
        sift(path, order.database, called, progress.over(io::stdin().lock(), None), new)?
    } else if order.source.starts_with("http://") || order.source.starts_with("https://") {
        // What is sifted while it comes would hold the connection as long as the slowest disk.
        let download = target.with_extension("download");
        let mut fetched = Successor::of(&download).map_err(|source| replaced(&download, source))?;
        fetch(order.source, &mut fetched, &progress)?;
        let file = File::open(fetched.path()).map_err(unreadable)?;
        let length = file.metadata().ok().map(|file| file.len());
        sift(path, order.database, called, progress.over(file, length), new)?
    } else {
        let file = File::open(order.source).map_err(unreadable)?;
        let length = file.metadata().ok().map(|file| file.len());
        sift(path, order.database, called, progress.over(file, length), new)?
    };
    progress.end();
    Ok(sifted)
}

fn fetch(url: &str, into: &mut impl Write, progress: &Progress) -> Result<(), ImportError> {
    let request = Request {
        url,
        headers: &[("Accept", "text/csv, */*;q=0.1")],
        body: None,
        deadline: FETCH_LONGEST,
        bytes_max: FETCH_BYTES_MAX,
        redirects_max: FETCH_REDIRECTS_MAX,
    };
    let mut counted = progress.bar.wrap_write(into);
    match Client::new().download(&request, &mut counted)? {
        (200, _) => Ok(()),
        (status, _) => Err(ImportError::Status(status)),
    }
}

/// A bar on a terminal, nothing in a pipe.
struct Progress {
    bar: ProgressBar,
}

impl Progress {
    fn begin() -> Progress {
        let bar = if io::stderr().is_terminal() { ProgressBar::no_length() } else { ProgressBar::hidden() };
        let spinner = ProgressStyle::with_template("{spinner} {bytes} {binary_bytes_per_sec}");
        bar.set_style(spinner.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        Progress { bar }
    }

    fn over<R: Read>(&self, source: R, length: Option<u64>) -> impl Read + use<R> {
        self.bar.reset();
        if let Some(length) = length {
            self.bar.set_length(length);
            let style = ProgressStyle::with_template("{bar:40} {percent}% of {total_bytes}, {eta} to go");
            self.bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        }
        self.bar.wrap_read(source)
    }

    fn end(&self) {
        self.bar.finish_and_clear();
    }
}

fn page(sifted: &Sifted, order: &Order<'_>, target: &Path, accepted: bool, paint: Paint) -> String {
    let mut page = check::blocks(&sifted.problems, "problem", paint);
    let mut grid = Grid::new(&["", ">"], paint);
    let counts = [
        ("lines", sifted.lines),
        ("taken", sifted.taken),
        ("left out", sifted.left_out),
        ("without their owner", sifted.without_owner),
        ("different numbers", sifted.numbers),
    ];
    for (what, count) in counts {
        grid.row([what.to_owned(), count.to_string()]);
    }
    page.push_str(&grid.text());
    let file = target.display();
    let words = match (accepted, order.dry_run) {
        (true, false) => {
            paint.good(&format!("{file} is replaced; a running gate takes it over within seconds"))
        }
        (true, true) => format!("{file} stays as it is: this was a dry run"),
        (false, _) if order.strict => {
            paint.bad(&format!("{file} stays as it is: --strict bears no bad line"))
        }
        (false, _) => paint.bad(&format!("{file} stays as it is: more lines are bad than good")),
    };
    page + "\n" + &words + "\n"
}
