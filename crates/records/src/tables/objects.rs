//! Tables of the history of objects.

use crate::table::table;

table! {
    /// One observation of one object by list or watch.
    Segment "object_observations" ObjectObservation {
        /// When Plimsoll received it.
        observed_at: time,
        /// `listed`, `added`, `modified`, `deleted`, the bounds of a list: `list_begin`, `list_end`, or `not_served`: the API server does
        /// not serve the kind, so that there is nothing of it (then without object columns).
        observation: text,
        /// API group of the kind (empty for core).
        api_group: text,
        /// API version of the kind.
        api_version: text,
        /// Resource (plural, lower case).
        resource: text,
        /// Kind.
        kind: optional_text,
        /// Namespace; null for cluster-scoped objects.
        namespace: optional_text,
        /// Name.
        name: optional_text,
        /// `metadata.uid`.
        uid: optional_text,
        /// `metadata.resourceVersion` (of the list for its bounds).
        resource_version: optional_text,
        /// `metadata.generation`.
        generation: optional_integer,
        /// `metadata.creationTimestamp`.
        created_time: optional_time,
        /// `metadata.deletionTimestamp`.
        deletion_time: optional_time,
        /// The newest time in `managedFields` of an entry that is not of a status subresource.
        last_write_time: optional_time,
        /// The field manager of that entry.
        last_write_manager: optional_text,
        /// Secrets: the newest time in `managedFields` of an entry that owns content (`f:data` or `f:stringData`), so not earlier than the last change of it.
        content_write_time: optional_time,
        /// When the object's controller says in its status that it last looked at the source of a Secret (ExternalSecrets, VaultDynamicSecrets).
        refreshed_time: optional_time,
        /// SHA-256 (hexadecimal) of the material part: the object without status, managedFields, resourceVersion, generation and known heartbeats.
        material_digest: optional_text,
        /// The material part as JSON with keys in order, secret values replaced.
        body_json: optional_text,
        /// The object's status as JSON with keys in order, without the time of the last look; only of kinds whose status is evidence (Gatekeeper's templates and
        /// constraints), null for all others. It is not part of the material part: nobody decided it.
        status_json: optional_text,
        /// Identifier of the list, for `list_begin` and `list_end`.
        list_id: optional_text,
        /// Number of objects in the list, for `list_end`: a list is complete, and absence from it proves something, only when as many were observed.
        list_count: optional_integer,
    }
}

table! {
    /// One material version of one object: an interval of its history.
    Derived "object_versions" ObjectVersion {
        /// From when it held: the time of the write where the audit log or managedFields tells, else the time of observation.
        valid_from: time,
        /// Until when; null while it still holds.
        valid_to: optional_time,
        /// What `valid_from` rests on: `audit`, `managed_fields`, `created` or `observed`.
        valid_from_basis: text,
        /// When Plimsoll first observed this version.
        observed_at: time,
        /// API group of the kind (empty for core).
        api_group: text,
        /// API version of the kind.
        api_version: text,
        /// Resource.
        resource: text,
        /// Kind.
        kind: text,
        /// Namespace; null for cluster-scoped objects.
        namespace: optional_text,
        /// Name.
        name: text,
        /// `metadata.uid`.
        uid: text,
        /// `metadata.resourceVersion` of the first observation of this version.
        resource_version: text,
        /// How the version ended: `replaced`, `deleted`, `vanished` (not in a later list) or null while it holds.
        ended_by: optional_text,
        /// User of the audit event that wrote it; null when no event was matched.
        writer: optional_text,
        /// Audit ID of that event.
        writer_audit_id: optional_text,
        /// Field manager by managedFields.
        field_manager: optional_text,
        /// `content_write_time` of the first observation of this version, as in `object_observations`.
        content_write_time: optional_time,
        /// Newest `refreshed_time` that was observed while this version held.
        refreshed_time: optional_time,
        /// SHA-256 (hexadecimal) of the material part.
        material_digest: text,
        /// The material part as JSON, secret values replaced.
        body_json: text,
    }
}
