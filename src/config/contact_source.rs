//! Where the contacts of one database come from (R90): a file, or a copy of what a URL gives; how long the copy serves; and whom to ask
//! about a number that is not in it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};

use super::fields::Fields;
use super::secret::Secret;
use crate::policy::Class;
use crate::policy::document::DatabaseRule;

/// `[files.contacts.NAME]`, or `NAME = "contacts.csv"` under `[files.contacts]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactSource {
    pub name: String,
    /// The file that is read; what `url` gives is kept in it.
    pub path: PathBuf,
    pub url: Option<String>,
    pub authorization: Authorization,
    /// Between two fetches of `url`.
    pub every: Duration,
    /// The age up to which the file serves; for ever if absent.
    pub serves: Option<Duration>,
    /// Classes that are let through while neither the file nor the look-up can tell.
    pub open: BTreeSet<Class>,
    pub look_up: Option<LookUp>,
}

/// `[files.contacts.NAME.look_up]`: one number asked for while its call waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookUp {
    /// With `{number}` for the digits, country code first.
    pub url: String,
    pub authorization: Authorization,
    /// For the whole answer; then the call goes on without it.
    pub deadline: Duration,
    /// How long a yes is remembered, and a no.
    pub yes_for: Duration,
    pub no_for: Duration,
    /// How much longer a yes counts while there is no answer.
    pub grace: Duration,
    /// JSON pointers (RFC 6901): the number is known if there is something at one of them.
    pub known_at: Vec<String>,
    /// Where the key of the contact's owner stands.
    pub owner_at: Option<String>,
}

/// How we prove who we are (RFC 6750, RFC 7617).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authorization {
    None,
    Bearer(Secret),
    Basic { user: String, password: Secret },
}

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

pub(super) fn read(contacts: &Fields<'_>, name: String, folder: &Path) -> ContactSource {
    if !contacts.is_table(&name) {
        let path = folder.join(contacts.required::<PathBuf>(&name));
        return ContactSource::file(name, path);
    }
    let source = contacts.table(&name, |source| ContactSource {
        path: Some(source.required::<PathBuf>("path"))
            .filter(|path| !path.as_os_str().is_empty())
            .map(|path| folder.join(path))
            .unwrap_or_default(),
        url: read_url(source),
        authorization: read_authorization(source),
        every: source.within("every", HOUR, 10 * SECOND..=30 * DAY, "10s to 30d"),
        serves: source.optional_within("serves", MINUTE..=365 * DAY, "1m to 365d"),
        open: source.list("open").into_iter().collect(),
        look_up: source.table("look_up", read_look_up),
        name: name.clone(),
    });
    source.unwrap_or_else(|| ContactSource::file(name, folder.to_owned()))
}

fn read_look_up(look_up: &Fields<'_>) -> LookUp {
    let url: String = look_up.required("url");
    if look_up.is_sound("url") && look_up.has("url") {
        check_url(look_up, &url);
        if !url.contains("{number}") {
            look_up.blame("url", "does not say where the number goes", "a URL with {number} in it");
        }
    }
    LookUp {
        url,
        authorization: read_authorization(look_up),
        deadline: look_up.within(
            "deadline",
            SECOND,
            Duration::from_millis(50)..=LOOK_UP_LONGEST,
            "50ms to 4s: the caller waits for it",
        ),
        yes_for: look_up.within("yes_for", HOUR, SECOND..=30 * DAY, "1s to 30d"),
        no_for: look_up.within("no_for", MINUTE, SECOND..=DAY, "1s to 1d"),
        grace: look_up.within("grace", Duration::ZERO, Duration::ZERO..=30 * DAY, "0s to 30d"),
        known_at: read_pointers(look_up),
        owner_at: look_up.optional("owner_at"),
    }
}

/// A caller hears nothing while the question is under way; the gate itself gives up a second later.
const LOOK_UP_LONGEST: Duration = Duration::from_secs(4);

fn read_pointers(look_up: &Fields<'_>) -> Vec<String> {
    let pointers: Vec<String> =
        look_up.optional_list("known_at").unwrap_or_else(|| vec!["/known".to_owned()]);
    if pointers.is_empty() || pointers.iter().any(|pointer| !pointer.starts_with('/')) {
        look_up.blame("known_at", "is not a JSON pointer", "\"/known\", or \"/result/CONTACT\"");
    }
    pointers
}

fn read_url(source: &Fields<'_>) -> Option<String> {
    let url: String = source.optional("url")?;
    check_url(source, &url);
    Some(url)
}

fn check_url(fields: &Fields<'_>, url: &str) {
    if fields.is_sound("url") && !url.starts_with("http://") && !url.starts_with("https://") {
        fields.blame("url", "is not a URL of http or https", "https://crm.example.com/contacts.csv");
    }
}

fn read_authorization(fields: &Fields<'_>) -> Authorization {
    let bearer: Option<Secret> = fields.optional("bearer");
    let user: Option<String> = fields.optional("user");
    let password: Option<Secret> = fields.optional("password");
    match (bearer, user, password) {
        (None, None, None) => Authorization::None,
        (Some(token), None, None) => Authorization::Bearer(token),
        (None, Some(user), Some(password)) => Authorization::Basic { user, password },
        (_, user, _) => {
            let key = if user.is_some() { "user" } else { "password" };
            fields.blame(key, "is half of a login", "bearer alone, or user and password");
            Authorization::None
        }
    }
}

impl ContactSource {
    fn file(name: String, path: PathBuf) -> ContactSource {
        ContactSource {
            name,
            path,
            url: None,
            authorization: Authorization::None,
            every: HOUR,
            serves: None,
            open: BTreeSet::new(),
            look_up: None,
        }
    }

    /// How old the file is; as old as can be if it is not there.
    pub fn age(&self, now: DateTime<Utc>) -> Duration {
        let copied = std::fs::metadata(&self.path).and_then(|file| file.modified()).ok();
        let copied = DateTime::<Utc>::from(copied.unwrap_or(SystemTime::UNIX_EPOCH));
        (now - copied).to_std().unwrap_or_default()
    }

    /// In the words of the rules. A copy that is not there has never served.
    pub(super) fn rule(&self) -> DatabaseRule {
        let copied = std::fs::metadata(&self.path).and_then(|file| file.modified()).ok();
        let copied = copied.unwrap_or(SystemTime::UNIX_EPOCH);
        let missing = self.url.is_some() && !self.path.exists();
        let end = self.serves.map(|age| DateTime::<Utc>::from(copied + age));
        DatabaseRule {
            name: self.name.clone(),
            fresh_until: if missing { Some(DateTime::<Utc>::UNIX_EPOCH) } else { end },
            asks: self.look_up.is_some(),
            open: self.open.clone(),
        }
    }
}
