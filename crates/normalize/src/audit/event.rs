//! The row of one audit event.

use std::borrow::Cow;
use std::cell::Cell;

use records::table::{Provenance, TableSink};
use records::tables::audit::AuditEvent;
use records::{EntryView, Timestamp};

use crate::VERSION;
use crate::audit::actor::Evidence;
use crate::audit::envelope::{Carried, export_line_parts, recognise, recognise_members};
use crate::audit::fields::Fields;
use crate::audit::identity::event_digest;
use crate::audit::request::RequestUri;
use crate::audit::{aks, gke, guards, plaintext};
use crate::fault::Faults;
use crate::json::{Json, MAX_DEPTH, MalformedKind, Shape, check, checked};

/// Texts chosen by a caller are cut to this many characters in columns.
const LONGEST: usize = 2048;

/// How an event reached us.
struct Delivery<'e> {
    envelope: &'static str,
    /// Fields that the envelope does not carry, comma separated.
    lost: &'e str,
    /// The envelope's own time.
    time: Option<Timestamp>,
    /// Whether all bytes passed the check; else every part is checked before it is shown.
    sound: bool,
    /// Takes the event's own time, once it is known.
    time_seen: &'e Cell<Option<Timestamp>>,
}

/// Makes the row of an entry of an audit source, rows of credentials that stand in it, and rows of its faults.
pub(crate) fn project(
    entry: &EntryView<'_>,
    detector: &::plaintext::Detector,
    key: Option<&::plaintext::Key>,
    sink: &mut impl TableSink,
) {
    let time_seen = &Cell::new(None);
    let mut faults = Faults::of(entry);
    if entry.redacted {
        faults.add("secret_value_redacted", "secret values were in the event and were replaced before the first write");
    }
    let (time, event) = match export_line_parts(entry.raw) {
        Some((_, event)) => (time_of_line(entry.raw), event),
        None => (None, entry.raw),
    };
    let lossy;
    let mut sound = true;
    let mut raw = entry.raw;
    let carried = match checked(event, MAX_DEPTH) {
        // A line of an export holds its event after a time; all others are the event.
        Ok(known) if event.len() == raw.len() => recognise_members(known.value(), Fields::of(known.members())),
        Ok(_) => recognise(raw),
        Err(malformed) if malformed.kind == MalformedKind::InvalidUtf8 => {
            faults.malformed("event", malformed);
            lossy = String::from_utf8_lossy(entry.raw).into_owned();
            raw = lossy.as_bytes();
            recognise(raw)
        }
        Err(malformed) => {
            faults.malformed("event", malformed);
            sound = false;
            recognise(raw)
        }
    };
    let digest = hex::encode(&event_digest(entry.raw)[..8]);
    let own_time = |event: Json<'_>| {
        ["timestamp", "time", "TimeGenerated"].iter().find_map(|name| envelope_time(event.member(name)?))
    };
    match carried {
        Carried::Kubernetes(fields) => {
            let delivery = Delivery { envelope: "kubernetes", lost: "", time: None, sound, time_seen };
            append(entry, &fields, &delivery, &digest, &mut faults, sink);
        }
        Carried::Eks(event) => {
            let time = time.or_else(|| own_time(Json::of(raw)));
            inner(
                entry,
                &event,
                &Delivery { envelope: "eks", lost: "", time, sound, time_seen },
                &digest,
                &mut faults,
                sink,
            );
        }
        Carried::AksLog(event) => {
            let time = own_time(Json::of(raw));
            inner(
                entry,
                &event,
                &Delivery { envelope: "aks", lost: "", time, sound, time_seen },
                &digest,
                &mut faults,
                sink,
            );
        }
        Carried::AksColumns(row) if sound => {
            let time = own_time(Json::of(raw)).or_else(|| own_time(row));
            let (event, lost) = aks::as_event(row);
            inner(
                entry,
                &event,
                &Delivery { envelope: "aks", lost: &lost, time, sound, time_seen },
                &digest,
                &mut faults,
                sink,
            );
        }
        Carried::Gke { entry: log_entry, payload } if sound => {
            let time = own_time(log_entry);
            let (event, lost) = gke::as_event(log_entry, payload);
            inner(
                entry,
                &event,
                &Delivery { envelope: "gke", lost: &lost, time, sound, time_seen },
                &digest,
                &mut faults,
                sink,
            );
        }
        Carried::Withheld(withheld) => {
            let reason = withheld.member("reason").and_then(|r| r.text()).unwrap_or_default();
            let bytes = withheld.member("bytes").and_then(|b| b.integer()).unwrap_or(0);
            let fault = match reason.as_ref() {
                "too_large" => "too_large",
                "too_deep" => "too_deep",
                _ => "unreadable",
            };
            faults.add(fault, format!("the event was not kept ({reason}); it had {bytes} bytes"));
        }
        Carried::AksColumns(_) | Carried::Gke { .. } => {}
        Carried::Unknown if sound => faults.add("unreadable", "the entry is JSON, but no audit event in a known form"),
        Carried::Unknown => {}
    }
    plaintext::append(entry, time_seen.get().unwrap_or(entry.received_at), detector, key, sink);
    faults.append_to(sink);
}

/// The row of an event that is text within its envelope, or was put together from one.
fn inner<'a>(
    entry: &EntryView<'a>,
    event: &str,
    delivery: &Delivery<'_>,
    digest: &str,
    faults: &mut Faults<'a>,
    sink: &mut impl TableSink,
) {
    let mut sound = true;
    if let Err(malformed) = check(event.as_bytes(), MAX_DEPTH) {
        faults.malformed("event within its envelope", malformed);
        sound = false;
    }
    let fields = Fields::of(Json::of_text(event).members());
    if delivery.envelope != "gke" && !fields.native() {
        faults.add("unreadable", "the envelope holds JSON that is no audit event");
        return;
    }
    append(entry, &fields, &Delivery { sound, ..*delivery }, digest, faults, sink);
}

fn time_of_line(raw: &[u8]) -> Option<Timestamp> {
    std::str::from_utf8(export_line_parts(raw)?.0).ok()?.parse().ok()
}

/// RFC 3339, or milliseconds since the epoch as CloudWatch has it.
fn envelope_time(value: Json<'_>) -> Option<Timestamp> {
    match value.shape() {
        Shape::Text => value.text()?.parse().ok(),
        Shape::Number => Timestamp::from_micros(value.integer()?.checked_mul(1000)?).ok(),
        _ => None,
    }
}

/// Reads typed parts of one event and notes what is wrong with them.
struct Reader<'f, 'a> {
    faults: &'f mut Faults<'a>,
    sound: bool,
}

impl Reader<'_, '_> {
    fn text<'v>(&mut self, value: Option<Json<'v>>, name: &str) -> Option<Cow<'v, str>> {
        let value = value?;
        match value.shape() {
            Shape::Text => value.text(),
            Shape::Null => None,
            _ => {
                self.faults.wrong_type(name, "a string");
                None
            }
        }
    }

    fn of_shape<'v>(&mut self, value: Option<Json<'v>>, shape: Shape, name: &str) -> Option<Json<'v>> {
        let value = value.filter(|v| v.shape() != Shape::Null)?;
        if value.shape() != shape {
            self.faults.wrong_type(name, if shape == Shape::Array { "an array" } else { "an object" });
            return None;
        }
        // A part of unsound bytes is shown only when it is sound itself.
        (self.sound || check(value.bytes(), MAX_DEPTH).is_ok()).then_some(value)
    }

    fn time(&mut self, value: Option<Json<'_>>, name: &str) -> Option<Timestamp> {
        let text = self.text(value, name)?;
        match text.parse() {
            Ok(time) => Some(time),
            Err(_) => {
                self.faults.add("wrong_type", format!("{name} is no time: {text:?}"));
                None
            }
        }
    }

    fn integer(&mut self, value: Option<Json<'_>>, name: &str) -> Option<i64> {
        let value = value?;
        match value.shape() {
            Shape::Null => None,
            Shape::Number => {
                // Kubernetes writes codes as 32-bit integers.
                let number = value.integer().filter(|n| i32::try_from(*n).is_ok());
                if number.is_none() {
                    self.faults.add("number_out_of_range", format!("{name} is no 32-bit integer"));
                }
                number
            }
            _ => {
                self.faults.wrong_type(name, "a number");
                None
            }
        }
    }

    /// The members with these keys; the first of two with one key counts.
    fn pick<'v, const N: usize>(
        &mut self,
        object: Option<Json<'v>>,
        name: &str,
        keys: [&str; N],
    ) -> [Option<Json<'v>>; N] {
        let mut found = [None; N];
        let Some(object) = object else { return found };
        for (key, value) in object.members() {
            for (place, wanted) in found.iter_mut().zip(keys) {
                if key.is(wanted) {
                    if place.is_some() {
                        self.faults.add("duplicate_key", format!("{name}.{wanted} comes twice; the first counts"));
                    } else {
                        *place = Some(value);
                    }
                }
            }
        }
        found
    }
}

/// What is read from `annotations`.
#[derive(Default)]
struct Annotations<'v> {
    decision: Option<Cow<'v, str>>,
    reason: Option<Cow<'v, str>>,
    truncated: bool,
    legacy_token: bool,
    token_secret: Option<Cow<'v, str>>,
    issued_credential_id: Option<Cow<'v, str>>,
    webhook_decisions: Vec<String>,
    failed_open: Vec<String>,
    guards: guards::Marks<'v>,
}

/// What begins the keys of the API server's annotations about webhooks that gave no answer; `round_<n>_index_<m>` follows.
const FAILED_OPEN: [&str; 2] =
    ["failed-open.validating.webhook.admission.k8s.io/", "failed-open.mutating.webhook.admission.k8s.io/"];

impl<'v> Annotations<'v> {
    fn of(annotations: Option<Json<'v>>) -> Self {
        let mut found = Self::default();
        for (key, value) in annotations.iter().flat_map(|a| a.members()) {
            match key.text().as_ref() {
                "authorization.k8s.io/decision" => found.decision = value.text(),
                "authorization.k8s.io/reason" => found.reason = value.text(),
                "audit.k8s.io/truncated" => found.truncated = value.text().is_some_and(|t| t == "true"),
                "authentication.kubernetes.io/issued-credential-id" => found.issued_credential_id = value.text(),
                key if key.starts_with("authentication.k8s.io/legacy-token") => {
                    found.legacy_token = true;
                    if matches!(
                        key,
                        "authentication.k8s.io/legacy-token-manual-secret"
                            | "authentication.k8s.io/legacy-token-autogenerated-secret"
                    ) {
                        found.token_secret = value.text();
                    }
                }
                key if FAILED_OPEN.iter().any(|prefix| key.starts_with(prefix)) => {
                    found.failed_open.extend(value.text().map(Cow::into_owned));
                    found.guards.take(key, value);
                }
                key => {
                    found.guards.take(key, value);
                    if let (Some(webhook), Some(decision)) = (key.strip_suffix("/decision"), value.text()) {
                        found.webhook_decisions.push(format!("{webhook}={decision}"));
                    }
                }
            }
        }
        found
    }
}

/// Sorted and with commas between; `None` of nothing.
fn joined<'v>(mut texts: Vec<String>) -> Option<Cow<'v, str>> {
    texts.sort_unstable();
    texts.dedup();
    (!texts.is_empty()).then(|| Cow::Owned(texts.join(",")))
}

fn append<'a>(
    entry: &EntryView<'a>,
    fields: &Fields<'_>,
    delivery: &Delivery<'_>,
    digest: &str,
    faults: &mut Faults<'a>,
    sink: &mut impl TableSink,
) {
    for key in &fields.twice {
        faults.add("duplicate_key", format!("{key} comes twice; the first counts"));
    }
    let lost = |name: &str| delivery.lost.split(',').any(|field| field == name);
    let mut read = Reader { faults, sound: delivery.sound };
    let audit_id = read.text(fields.audit_id, "auditID");
    let stage = read.text(fields.stage, "stage");
    let level = read.text(fields.level, "level");
    let verb = read.text(fields.verb, "verb");
    let request_uri = read.text(fields.request_uri, "requestURI");
    let user_agent = read.text(fields.user_agent, "userAgent");
    let user = read.of_shape(fields.user, Shape::Object, "user");
    for (name, present) in [
        ("auditID", fields.audit_id.is_some()),
        ("stage", fields.stage.is_some()),
        ("verb", fields.verb.is_some()),
        ("user", fields.user.is_some()),
        ("stageTimestamp", fields.stage_timestamp.is_some()),
    ] {
        if !present && !lost(name) {
            read.faults.add("missing_field", format!("the event has no {name}"));
        }
    }

    let [user_name, user_uid, groups, extra] = read.pick(user, "user", ["username", "uid", "groups", "extra"]);
    let user_name = read.text(user_name, "user.username");
    let user_uid = read.text(user_uid, "user.uid");
    let groups = read.of_shape(groups, Shape::Array, "user.groups");
    let extra = read.of_shape(extra, Shape::Object, "user.extra");
    let (mut credential_id, mut pod_bound, mut cloud) = (None, false, false);
    for (key, value) in extra.iter().flat_map(|e| e.members()) {
        if key.is("authentication.kubernetes.io/credential-id") {
            credential_id = value.elements().next().and_then(|first| first.text());
        }
        cloud |= is_of_cloud(&key.text());
        pod_bound |= key.is("authentication.kubernetes.io/pod-uid") || key.is("authentication.kubernetes.io/pod-name");
    }
    let impersonated = read.of_shape(fields.impersonated_user, Shape::Object, "impersonatedUser");
    let [impersonated_user, impersonated_groups] = read.pick(impersonated, "impersonatedUser", ["username", "groups"]);
    let impersonated_user = read.text(impersonated_user, "impersonatedUser.username");
    let impersonated_groups = read.of_shape(impersonated_groups, Shape::Array, "impersonatedUser.groups");

    let source_ips = read.of_shape(fields.source_ips, Shape::Array, "sourceIPs");
    let source_ip = source_ips.and_then(|ips| ips.elements().last()).and_then(|ip| ip.text());

    let object = read.of_shape(fields.object_ref, Shape::Object, "objectRef");
    let [group, version, resource, subresource, namespace, name, object_uid] = read.pick(
        object,
        "objectRef",
        ["apiGroup", "apiVersion", "resource", "subresource", "namespace", "name", "uid"],
    );
    let resource = read.text(resource, "objectRef.resource");
    let subresource = read.text(subresource, "objectRef.subresource");
    let api_group = read.text(group, "objectRef.apiGroup").or_else(|| resource.is_some().then_some(Cow::Borrowed("")));

    let status = read.of_shape(fields.response_status, Shape::Object, "responseStatus");
    let [code, reason, message] = read.pick(status, "responseStatus", ["code", "reason", "message"]);
    let code = read.integer(code, "responseStatus.code");

    let present = |body: Option<Json<'_>>| body.is_some_and(|b| b.shape() != Shape::Null);
    let metadata = fields.response_object.and_then(|body| body.member("metadata"));
    let [response_name, response_uid, response_version] =
        read.pick(metadata, "responseObject.metadata", ["name", "uid", "resourceVersion"]);

    let annotations_json = read.of_shape(fields.annotations, Shape::Object, "annotations");
    let annotations = Annotations::of(annotations_json);

    let evidence = Evidence {
        user_name: user_name.as_deref(),
        groups,
        credential_id: credential_id.as_deref(),
        pod_bound,
        legacy_token: annotations.legacy_token,
        cloud: cloud
            || user_uid.as_deref().is_some_and(|uid| uid.starts_with("aws-iam-authenticator:"))
            || (delivery.envelope == "gke" && user_name.as_deref().is_some_and(|name| name.contains('@'))),
        code,
        lost: lost("user.extra"),
    };
    let request_received = read.time(fields.request_received, "requestReceivedTimestamp");
    let stage_time = read.time(fields.stage_timestamp, "stageTimestamp");
    let event_time = stage_time
        .or(request_received)
        .or_else(|| fields.timestamp.and_then(envelope_time))
        .or(delivery.time)
        .unwrap_or(entry.received_at);
    delivery.time_seen.set(Some(event_time));
    let uri = request_uri.as_deref().map(RequestUri::of);
    let dry_run = DryRun {
        uri,
        verb: verb.as_deref(),
        subresource: subresource.as_deref(),
        body: fields.request_object.filter(|b| b.shape() != Shape::Null),
        bodies_logged: matches!(level.as_deref(), Some("Request" | "RequestResponse")) && !annotations.truncated,
        carried_out: code.is_some_and(|code| (200..300).contains(&code)),
    };
    let command_json = uri.filter(|_| matches!(subresource.as_deref(), Some("exec" | "attach")));
    let command_json = command_json.and_then(RequestUri::command_json);

    let event = AuditEvent {
        provenance: Provenance::of(entry, VERSION),
        event_time,
        request_received_time: request_received,
        received_at: entry.received_at,
        envelope: Cow::Borrowed(delivery.envelope),
        lost_fields: Cow::Borrowed(delivery.lost),
        actor_class: Cow::Borrowed(evidence.actor_class()),
        authentication: Cow::Borrowed(evidence.authentication()),
        token_secret: annotations.token_secret,
        issued_credential_id: annotations.issued_credential_id,
        level,
        stage,
        audit_id,
        event_digest: Cow::Borrowed(digest),
        request_path: uri.map(|uri| cut(Cow::Borrowed(uri.path))),
        dry_run: dry_run.verdict(),
        command_json: command_json.map(Cow::Owned),
        verb,
        user_groups_json: groups.and_then(|g| g.verbatim()).map(Cow::Borrowed),
        user_extra_json: extra.and_then(|e| e.verbatim()).map(Cow::Borrowed),
        impersonated_user,
        impersonated_groups_json: impersonated_groups.and_then(|g| g.verbatim()).map(Cow::Borrowed),
        source_ip,
        source_ips_json: source_ips.and_then(|ips| ips.verbatim()).map(Cow::Borrowed),
        user_agent,
        api_group,
        api_version: read.text(version, "objectRef.apiVersion"),
        resource,
        namespace: read.text(namespace, "objectRef.namespace"),
        name: read.text(name, "objectRef.name"),
        object_uid: read.text(object_uid, "objectRef.uid"),
        subresource,
        response_name: read.text(response_name, "responseObject.metadata.name"),
        response_uid: read.text(response_uid, "responseObject.metadata.uid"),
        response_resource_version: read.text(response_version, "responseObject.metadata.resourceVersion"),
        response_code: code,
        response_reason: read.text(reason, "responseStatus.reason"),
        response_message: read.text(message, "responseStatus.message").map(cut),
        decision: annotations.decision,
        decision_reason: annotations.reason,
        webhook_decisions: joined(annotations.webhook_decisions),
        failed_open: joined(annotations.failed_open),
        annotations_json: annotations_json.and_then(|a| a.verbatim()).map(Cow::Borrowed),
        has_request_object: present(fields.request_object),
        has_response_object: present(fields.response_object),
        truncated: annotations.truncated,
        redacted: entry.redacted,
        user_name: user_name.as_deref().map(Cow::Borrowed),
        user_uid,
        credential_id: credential_id.as_deref().map(Cow::Borrowed),
        request_uri: request_uri.as_deref().map(|uri| cut(Cow::Borrowed(uri))),
    };
    sink.append(&event);
    guards::append(&event, &annotations.guards, faults, sink);
}

/// Whether an extra is one that the access management of a cloud sets: of EKS `arn`, `canonicalArn`, `accessKeyId`, `principalId` and `sessionName`, of
/// AKS `oid`. Extras of an authentication configuration are always under a domain, so that none of them can be taken for one.
fn is_of_cloud(key: &str) -> bool {
    const EKS: &str = "sigs.k8s.io/aws-iam-authenticator/";
    matches!(key, "arn" | "canonicalArn" | "accessKeyId" | "principalId" | "oid") || key.starts_with(EKS)
}

/// The text, cut to [`LONGEST`] characters.
pub(crate) fn cut(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.len() <= LONGEST {
        return text;
    }
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => Cow::Owned(text[..end].to_owned()),
        None => text,
    }
}

/// What tells whether a request was a dry run.
struct DryRun<'v> {
    uri: Option<RequestUri<'v>>,
    verb: Option<&'v str>,
    subresource: Option<&'v str>,
    body: Option<Json<'v>>,
    bodies_logged: bool,
    carried_out: bool,
}

impl DryRun<'_> {
    /// A create, update or patch says it in the query. A delete and an eviction may say it in the body alone, so that
    /// without the body it cannot be told (a real API server logs such a delete like any other).
    fn verdict(&self) -> Option<bool> {
        let uri = self.uri?;
        if uri.dry_run() {
            return Some(true);
        }
        let options = match (self.verb?, self.subresource) {
            ("delete" | "deletecollection", _) => self.body,
            ("create", Some("eviction")) => self.body.and_then(|body| body.member("deleteOptions")),
            _ => return Some(false),
        };
        let asked = options.and_then(|o| o.member("dryRun")).is_some_and(|list| list.elements().next().is_some());
        if asked {
            Some(true)
        } else if self.body.is_some() || (self.bodies_logged && self.carried_out) {
            Some(false)
        } else {
            None
        }
    }
}
