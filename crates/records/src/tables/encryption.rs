//! Tables of encryption at rest: what etcd holds, what API servers count, what clouds describe, and what follows from these.

use crate::table::table;

table! {
    /// One scan of the keys of one resource in etcd, read at one revision. It is whole when as many rows of `etcd_objects` have its identifier as it counts.
    Segment "etcd_scans" EtcdScan {
        /// Identifier of the scan.
        scan_id: text,
        /// When it began.
        began_at: time,
        /// When it ended.
        ended_at: time,
        /// API group of the resource (empty for core).
        api_group: text,
        /// The resource (plural, lower case).
        resource: text,
        /// The revision of etcd at which all keys were read.
        revision: integer,
        /// How many objects there were.
        objects: integer,
    }
}

table! {
    /// One object as etcd held it at a scan: how its stored value begins, never the value.
    Segment "etcd_objects" EtcdObject {
        /// Identifier of the scan.
        scan_id: text,
        /// When the scan read it.
        scanned_at: time,
        /// API group of the resource (empty for core).
        api_group: text,
        /// The resource.
        resource: text,
        /// Namespace; null for cluster-scoped objects.
        namespace: optional_text,
        /// Name.
        name: text,
        /// What the value was written with: `identity` (in the clear), `aescbc`, `aesgcm`, `secretbox`, `kms_v1`, `kms_v2` or `unknown`.
        provider: text,
        /// Whether the value is encrypted; null when its form is not known.
        encrypted: optional_boolean,
        /// Name of the key, or of the KMS provider, in the value's prefix.
        key_name: optional_text,
        /// KMS v2: identifier of the key in the key management service, cut to 1,024 characters.
        key_id: optional_text,
        /// KMS v2: SHA-256 (hexadecimal) of that identifier; the API server's metrics tell it after `sha256:`.
        key_id_hash: optional_text,
        /// Revision of etcd at which the value was last written.
        modified_revision: integer,
    }
}

table! {
    /// One reading of what one API server counts of encryption at rest.
    Segment "encryption_readings" EncryptionReading {
        /// When it was read.
        read_at: time,
        /// The API server (last part of the source's name).
        api_server: text,
        /// `process_start_time_seconds`: counters of two processes are never subtracted.
        process_start: optional_time,
        /// SHA-256 of the encryption configuration in force, as the API server tells it (`apiserver_encryption_config_controller_last_config_info`, since 1.34); null when it tells none.
        config_hash: optional_text,
        /// When the API server last took up a changed configuration by itself.
        reloaded_at: optional_time,
        /// When it last failed to.
        reload_failed_at: optional_time,
        /// `apiserver_storage_transformation_operations_total` as a JSON array of `[resource, type, prefix, status, count]`, in order; resource is null where there is no such label (before 1.32).
        operations_json: text,
        /// `apiserver_envelope_encryption_key_id_hash_total` as a JSON array of `[provider, type, key id hash, count]`, in order.
        key_ids_json: text,
    }
}

table! {
    /// One description of a managed cluster by its cloud, as imported.
    Segment "cloud_encryption" CloudEncryption {
        /// When the description was taken, as its importer says.
        read_at: time,
        /// `eks`, `gke` or `aks`.
        cloud: text,
        /// The cluster's name in the cloud.
        name: text,
        /// Version of Kubernetes.
        version: optional_text,
        /// Whether the API server encrypts what it stores, beyond the disk; null when the description does not tell.
        encrypted: optional_boolean,
        /// What of it: `all` or `secrets`; null when nothing or unknown.
        scope: optional_text,
        /// The key in the key management service; null when the cloud names none.
        key: optional_text,
        /// Whose key it is: `customer` or `cloud`; null when nothing or unknown.
        key_owner: optional_text,
        /// In one line.
        detail: text,
    }
}

table! {
    /// What was known of encryption at rest of one subject over one interval.
    Derived "encryption_state" EncryptionState {
        /// `api_server` (how one API server writes Secrets), `object` (how one object is stored, by the last scan) or `stored` (all stored objects of a resource, by the last scan or the cloud's description).
        subject_kind: text,
        /// The API server; `namespace/name` of the object; `etcd` for all stored objects.
        subject: text,
        /// API group of the resource.
        api_group: text,
        /// The resource.
        resource: text,
        /// Namespace of the object; null for others.
        namespace: optional_text,
        /// Name of the object; null for others.
        name: optional_text,
        /// From when it held.
        valid_from: time,
        /// Until when; null while it holds.
        valid_to: optional_time,
        /// Whether it is encrypted; null when that is not known.
        encrypted: optional_boolean,
        /// `identity`, `aescbc`, `aesgcm`, `secretbox`, `kms_v1`, `kms_v2`, or several joined by `, `; null when not known.
        provider: optional_text,
        /// Name of the key, or KMS provider and SHA-256 of the key's identifier; null when not known.
        key: optional_text,
        /// What it rests on: `metrics`, `etcd_scan`, `cloud_description` or `nothing`.
        basis: text,
        /// API servers: hash of the configuration in force.
        config_hash: optional_text,
        /// API servers: whether another API server of the cluster had another configuration at that time; null when not known.
        config_differs: optional_boolean,
        /// In one line.
        detail: text,
    }
}
