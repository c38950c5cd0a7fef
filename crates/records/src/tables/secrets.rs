//! Tables of Secrets: where they come from, how they are kept, and when their content changed. Never their values.

use crate::table::table;

table! {
    /// What was known of one Secret over one interval, from its metadata and what is around it.
    Derived "secrets_posture" SecretPosture {
        /// A stable identifier: cluster, namespace, name and UID, hashed.
        secret_id: text,
        /// From when it held.
        valid_from: time,
        /// Until when; null while it holds.
        valid_to: optional_time,
        /// Namespace.
        namespace: text,
        /// Name.
        name: text,
        /// `type` as far as metadata tells it; null when not known.
        secret_type: optional_text,
        /// What keeps it: `external-secrets`, `vault-secrets-operator`, `secrets-store-csi`, `sealed-secrets`, `sealed-secrets-key`, `sops`, `flux`, `cert-manager`, `helm-release`, `service-account-token` or `bootstrap-token`; null when nothing was recognised.
        manager: optional_text,
        /// The object that keeps it, as `Kind:namespace/name`; null when not known.
        manager_object: optional_text,
        /// When the manager looks for new content: `periodic`, `before_expiry`, `on_change` (when its own object changes) or `never`; null when not known.
        refresh: optional_text,
        /// Seconds between two looks, for `periodic`.
        refresh_seconds: optional_integer,
        /// Whether the manager says that content and source agree; null when it says nothing.
        synced: optional_boolean,
        /// Newest time at which the manager says that it looked; null when it says nothing.
        refreshed_at: optional_time,
        /// When the content last changed, as far as known.
        content_changed_at: optional_time,
        /// What that rests on: `content_hash` (the manager's hash of the content changed; exact), `created`, or `managed_fields` (last write by whoever owns the content, so not earlier than the change); null when not known.
        content_changed_basis: optional_text,
        /// How often the content is to be replaced, by the Secret's annotation `plimsoll.dev/rotation`; null without.
        rotation_class: optional_text,
        /// Whether it was encrypted in etcd at the last scan; null when not known.
        encrypted: optional_boolean,
        /// With what: as in `etcd_objects`.
        encryption_provider: optional_text,
        /// With which key: as in `encryption_state`.
        encryption_key: optional_text,
        /// Since which scan it is known to be so.
        encryption_seen_from: optional_time,
        /// End of the TLS certificate, where a cert-manager Certificate tells it.
        certificate_not_after: optional_time,
    }
}

table! {
    /// One content of one Secret, from when it was put in until it was replaced.
    Derived "secret_rotations" SecretRotation {
        /// A stable identifier: the Secret's, and when the content was put in.
        rotation_id: text,
        /// The Secret's identifier, as in `secrets_posture`.
        secret_id: text,
        /// Namespace.
        namespace: text,
        /// Name.
        name: text,
        /// Type as far as known.
        secret_type: optional_text,
        /// What kept it by its own marks, as in `secrets_posture` (there, what other objects say of it counts, too).
        manager: optional_text,
        /// Rotation class, as in `secrets_posture`, by the newest version with this content.
        rotation_class: optional_text,
        /// When the content was put in; null when not known.
        content_from: optional_time,
        /// What that rests on, as `content_changed_basis`.
        content_from_basis: optional_text,
        /// When it was first observed.
        observed_at: time,
        /// Until when it was kept; null while it is.
        content_to: optional_time,
        /// How it ended: `replaced`, `deleted` or `vanished`; null while it is kept.
        ended_by: optional_text,
    }
}

table! {
    /// Who could read the Secrets of one namespace over one interval, by role-based access control: subjects that may get, list or watch them. A group is one subject.
    Derived "secret_readers" SecretReaders {
        /// Namespace.
        namespace: text,
        /// Name of the Secret for subjects that may read this one because their role names it; null for those that may read all of the namespace.
        name: optional_text,
        /// From when it held.
        valid_from: time,
        /// Until when; null while it holds.
        valid_to: optional_time,
        /// How many subjects.
        readers: integer,
        /// SHA-256 (hexadecimal) over the subjects in order, each followed by a line feed.
        readers_digest: text,
        /// The first 50 of them as a JSON array, as in `rbac_grants`.
        readers_json: text,
    }
}
