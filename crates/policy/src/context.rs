//! What a decision depends on besides the request and the policies.

use records::Timestamp;

use crate::surroundings::Surroundings;

static NOTHING: Surroundings = Surroundings::new();

/// Time, surroundings and deadline of a decision. All of it is the caller's, so that the same decision can be made again.
#[derive(Clone, Copy)]
pub struct Context<'c> {
    /// Used for nothing but the expiry of exceptions.
    pub now: Timestamp,
    /// What is known of the cluster.
    pub surroundings: &'c Surroundings,
    /// Whether the time for a decision is up. Asked while expressions are evaluated; what was not evaluated by then is an error under the
    /// failure policy of its policy.
    pub expired: &'c (dyn Fn() -> bool + 'c),
}

impl Context<'static> {
    /// At a time, without a deadline, where nothing is known of the cluster.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self { now, surroundings: &NOTHING, expired: &|| false }
    }
}

impl<'c> Context<'c> {
    /// The same with these surroundings.
    #[must_use]
    pub fn within<'d>(self, surroundings: &'d Surroundings) -> Context<'d>
    where
        'c: 'd,
    {
        Context { surroundings, ..self }
    }

    /// The same with a deadline.
    #[must_use]
    pub fn until<'d>(self, expired: &'d (dyn Fn() -> bool + 'd)) -> Context<'d>
    where
        'c: 'd,
    {
        Context { expired, ..self }
    }
}
