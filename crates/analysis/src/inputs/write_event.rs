//! Audit events of writes, with no more of each than the analysis looks at.

use super::audit_row::audit_row;

audit_row! {
    /// An audit event of a write. The fields are those columns of `audit_events`, where they are documented.
    WriteEvent {
        event_time: time,
        request_received_time: optional_time,
        stage: optional_text,
        audit_id: optional_text,
        event_digest: text,
        verb: optional_text,
        user_name: optional_text,
        impersonated_user: optional_text,
        actor_class: text,
        authentication: text,
        api_group: optional_text,
        resource: optional_text,
        subresource: optional_text,
        namespace: optional_text,
        name: optional_text,
        response_name: optional_text,
        response_resource_version: optional_text,
        response_code: optional_integer,
        dry_run: optional_boolean,
    }
}
