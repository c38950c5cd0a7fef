//! Writes to governed objects that were carried out, held against the history of the objects.
//!
//! An audit event says that a request was answered well, not that anything changed: a dry run of a delete looks like a delete, and an
//! update may change nothing. The history tells. Where a version began or ended by the write, it is material and confirmed. Where the watch covered the
//! time of the write and saw no change, an update or patch changed nothing (`material` false, confirmed); a create or delete that
//! should have been seen and was not is unconfirmed, and a delete whose event cannot say whether it was a dry run then stays
//! unknown in that, too.

use std::collections::{HashMap, HashSet};

use records::tables::audit::ObjectWrite;
use records::{Period, PeriodSet, SourceClass, SourceName};

use crate::Settings;
use crate::identifier::identifier;
use crate::inputs::WriteEvent;
use crate::objects::History;
use crate::objects::writers::{WriteIndex, carried_out, deletes};

/// The rows of `object_writes`. `covered` is the coverage of the watches, by source.
pub(crate) fn object_writes<'r>(
    events: &[WriteEvent<'r>],
    index: &WriteIndex<'_, '_>,
    history: &History<'_>,
    covered: &HashMap<String, PeriodSet>,
    settings: &Settings,
) -> Vec<ObjectWrite<'r>> {
    let governed: HashSet<(&str, &str)> =
        settings.governed_resources.iter().map(|g| (g.group.as_str(), g.resource.as_str())).collect();
    let kinds = Kinds::of(events, history, covered);
    let mut seen = HashSet::new();
    let mut rows: Vec<ObjectWrite<'r>> = Vec::new();
    for (number, event) in events.iter().enumerate() {
        let group = event.api_group.as_deref().unwrap_or("");
        let Some(resource) = event.resource.as_deref() else { continue };
        if !carried_out(event) || !governed.contains(&(group, resource)) {
            continue;
        }
        let stage = event.stage.as_deref().unwrap_or_default();
        let audit_id = event.audit_id.as_deref().unwrap_or_default();
        let id = identifier(&[&event.provenance.source, audit_id, stage, &event.event_digest]);
        if !seen.insert(id.clone()) {
            continue; // The same event, by webhook and by file.
        }
        let told = Told::of(number, event, index, history, kinds.known(event), settings);
        rows.push(ObjectWrite {
            provenance: event.provenance.clone(),
            write_id: id.into(),
            at: event.event_time,
            verb: event.verb.clone().unwrap_or_default(),
            api_group: event.api_group.clone().unwrap_or_default(),
            resource: event.resource.clone().unwrap_or_default(),
            subresource: event.subresource.clone(),
            namespace: event.namespace.clone(),
            name: event.name.clone().or_else(|| event.response_name.clone()),
            user_name: event.user_name.clone().unwrap_or_default(),
            impersonated_user: event.impersonated_user.clone(),
            actor_class: event.actor_class.clone(),
            authentication: event.authentication.clone(),
            material: told.material,
            resource_version: event.response_resource_version.clone(),
            dry_run: told.dry_run,
            confirmation: told.confirmation.into(),
        });
    }
    rows.sort_by(|a, b| a.at.cmp(&b.at).then_with(|| a.write_id.cmp(&b.write_id)));
    rows
}

/// What is known of the kinds of objects that writes are about: a handful, for any number of writes.
struct Kinds<'a>(HashMap<KindKey<'a>, Known<'a>>);

/// Cluster, API group, resource.
type KindKey<'a> = (&'a str, &'a str, &'a str);

/// What is known of one kind.
struct Known<'a> {
    watched: bool,
    /// Coverage of its watch; `None` when nothing covers it.
    covered: Option<&'a PeriodSet>,
}

fn kind<'a>(event: &'a WriteEvent<'_>) -> KindKey<'a> {
    let group = event.api_group.as_deref().unwrap_or("");
    (&event.provenance.cluster, group, event.resource.as_deref().unwrap_or(""))
}

impl<'a> Kinds<'a> {
    fn of(events: &'a [WriteEvent<'_>], history: &History<'_>, covered: &'a HashMap<String, PeriodSet>) -> Self {
        let mut kinds = HashMap::new();
        for event in events {
            let (cluster, group, resource) = kind(event);
            kinds.entry((cluster, group, resource)).or_insert_with(|| {
                let detail = if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") };
                let source = SourceName::new(cluster, SourceClass::Watch, &detail).ok();
                Known {
                    watched: history.known_from(cluster, group, resource).is_some(),
                    covered: source.and_then(|source| covered.get(source.as_str())),
                }
            });
        }
        Self(kinds)
    }

    fn known<'k>(&'k self, event: &'k WriteEvent<'_>) -> &'k Known<'a> {
        self.0.get(&kind(event)).expect("the kinds of all events were looked up")
    }
}

impl Known<'_> {
    /// Whether the watch of the kind was observed without interruption around the write, long enough for its effect to be seen.
    fn was_covered(&self, event: &WriteEvent<'_>, settings: &Settings) -> bool {
        let around = Period::new(
            event.request_received_time.unwrap_or(event.event_time),
            event.event_time.plus_seconds(settings.matching_seconds),
        );
        match (self.covered, around) {
            (Some(covered), Some(around)) => covered.covers(around),
            _ => false,
        }
    }
}

/// What history tells of a write.
struct Told {
    material: Option<bool>,
    dry_run: Option<bool>,
    confirmation: &'static str,
}

impl Told {
    fn of(
        number: usize,
        event: &WriteEvent<'_>,
        index: &WriteIndex<'_, '_>,
        history: &History<'_>,
        kind: &Known<'_>,
        settings: &Settings,
    ) -> Self {
        let told = |material, dry_run, confirmation| Self { material, dry_run, confirmation };
        let by_itself = matches!(event.verb.as_deref(), Some("create" | "delete")) && event.dry_run == Some(false);
        if !kind.watched {
            return told(by_itself.then_some(true), event.dry_run, "not_watched");
        }
        if history.trace.changed(number) {
            return told(Some(true), Some(false), "confirmed");
        }
        if history.trace.saw_result(index, number) {
            // It was no new version: the write changed nothing that is material.
            return told(Some(false), Some(false), "confirmed");
        }
        let nameless = event.name.is_none() && event.response_name.is_none();
        let removes = deletes(event);
        let mut near = history.trace.near(index, number);
        if (nameless || !removes) && near.any(|s| s.material && !s.attributed) {
            return told(Some(true), Some(false), "confirmed");
        }
        let creates = event.verb.as_deref() == Some("create") && event.subresource.is_none();
        let changes = !removes && !creates;
        let watched = kind.was_covered(event, settings);
        if watched && event.response_resource_version.is_none() && (changes || nameless && removes) {
            return told(Some(false), event.dry_run.or(Some(false)).filter(|_| !removes), "confirmed");
        }
        told(if by_itself && !watched { Some(true) } else { None }, event.dry_run, "unconfirmed")
    }
}
