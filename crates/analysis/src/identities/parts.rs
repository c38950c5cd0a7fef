//! The use of credentials by place: what the events of one credential come to, put together from what came from each address by each program.

use std::borrow::Cow;
use std::cmp::Reverse;

use ahash::HashMap;
use records::Timestamp;

use super::credentials::CredentialGroup;

/// The requests with one credential that one source of evidence has from one address by one program, counted.
#[derive(Debug, Clone, PartialEq)]
pub struct CredentialPart<'r> {
    /// What it is a part of; its provenance is the first entry of the part, its counts are those of the part.
    pub group: CredentialGroup<'r>,
    /// `user_agent`.
    pub user_agent: Option<Cow<'r, str>>,
}

/// What makes a group.
type Key<'r> = (Cow<'r, str>, Cow<'r, str>, Cow<'r, str>, Cow<'r, str>, [Option<Cow<'r, str>>; 3]);

/// A group with what is to be counted, and where its last event is.
struct Growing<'r> {
    group: CredentialGroup<'r>,
    last: (Reverse<Timestamp>, Cow<'r, str>, i64),
    addresses: Vec<Cow<'r, str>>,
    user_agents: Vec<Cow<'r, str>>,
}

/// The groups of these parts, in the order of their first entries. Of events at one instant the first entry counts.
#[must_use]
pub fn credential_groups<'r>(parts: impl IntoIterator<Item = CredentialPart<'r>>) -> Vec<CredentialGroup<'r>> {
    let mut numbers: HashMap<Key<'r>, usize> = HashMap::default();
    let mut all: Vec<Growing<'r>> = Vec::new();
    for CredentialPart { group: part, user_agent } in parts {
        let texts = [&part.credential_id, &part.token_secret, &part.extra_json].map(Clone::clone);
        let own = (part.provenance.cluster.clone(), part.user_name.clone(), part.actor_class.clone());
        let key = (own.0, own.1, own.2, part.authentication.clone(), texts);
        let address = part.first_address.clone();
        let last = (Reverse(part.last_at), part.provenance.source.clone(), part.provenance.seq);
        let number = *numbers.entry(key).or_insert(all.len());
        let Some(growing) = all.get_mut(number) else {
            let (addresses, user_agents) = (address.into_iter().collect(), user_agent.into_iter().collect());
            all.push(Growing { group: part, last, addresses, user_agents });
            continue;
        };
        growing.addresses.extend(address);
        growing.user_agents.extend(user_agent);
        let known = &mut growing.group;
        known.requests += part.requests;
        known.succeeded += part.succeeded;
        if last < growing.last {
            (known.last_at, known.last_address) = (part.last_at, part.last_address.clone());
            growing.last = last;
        }
        if order(&part) < order(known) {
            known.first_at = part.first_at;
            known.first_address = part.first_address;
            known.provenance = part.provenance;
        }
    }
    let mut groups: Vec<CredentialGroup<'r>> = all.into_iter().map(Growing::counted).collect();
    groups.sort_by(|a, b| order(a).cmp(&order(b)));
    groups
}

fn order<'a>(group: &'a CredentialGroup<'_>) -> (Timestamp, &'a str, i64) {
    (group.first_at, &group.provenance.source, group.provenance.seq)
}

impl<'r> Growing<'r> {
    fn counted(self) -> CredentialGroup<'r> {
        let different = |mut texts: Vec<Cow<'r, str>>| {
            texts.sort_unstable();
            texts.dedup();
            i64::try_from(texts.len()).unwrap_or(i64::MAX)
        };
        CredentialGroup {
            source_addresses: different(self.addresses),
            user_agents: different(self.user_agents),
            ..self.group
        }
    }
}

#[cfg(test)]
mod tests {
    use records::table::Provenance;

    use super::*;

    fn part(
        user: &'static str,
        source: &'static str,
        seq: i64,
        (from, to): (i64, i64),
        address: &'static str,
        agent: Option<&'static str>,
    ) -> CredentialPart<'static> {
        let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000).unwrap();
        CredentialPart {
            group: CredentialGroup {
                provenance: Provenance { cluster: "c1".into(), source: source.into(), seq, ..Provenance::default() },
                user_name: user.into(),
                actor_class: "human".into(),
                authentication: "jwt".into(),
                credential_id: Some("JTI=1".into()),
                token_secret: None,
                extra_json: None,
                first_at: at(from),
                last_at: at(to),
                requests: 3,
                succeeded: 2,
                source_addresses: 1,
                first_address: Some(address.into()),
                last_address: Some(address.into()),
                user_agents: i64::from(agent.is_some()),
            },
            user_agent: agent.map(Into::into),
        }
    }

    #[test]
    fn parts_of_a_credential_come_together_in_any_order() {
        let parts = [
            part("a", "s2", 9, (5, 9), "10.0.0.1", Some("kubectl")),
            part("a", "s1", 4, (2, 9), "10.0.0.2", Some("kubectl")),
            part("a", "s1", 1, (2, 3), "10.0.0.1", None),
            part("b", "s1", 2, (1, 1), "10.0.0.3", None),
        ];
        let forward = credential_groups(parts.clone());
        assert_eq!(forward, credential_groups(parts.into_iter().rev()));
        let [b, a] = forward.as_slice() else { panic!("{forward:?}") };
        assert_eq!((b.user_name.as_ref(), b.requests, b.user_agents), ("b", 3, 0));
        assert_eq!((a.requests, a.succeeded, a.source_addresses, a.user_agents), (9, 6, 2, 1));
        assert_eq!((a.first_address.as_deref(), a.provenance.seq), (Some("10.0.0.1"), 1));
        assert_eq!((a.last_address.as_deref(), a.last_at.micros()), (Some("10.0.0.2"), 9_000_000));
    }
}
