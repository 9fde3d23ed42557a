//! Reads who we are to one trunk: user, and a password or its hash; and whether we register there.

use std::time::Duration;

use super::fields::Fields;
use super::people_file::Hash;
use super::secret::Secret;
use super::settings::{Account, Proof};

/// `None` for a trunk that knows us by our address.
pub(super) fn read(trunk: &Fields<'_>) -> Option<Account> {
    let user: Option<String> = trunk.optional("user");
    let realm: Option<String> = trunk.optional("realm");
    let password: Option<Secret> = trunk.optional("password");
    let md5 = trunk.optional::<Hash<16>>("ha1_md5").and_then(|Hash(bytes)| bytes);
    let sha256 = trunk.optional::<Hash<32>>("ha1_sha256").and_then(|Hash(bytes)| bytes);
    let hashed = ["ha1_md5", "ha1_sha256"].into_iter().find(|key| trunk.has(key));
    if let Some(hash) = hashed.filter(|_| password.is_some()) {
        trunk.blame(hash, "stands beside the password that it is made of", "a password, or its hashes");
    }
    let proof = match password {
        Some(password) => Some(Proof::Password(password)),
        None => hashed.map(|_| Proof::Ha1 { md5, sha256 }),
    };
    match (user, proof) {
        (Some(user), Some(proof)) => {
            if let Some(hash) = hashed.filter(|_| realm.is_none()) {
                trunk.blame(
                    hash,
                    "is good for one realm only",
                    "realm = \"…\" beside it, as the trunk names it",
                );
            }
            Some(Account { user, realm, proof })
        }
        (Some(_), None) => {
            trunk.missing("password", "the password of this user, or ha1_md5 and ha1_sha256");
            None
        }
        (None, proof) => {
            if proof.is_some() || realm.is_some() {
                trunk.missing("user", "the user name that the trunk knows us by");
            }
            None
        }
    }
}

/// For how many seconds we register at the trunk; `None`: it knows where we are.
pub(super) fn registration(trunk: &Fields<'_>) -> Option<u32> {
    let wanted = trunk.or("register", false);
    let expires = trunk.within("expires", HOUR, MINUTE..=7 * DAY, "1m to 7d");
    if wanted && !trunk.has("user") {
        trunk.blame(
            "register",
            "is true, and the trunk knows no user of ours",
            "user and password beside it",
        );
    }
    for key in ["expires", "incoming"].into_iter().filter(|key| trunk.has(key) && !wanted) {
        trunk.blame(key, "belongs to a registration", "register = true beside it");
    }
    wanted.then(|| u32::try_from(expires.as_secs()).unwrap_or(u32::MAX))
}

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);
