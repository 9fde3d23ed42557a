//! A call in progress judged anew when the rules have changed (R76): as it would have been, had they held when it was placed.

use chrono::{DateTime, Utc};

use super::attempt::{Attempt, Caller, Decision, Permit, Refusal, Target};
use super::document::Ending;
use super::hearsay::{Hearsay, decide_hearing};
use super::reason::Reason;
use super::snapshot::Policy;

impl Permit {
    /// Takes over what `policy` says of this call, which began at `began`; its hours are not asked about a second time. The permit
    /// must have been carried over to this policy. Refused, it only takes over what the caller may spend.
    ///
    /// # Errors
    /// The refusal, and what becomes of the call by the option of its role. Whoever is locked is cut off at once.
    pub fn judge_anew(
        &mut self,
        policy: &Policy,
        caller: Caller,
        began: DateTime<Utc>,
    ) -> Result<(), (Refusal, Ending)> {
        let circumstances = self.circumstances;
        let attempt = Attempt {
            caller,
            site: self.site,
            target: Target::Known(self.destination),
            by: circumstances.by,
            other_party_outside: circumstances.other_party_outside,
            caller_number: circumstances.caller_number,
            at: began,
        };
        let hearsay = if circumstances.heard { Hearsay::Hopeful } else { Hearsay::Nothing };
        let refusal = match decide_hearing(policy, &attempt, hearsay) {
            Decision::Permitted(permit) => {
                *self = permit;
                return Ok(());
            }
            Decision::Refused(refusal) => refusal,
        };
        if let Caller::Person(person) = caller {
            self.limits = policy.era(person, began).limits.clone();
        }
        let by_role = policy.on_change(&self.terms.origin).unwrap_or(self.terms.on_change);
        let ending = if refusal.reason() == Reason::FraudLock { Ending::Cut } else { by_role };
        Err((refusal, ending))
    }
}
