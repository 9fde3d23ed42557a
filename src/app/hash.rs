//! `tollgate hash`: makes the HA1 of a password for `people.csv`, so that no password rests in a file.

use std::io::{self, BufRead, IsTerminal};
use std::path::Path;
use std::process::ExitCode;

use super::check;
use crate::config::{self, Credential, to_hex};

/// Reads the password from standard input and prints both hashes. The realm is that of the settings unless given.
pub(super) fn run(user: &str, realm: Option<&str>, config: &Path) -> ExitCode {
    let realm = match realm {
        Some(realm) => realm.to_owned(),
        None => match config::load(config) {
            Ok(loaded) => loaded.settings.sip.realm,
            Err(problems) => {
                check::complain(&problems);
                eprintln!("tollgate: the realm stands in {}; or give it with --realm", config.display());
                return ExitCode::FAILURE;
            }
        },
    };
    let password = match read_password(user) {
        Ok(password) if !password.is_empty() => password,
        Ok(_) => {
            eprintln!("tollgate: no password came on standard input");
            return ExitCode::FAILURE;
        }
        Err(fault) => {
            eprintln!("tollgate: standard input: {fault}");
            return ExitCode::FAILURE;
        }
    };
    let credential = Credential::of(user, &realm, &password, user);
    println!("realm       {realm}");
    println!("sip_user    {user}");
    println!("ha1_md5     {}", credential.md5.map(|hash| to_hex(&hash)).unwrap_or_default());
    println!("ha1_sha256  {}", credential.sha256.map(|hash| to_hex(&hash)).unwrap_or_default());
    ExitCode::SUCCESS
}

/// One line, without its end.
fn read_password(user: &str) -> io::Result<String> {
    let input = io::stdin();
    if input.is_terminal() {
        eprint!("password of {user} (seen as you type; pipe it in to hide it): ");
    }
    let mut line = String::new();
    input.lock().read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
