//! One image against the requirements of its rules: places are looked at in turn until everything is satisfied.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::authority::Checker;
use crate::cache::Kept;
use crate::candidate::Candidate;
use crate::digest::Digest;
use crate::gather::{Gathered, MAX_ATTACHED, MAX_TOTAL_BYTES, Place, gather};
use crate::outcome::{Cause, MAX_FOUND, Proof, Reason, Requirement};
use crate::registry::Session;
use crate::rules::{Rule, Rules};

/// What is asked about an image. Owned, since the answer may be waited for by nobody any more.
pub(crate) struct Question {
    image: Digest,
    asked: Arc<Vec<Asked>>,
}

/// One requirement of one rule.
struct Asked {
    rule: String,
    what: Requirement,
    by: Vec<Checker>,
}

/// What was found out.
#[derive(Debug, Clone)]
pub(crate) enum Examined {
    /// An answer.
    Kept(Kept),
    /// None: this stood in the way.
    Unknown(Cause),
}

impl Question {
    pub(crate) fn of(rules: &[&Rule], all: &Rules, image: Digest) -> Self {
        let mut asked = Vec::new();
        for rule in rules {
            for required in &rule.requirements {
                let by = required.by.iter().filter_map(|authority| Checker::new(authority, all)).collect();
                asked.push(Asked { rule: rule.name.clone(), what: required.what.clone(), by });
            }
        }
        Self { image, asked: Arc::new(asked) }
    }
}

/// What is known so far about each requirement.
#[derive(Default)]
struct Standing {
    proofs: Vec<Option<Proof>>,
    /// Why what was found does not do.
    found: Vec<BTreeSet<String>>,
}

/// Looks until every requirement is satisfied or there is no place left.
pub(crate) async fn examine(session: &Session<'_>, question: Question) -> Examined {
    let count = question.asked.len();
    let mut standing = Standing { proofs: vec![None; count], found: vec![BTreeSet::new(); count] };
    let (mut budget, mut more, mut trouble) = (MAX_TOTAL_BYTES, false, None);
    for place in Place::ALL {
        let Gathered { candidates, more: more_here, trouble: trouble_here } =
            gather(session, &question.image, place, &mut budget).await;
        let (image, asked) = (question.image, Arc::clone(&question.asked));
        // Milliseconds of arithmetic for each, which other requests must not wait for.
        let judged = tokio::task::spawn_blocking(move || {
            judge(&image, &asked, &candidates, &mut standing);
            standing
        });
        standing = match judged.await {
            Ok(standing) => standing,
            Err(_) => return Examined::Unknown(Cause::Lost),
        };
        if standing.proofs.iter().all(Option::is_some) {
            return Examined::Kept(Kept::Satisfied(standing.proofs.into_iter().flatten().collect()));
        }
        more |= more_here;
        let unreachable = matches!(trouble_here, Some(Cause::Unreachable { .. }));
        trouble = trouble.or(trouble_here);
        if unreachable {
            break;
        }
    }
    if let Some(cause) = trouble {
        return Examined::Unknown(cause);
    }
    let open = question.asked.iter().zip(standing.proofs).zip(standing.found).find(|((_, proof), _)| proof.is_none());
    let Some(((asked, _), found)) = open else { return Examined::Unknown(Cause::Lost) };
    let (rule, requirement) = (asked.rule.clone(), asked.what.clone());
    Examined::Kept(Kept::Refused(if more {
        Reason::TooMany { rule, requirement, limit: MAX_ATTACHED, bytes: MAX_TOTAL_BYTES }
    } else {
        Reason::Unsatisfied { rule, requirement, found: found.into_iter().take(MAX_FOUND).collect() }
    }))
}

/// Holds each candidate against each requirement that is still open.
fn judge(image: &Digest, asked: &[Asked], candidates: &[Candidate], standing: &mut Standing) {
    for ((asked, proof), found) in asked.iter().zip(&mut standing.proofs).zip(&mut standing.found) {
        for candidate in candidates {
            if proof.is_some() {
                break;
            }
            match candidate.offers() {
                Ok(offered) if *offered == asked.what => {
                    let mut refusals = Vec::new();
                    for checker in &asked.by {
                        match checker.check(candidate, image) {
                            Ok(checked) => {
                                *proof = Some(Proof {
                                    rule: asked.rule.clone(),
                                    requirement: asked.what.clone(),
                                    signer: checked.signer,
                                    form: candidate.form(),
                                    stored: candidate.stored(),
                                    log_index: checked.log_index,
                                });
                                break;
                            }
                            Err(why) => refusals.push(why),
                        }
                    }
                    if proof.is_none() {
                        refusals.dedup();
                        found.insert(format!("{}: {}", candidate.stored(), refusals.join(", ")));
                    }
                }
                Ok(offered) => {
                    found.insert(format!("{}: it is {offered}", candidate.stored()));
                }
                Err(why) => {
                    found.insert(format!("{}: {why}", candidate.stored()));
                }
            }
        }
    }
}
