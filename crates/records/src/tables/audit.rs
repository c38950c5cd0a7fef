//! Tables of the API server's audit log.

use crate::table::table;

table! {
    /// One audit event of an API server, at one stage.
    Segment "audit_events" AuditEvent {
        /// When the stage was reached (`stageTimestamp`); the event's own time.
        event_time: time,
        /// When the request was received by the API server (`requestReceivedTimestamp`).
        request_received_time: optional_time,
        /// When Plimsoll received the event.
        received_at: time,
        /// What the event came in: `kubernetes`, `eks`, `gke` or `aks`.
        envelope: text,
        /// Fields that the envelope does not carry, comma separated; empty when none is lost. Lost is not the same as absent.
        lost_fields: text,
        /// `level` of the audit policy: Metadata, Request or RequestResponse.
        level: optional_text,
        /// `stage`: RequestReceived, ResponseStarted, ResponseComplete or Panic.
        stage: optional_text,
        /// `auditID`. Chosen by the caller when the request had the header `Audit-ID`: no key.
        audit_id: optional_text,
        /// First 16 hexadecimal digits of the SHA-256 of the event without `kind` and `apiVersion`: equal for the same event by webhook and by file.
        event_digest: text,
        /// Kubernetes' verb (`create`, `get` ...). An exec over WebSocket is `get`.
        verb: optional_text,
        /// `requestURI`, cut to 2,048 characters.
        request_uri: optional_text,
        /// Path of `requestURI`, without the query.
        request_path: optional_text,
        /// `user.username` of the authenticated user; empty for a 401.
        user_name: optional_text,
        /// `user.uid`.
        user_uid: optional_text,
        /// `user.groups` as a JSON array.
        user_groups_json: optional_text,
        /// `user.extra` as a JSON object.
        user_extra_json: optional_text,
        /// `user.extra["authentication.kubernetes.io/credential-id"]`, first value.
        credential_id: optional_text,
        /// `impersonatedUser.username`.
        impersonated_user: optional_text,
        /// `impersonatedUser.groups` as a JSON array.
        impersonated_groups_json: optional_text,
        /// Who acts: `human`, `service_account`, `node`, `control_plane`, `anonymous` or `unknown`. By the user name, its groups and extras; never by the user agent.
        actor_class: text,
        /// How the request was authenticated: `client_certificate`, `service_account_token` (asked for by somebody), `pod_token` (of a pod), `legacy_token` (of a Secret, without end), `jwt` (of an OIDC provider or another
        /// issuer), `cloud_iam` (the cloud's own access management), `bootstrap_token`, `delegated` (a webhook or a front proxy said who it is: its identifier has a form that the API server itself gives none), `anonymous`, `none` (401) or
        /// `unknown` (a static token, a webhook, a front proxy or a JWT without identifier; before Kubernetes 1.32 also a client certificate).
        authentication: text,
        /// The Secret that a `legacy_token` is from, in the namespace of its service account; null for others, and where the API server does not say it.
        token_secret: optional_text,
        /// Identifier of the credential that this request issued (a token of a service account), as `credential_id` of its later use has it.
        issued_credential_id: optional_text,
        /// The last of `sourceIPs`, the only one that the caller cannot choose.
        source_ip: optional_text,
        /// `sourceIPs` as a JSON array.
        source_ips_json: optional_text,
        /// `userAgent`, chosen by the caller.
        user_agent: optional_text,
        /// `objectRef.apiGroup`; empty text for the core group.
        api_group: optional_text,
        /// `objectRef.apiVersion`.
        api_version: optional_text,
        /// `objectRef.resource`.
        resource: optional_text,
        /// `objectRef.subresource`.
        subresource: optional_text,
        /// `objectRef.namespace`.
        namespace: optional_text,
        /// `objectRef.name`; null for list, deletecollection and a create with generateName.
        name: optional_text,
        /// `objectRef.uid`.
        object_uid: optional_text,
        /// `metadata.name` of the response body, where the policy logs it.
        response_name: optional_text,
        /// `metadata.uid` of the response body.
        response_uid: optional_text,
        /// `metadata.resourceVersion` of the response body.
        response_resource_version: optional_text,
        /// `responseStatus.code`.
        response_code: optional_integer,
        /// `responseStatus.reason`.
        response_reason: optional_text,
        /// `responseStatus.message`, cut to 2,048 characters.
        response_message: optional_text,
        /// Annotation `authorization.k8s.io/decision`. `allow` does not mean that it happened.
        decision: optional_text,
        /// Annotation `authorization.k8s.io/reason`.
        decision_reason: optional_text,
        /// Decisions of admission webhooks by their annotations `<webhook>/decision`, as `<webhook>=<decision>`, sorted and comma separated; null when there is none.
        webhook_decisions: optional_text,
        /// Webhooks that gave no answer and without which the request went on (annotations `failed-open...`), sorted and comma separated; null when there is none.
        failed_open: optional_text,
        /// All annotations as a JSON object.
        annotations_json: optional_text,
        /// Whether it was a dry run. Null when the event cannot tell (a delete without its request body).
        dry_run: optional_boolean,
        /// Whether the request body is in the event.
        has_request_object: boolean,
        /// Whether the response body is in the event.
        has_response_object: boolean,
        /// Whether the API server cut the bodies (`audit.k8s.io/truncated`).
        truncated: boolean,
        /// Command of an exec or attach, as a JSON array, from the query of `requestURI`.
        command_json: optional_text,
        /// Whether Plimsoll replaced secret values before the first write.
        redacted: boolean,
    }
}

table! {
    /// One privileged session: exec, attach, port-forward, ephemeral container, node proxy or impersonation, put together from its events.
    Derived "privileged_sessions" PrivilegedSession {
        /// A stable identifier of the session: source, audit ID and request time, hashed.
        session_id: text,
        /// When the request was received.
        started_at: time,
        /// When it was complete; null when no such event came.
        ended_at: optional_time,
        /// `exec`, `attach`, `port_forward`, `ephemeral_container`, `node_proxy` or `impersonation`.
        session_kind: text,
        /// The user (the real one when impersonating).
        user_name: text,
        /// The user impersonated.
        impersonated_user: optional_text,
        /// Who acts, as in `audit_events`.
        actor_class: text,
        /// How the request was authenticated, as in `audit_events`.
        authentication: text,
        /// Namespace of the object.
        namespace: optional_text,
        /// Name of the object.
        name: optional_text,
        /// The command as a JSON array.
        command_json: optional_text,
        /// Whether the command is a shell or an interpreter (by the name of the program).
        shell: boolean,
        /// The response's code: 101 when the connection was upgraded, also when the command failed.
        response_code: optional_integer,
        /// Whether the session was opened: code 101 or 2xx.
        opened: boolean,
        /// Address of the caller (last of `sourceIPs`).
        source_ip: optional_text,
    }
}

table! {
    /// One write to a governed object that an audit event shows and that was carried out (2xx, no dry run as far as can be told).
    Derived "object_writes" ObjectWrite {
        /// A stable identifier of the write: source, audit ID, stage and digest, hashed.
        write_id: text,
        /// When the write was complete (`stageTimestamp`).
        at: time,
        /// The verb.
        verb: text,
        /// API group of the object.
        api_group: text,
        /// Resource of the object.
        resource: text,
        /// Subresource; null for the object itself.
        subresource: optional_text,
        /// Namespace of the object.
        namespace: optional_text,
        /// Name of the object; of the response when the request had none; null when unknown.
        name: optional_text,
        /// The user (the real one when impersonating).
        user_name: text,
        /// The user impersonated.
        impersonated_user: optional_text,
        /// Who acts, as in `audit_events`.
        actor_class: text,
        /// How the request was authenticated.
        authentication: text,
        /// Whether the object changed materially: true or false where the history of the object or the body tells, null when it cannot be told.
        material: optional_boolean,
        /// `metadata.resourceVersion` after the write, where known.
        resource_version: optional_text,
        /// Whether it was a dry run: false, or null when the event cannot tell and no history confirms the write.
        dry_run: optional_boolean,
        /// `confirmed` when the history of the object agrees with the write (a change seen, or none seen for a write that changed nothing), `not_watched` when the kind is not watched, `unconfirmed` when the watch should have seen it and did not.
        confirmation: text,
    }
}
