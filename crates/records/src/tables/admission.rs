//! Tables of admission control.

use crate::table::table;

table! {
    /// One decision of our admission webhook, durable before its answer left.
    ///
    /// A decision whose record was not known to be durable in time is recorded again with `late`: that row is the one that tells what was
    /// answered, and it may stand beside another of the same `decision_id` that was durable after all.
    Segment "admission_decisions" AdmissionDecision {
        /// Its identifier, drawn at random: 32 hexadecimal digits. The API server's audit event carries it as the annotation `<webhook>/decision`.
        decision_id: text,
        /// When it was made.
        decided_at: time,
        /// Name of the webhook, as in its configuration.
        webhook: text,
        /// The API server's identifier of the review (`request.uid`); empty when the review could not be read.
        review_uid: text,
        /// The operation: `CREATE`, `UPDATE`, `DELETE` or `CONNECT`; null when the review could not be read.
        operation: optional_text,
        /// API group of the object's kind; empty for the core group.
        api_group: optional_text,
        /// Kind of the object.
        kind: optional_text,
        /// The resource, in the plural.
        resource: optional_text,
        /// The subresource; empty when there is none.
        subresource: optional_text,
        /// Namespace; empty when the object has none.
        namespace: optional_text,
        /// Name; empty when the API server was to make one.
        name: optional_text,
        /// The user who asked.
        username: optional_text,
        /// Whether nothing was to be stored.
        dry_run: optional_boolean,
        /// What the policies said: `allow`, `warn`, `deny` or `error`.
        verdict: text,
        /// What they would have said without exceptions.
        verdict_without_exceptions: text,
        /// What was answered; null when the review could not be read so far that it could be answered: the API server then went by its failure policy.
        allowed: optional_boolean,
        /// SHA-256 (hexadecimal) of the policy set that was in force.
        policy_set: text,
        /// Names of the exceptions that were applied, comma separated; empty when none was.
        exceptions: text,
        /// Names of the exceptions that would have fitted but were not in force, comma separated.
        exceptions_not_applied: text,
        /// How many violations were found, also those under exceptions and those that are not listed.
        violations: integer,
        /// The violations as a JSON array of objects with `policy`, `path`, `message`, `action`; what an exception let through has `exception`.
        violations_json: text,
        /// The text that the sender got, or why nothing was judged; empty when there is nothing to say.
        message: text,
        /// Whether this was recorded after the answer, because the store could not be written in time.
        late: boolean,
        /// How long evaluation took, in microseconds.
        evaluation_micros: integer,
    }
}

table! {
    /// One image that a request to our admission webhook would have run, and whether its signatures were verified.
    Segment "admitted_images" AdmittedImage {
        /// The decision on the request, as in `admission_decisions`.
        decision_id: text,
        /// When it was made.
        decided_at: time,
        /// Name of the webhook.
        webhook: text,
        /// Kind of the object.
        kind: text,
        /// Namespace; empty when the object has none.
        namespace: text,
        /// Name; empty when the API server was to make one.
        name: text,
        /// The user who asked.
        username: text,
        /// Whether nothing was to be stored.
        dry_run: boolean,
        /// What was answered to the request.
        allowed: boolean,
        /// Path of the field that names the image.
        path: text,
        /// The reference as written.
        image: text,
        /// `verified`; `not_required` (a rule says that it needs no signature); `refused`; `unknown` (its registry could not be asked);
        /// `not_checked` (the webhook has no rules of signatures).
        signatures: text,
        /// What the signatures are over, or what the tag meant: the digest of the image's manifest; null when it was not found out.
        digest: optional_text,
        /// Whether the reference itself names the digest; null when it was not found out. When not, its tag may mean another one when the image is pulled.
        pinned: optional_boolean,
        /// Who signed, or what is wrong.
        detail: text,
        /// SHA-256 (hexadecimal) of the rules of signatures; null when there are none.
        rules: optional_text,
        /// Whether this was recorded after the answer, as in `admission_decisions`.
        late: boolean,
    }
}

table! {
    /// One reading of the policies of our admission webhook.
    Segment "admission_policy_sets" AdmissionPolicySet {
        /// When they were read.
        loaded_at: time,
        /// Name of the webhook.
        webhook: text,
        /// SHA-256 (hexadecimal) of the set's canonical form.
        policy_set: text,
        /// Whether decisions are made by it from now on. A set with faults does not replace one without.
        in_force: boolean,
        /// The set that decided before; null at the start.
        previous: optional_text,
        /// Number of policies of all forms; of Gatekeeper's, each constraint is one.
        policies: integer,
        /// Number of exceptions.
        exceptions: integer,
        /// Number of documents or files that could not be used.
        faults: integer,
        /// The faults as a JSON array of objects with `file`, `line`, `column`, `message`.
        faults_json: text,
        /// The set's canonical form as JSON: policies with parameters, exceptions with owner, approver, reason and expiry. Null when it is longer than
        /// 4 MiB.
        canonical_json: optional_text,
    }
}

table! {
    /// One pod that `plimsoll admission probe` sent as a dry run, and what became of it.
    Segment "admission_probes" AdmissionProbe {
        /// The run that it belongs to: one set of pods, sent one after another.
        run_id: text,
        /// How many pods the run was to send; a run with fewer rows broke off.
        cases: integer,
        /// When the answer was there.
        probed_at: time,
        /// The namespace that it was sent to.
        namespace: text,
        /// Name of the pod in the set: what is wrong with it.
        probe: text,
        /// `refused` for a pod that a guard has to refuse; `admitted` for the harmless one, without which refusals prove nothing.
        expected: text,
        /// `admitted`; `refused` by a guard; `no_rights` (the probe's own: no guard was asked); `no_answer` (a guard gave none, and the request was refused for that);
        /// `error` (no guard is known to have decided).
        outcome: text,
        /// The guard: `pod_security:<level>`, `validating_admission_policy:<policy>/<binding>` or `webhook:<name>`; null when none is named.
        guard: optional_text,
        /// The request's audit ID, by which the API server's audit event shows the same request; null without an answer.
        audit_id: optional_text,
        /// The answer's message; empty when the pod was admitted.
        message: text,
        /// The pod, as it was sent but for its name.
        pod_json: text,
    }
}

table! {
    /// What an audit event tells of one guard's part in a request: Pod Security, a ValidatingAdmissionPolicy, or a webhook, whoever runs it.
    ///
    /// Only what the event says. A webhook that allowed without annotations leaves no trace, so that no row does not mean that a guard was not asked.
    /// A connection (exec, attach) has two events, at `ResponseStarted` and `ResponseComplete`, and rows of both.
    Segment "guard_decisions" GuardDecision {
        /// The event's own time.
        event_time: time,
        /// `auditID` of the event.
        audit_id: optional_text,
        /// `stage` of the event.
        stage: optional_text,
        /// `pod_security`, `validating_admission_policy`, `validating_webhook`, `mutating_webhook`; `webhook` when the event does not tell which of
        /// both; null when a name in an annotation may be that of a policy or of a webhook.
        guard: optional_text,
        /// Name of the policy, or name of the webhook; of Pod Security the level with its version (`baseline:latest`); null when the event does not say it.
        policy: optional_text,
        /// Name of the policy's binding; null when the event does not say it, and for guards without bindings.
        binding: optional_text,
        /// `allow`; `deny`; `violation` (against the policy, which only warns or records); `exempt` (not judged); `failed_open` (gave no answer, and the request
        /// went on); `failed_closed` (gave no answer, and the request was refused); `error` (could not be evaluated); null when the guard left
        /// a word that does not say how it decided.
        verdict: optional_text,
        /// What the policy's binding asks for (`Deny`, `Warn`, `Audit`), comma separated; null when the event does not say it.
        actions: optional_text,
        /// What it rests on: `annotation`, or `message` for the text of the answer.
        evidence: text,
        /// The annotation's value or the guard's message, cut to 2,048 characters; for annotations of policies and webhooks all of theirs as a JSON object.
        detail: text,
        /// The user who asked (the real one when impersonating).
        user_name: optional_text,
        /// The user impersonated.
        impersonated_user: optional_text,
        /// The verb.
        verb: optional_text,
        /// API group of the object; empty for the core group.
        api_group: optional_text,
        /// Resource of the object.
        resource: optional_text,
        /// Subresource.
        subresource: optional_text,
        /// Namespace.
        namespace: optional_text,
        /// Name; null for a create with generateName.
        name: optional_text,
        /// Whether it was a dry run, as in `audit_events`.
        dry_run: optional_boolean,
        /// `responseStatus.code`.
        response_code: optional_integer,
    }
}

table! {
    /// One decision of our webhook held against the API server's audit log; or one audit event that a webhook should have answered, or that
    /// it answered without a record; or a change by which a webhook sees less.
    Derived "admission_reconciliation" AdmissionReconciliation {
        /// A stable identifier of the row.
        item_id: text,
        /// `matched`: the decision and its event are both there. `decision_without_event`: the audit log does not show the request.
        /// `event_without_decision`: the event names a decision that is not recorded. `failed_open`: the API server let the request go on
        /// without an answer. `failed_closed`: it refused the request without an answer. `not_asked`: the request was carried out, the webhook's
        /// configuration was for it, and the event names no decision. `weakened`: from here on the webhook's configuration lets more through
        /// than before. `removed`: from here on there is none.
        outcome: text,
        /// When: of the decision, of the event where there is no decision, of the change.
        at: time,
        /// Name of the webhook.
        webhook: text,
        /// The decision; null when there is none.
        decision_id: optional_text,
        /// What the webhook answered; null when it gave no answer or that is not known.
        allowed: optional_boolean,
        /// Whether nothing was to be stored.
        dry_run: optional_boolean,
        /// The audit event's identifier; null when there is none.
        audit_id: optional_text,
        /// The user who asked, or who changed the configuration.
        username: optional_text,
        /// The verb of the audit event, or the operation of the decision.
        verb: optional_text,
        /// The resource, with `/` and the subresource.
        resource: optional_text,
        /// Namespace.
        namespace: optional_text,
        /// Name.
        name: optional_text,
        /// More about the outcome, in one line; empty when there is nothing to say.
        detail: text,
    }
}

table! {
    /// One exception from policies, over the time in which a set that has it was in force.
    Derived "exceptions" PolicyException {
        /// A stable identifier of the exception as it is written, in this time: one that is changed, or comes back, is another.
        exception_id: text,
        /// Name of the webhook whose set has it.
        webhook: text,
        /// Its name.
        name: text,
        /// Who answers for it.
        owner: text,
        /// Who approved it.
        approver: text,
        /// Why it is needed.
        reason: text,
        /// From when on it is not applied.
        expires: time,
        /// The policies that it is for, comma separated.
        policies: text,
        /// What it is for, as JSON: namespaces, names, kinds.
        scope_json: text,
        /// From when on a set with it was in force.
        valid_from: time,
        /// Until when; null while it still is.
        valid_to: optional_time,
        /// How many decisions were made under it in that time.
        uses: integer,
        /// How many decisions it would have been for after it had expired, or that it was not applied to because its owner approved it.
        refused_uses: integer,
    }
}

table! {
    /// One policy that the API shows, in one place where it is bound, over one interval: ValidatingAdmissionPolicies and their bindings, webhooks and their
    /// configurations, Gatekeeper's constraints.
    ///
    /// Pod Security labels are in `namespace_enforcement`. What a policy forbids is not worked out. Policies that API servers read from their own disk do not
    /// show in the API.
    Derived "policy_state" PolicyState {
        /// A stable identifier of the policy in this place.
        state_id: text,
        /// `validating_admission_policy`, `validating_webhook`, `mutating_webhook` or `gatekeeper`.
        guard: text,
        /// Name of the policy; name of the webhook; kind of the constraint.
        policy: text,
        /// Name of the binding, of the webhook configuration, or of the constraint; null for a policy without binding.
        binding: optional_text,
        /// `Deny`, `Warn`, `Audit` of a binding, comma separated; `deny`, `warn`, `dryrun` or `scoped` of a constraint; null for webhooks, which decide by
        /// themselves, and where nothing is bound.
        enforcement_action: optional_text,
        /// `Fail` or `Ignore`; null for constraints (theirs is that of Gatekeeper's webhook), and for a binding whose policy is not there.
        failure_policy: optional_text,
        /// What it is for, as JSON: rules, selectors, conditions as they are written.
        scope_json: text,
        /// Namespaces that are left out by name, comma separated; empty when none is. Others may be left out by selectors in `scope_json`.
        excluded_namespaces: text,
        /// Whether it can work: a policy and its binding are both there; the enforcing pods of Gatekeeper say that they enforce the constraint. Null when it is not
        /// known: for webhooks (`guard_decisions` tells when one gave no answer), for policies with parameters, and before a status was seen.
        ready: optional_boolean,
        /// Why it is not ready, or why that is not known; empty when it is ready.
        ready_detail: text,
        /// How many violations Gatekeeper's audit found at last; null for others, and before an audit.
        violations: optional_integer,
        /// From when on it was so.
        valid_from: time,
        /// Until when; null while it still is.
        valid_to: optional_time,
    }
}

table! {
    /// One result in a report of policies (`wgpolicyk8s.io` or `openreports.io`), over the time in which the report had it.
    ///
    /// Reports show what a tool thinks of objects that are there. They go with their objects, and a request that was refused is in none.
    Derived "policy_reports" PolicyReportResult {
        /// A stable identifier of the result in this time.
        result_id: text,
        /// Kind of the report: `PolicyReport`, `ClusterPolicyReport`, `Report` or `ClusterReport`.
        report_kind: text,
        /// Namespace of the report; null for cluster-wide ones.
        report_namespace: optional_text,
        /// Name of the report.
        report: text,
        /// The tool that wrote it (`source`); null when it does not say.
        tool: optional_text,
        /// The policy; empty when it does not say.
        policy: text,
        /// The rule within the policy.
        rule: optional_text,
        /// The category.
        category: optional_text,
        /// The severity, as the tool gives it.
        severity: optional_text,
        /// `pass`, `fail`, `warn`, `error` or `skip`, as the tool gives it; null when it does not.
        result: optional_text,
        /// API version of the object that it is about; null when the report does not say.
        object_api_version: optional_text,
        /// Kind of that object.
        object_kind: optional_text,
        /// Namespace of that object.
        object_namespace: optional_text,
        /// Name of that object.
        object_name: optional_text,
        /// UID of that object.
        object_uid: optional_text,
        /// The tool's message, cut to 2,048 characters.
        message: text,
        /// From when on the report had it.
        valid_from: time,
        /// Until when; null while it still has.
        valid_to: optional_time,
    }
}
