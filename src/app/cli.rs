//! The command line: what can be said, and who answers.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use super::question::Question;
use super::reload::Look;
use super::tell::Telling;
use super::{check, hash};
use crate::config::{self, LogFormat, Settings};
use crate::telemetry::log;

pub(super) const CONFIG_DEFAULT: &str = "config/tollgate.toml";

/// The gate between a company's phones and its trunks: who may call whom, when, and who can pay.
#[derive(Debug, Parser)]
#[command(name = "tollgate", version, after_help = EXAMPLES, max_term_width = 110)]
pub struct Cli {
    /// How the log is written; by default as [log] in the settings says
    #[arg(long, global = true, value_name = "FORMAT", help_heading = "Log")]
    log_format: Option<LogWord>,
    /// What is logged, such as info or warn,tollgate::gate=debug; by default as [log] in the settings says
    #[arg(long, global = true, value_name = "FILTER", help_heading = "Log")]
    log: Option<String>,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  tollgate demo                                    watch real calls being allowed, refused and cut, on this machine alone
  tollgate check                                   name every problem in config/tollgate.toml and the files it names
  tollgate serve --config /etc/tollgate/tollgate.toml
  tollgate explain --as emma --to 0004420794605    would Emma get through to London?
  tollgate why 0C7NKX2P0QGW4                       why did this call go, or not?
  tollgate policy show --as emma                   all that Emma may do and spend
  tollgate report --from today                     calls, talk, money and refusals of today
  tollgate unlock anna                             lift what looked like toll fraud and was not
  echo 'the password' | tollgate hash anna         what people.csv keeps in place of a password";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gate
    Serve {
        /// The settings; the other files are named there
        #[arg(long, value_name = "FILE", default_value = CONFIG_DEFAULT)]
        config: PathBuf,
    },
    /// Read all files and name every problem in them; status 0 if there is none
    Check {
        /// The settings; the other files are named there
        #[arg(long, value_name = "FILE", default_value = CONFIG_DEFAULT)]
        config: PathBuf,
        /// One JSON document instead of text
        #[arg(long)]
        json: bool,
    },
    /// Place real calls through a real gate on this machine, and tell what became of each
    Demo {
        /// One JSON document instead of a table
        #[arg(long)]
        json: bool,
    },
    #[command(flatten)]
    Ask(Question),
    #[command(flatten)]
    Tell(Telling),
    /// Make ha1_md5 and ha1_sha256 for people.csv; the password is read from standard input
    Hash {
        /// The user name of the phone
        user: String,
        /// The realm of the digest; by default that of the settings
        #[arg(long)]
        realm: Option<String>,
        /// The settings
        #[arg(long, value_name = "FILE", default_value = CONFIG_DEFAULT)]
        config: PathBuf,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogWord {
    Text,
    Json,
}

/// Reads the command line and does what it says.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    match &cli.command {
        Command::Serve { config } => serve(&cli, config),
        Command::Check { config, json } => check::run(config, *json),
        Command::Demo { json } => demo(&cli, *json),
        Command::Ask(question) => question.answer(),
        Command::Tell(telling) => telling.tell(),
        Command::Hash { user, realm, config } => hash::run(user, realm.as_deref(), config),
    }
}

fn serve(cli: &Cli, path: &Path) -> ExitCode {
    let read = Look::at(path);
    let loaded = match config::load(path) {
        Ok(loaded) => loaded,
        Err(problems) => {
            check::complain(&problems);
            return ExitCode::FAILURE;
        }
    };
    match start_log(cli, Some(&loaded.settings), "warn") {
        Ok(()) => super::serve(loaded, path, read),
        Err(code) => code,
    }
}

fn demo(cli: &Cli, json: bool) -> ExitCode {
    match start_log(cli, None, "off") {
        Ok(()) => super::demo(json),
        Err(code) => code,
    }
}

/// What the command line says goes before the settings; without either, `otherwise`.
fn start_log(cli: &Cli, settings: Option<&Settings>, otherwise: &str) -> Result<(), ExitCode> {
    let format = match (cli.log_format, settings.map(|settings| settings.log.format)) {
        (Some(LogWord::Json), _) | (None, Some(LogFormat::Json)) => log::Format::Json,
        (Some(LogWord::Text), _) | (None, Some(LogFormat::Text) | None) => log::Format::Text,
    };
    let filter = cli.log.as_deref().or(settings.map(|settings| settings.log.filter.as_str()));
    log::start(format, filter.unwrap_or(otherwise)).map_err(|fault| {
        eprintln!("tollgate: --log or TOLLGATE_LOG: {fault}");
        ExitCode::FAILURE
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn options_are_read_after_the_command_too() {
        let cli = Cli::try_parse_from(["tollgate", "check", "--json", "--log", "debug"])
            .expect("a right command line");
        assert!(matches!(cli.command, Command::Check { json: true, .. }));
        assert_eq!(cli.log.as_deref(), Some("debug"));
    }
}
