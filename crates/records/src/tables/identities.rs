//! Tables of who people and programs are, and with what they prove it.

use crate::table::table;

table! {
    /// What was seen of the use of one credential.
    ///
    /// Not among them are the tokens that Kubernetes gives to pods, renews every hour and never shows to anybody, and what nodes and the control plane itself
    /// use. Requests whose credential has no identifier are one row for each user, kind of credential and set of claims.
    Derived "credential_use" CredentialUse {
        /// A stable identifier of the credential: user, kind, identifier or Secret, and claims, hashed.
        credential: text,
        /// The user that it stands for.
        user_name: text,
        /// Who acts, as in `audit_events`.
        actor_class: text,
        /// What it is, as `authentication` in `audit_events`; and `unidentified`: none with an identifier, although the API server gives identifiers to
        /// certificates and to tokens that have one. That leaves a static token, a webhook, a front proxy, or a JWT without `jti`.
        kind: text,
        /// Its identifier: `X509SHA256=` and the digest of a certificate, `JTI=` and the identifier of a token; null when it has none.
        credential_id: optional_text,
        /// The Secret that it is from, of a token without end.
        token_secret: optional_text,
        /// The extras that its authenticator gave to the user, but for Kubernetes' own, as a JSON object in the order of its keys: claims of a token, where the
        /// authentication configuration passes them on. Null for what is no person's.
        claims_json: optional_text,
        /// First request.
        first_used_at: time,
        /// Last request.
        last_used_at: time,
        /// Requests that were completed.
        requests: integer,
        /// Those of them that were carried out (a code below 400).
        succeeded: integer,
        /// From how many addresses (the last of `sourceIPs`).
        source_addresses: integer,
        /// Address of the first request.
        first_address: optional_text,
        /// Address of the last request.
        last_address: optional_text,
        /// With how many user agents. Callers choose them.
        user_agents: integer,
        /// Whether it is a credential of one holder that was used from more than three addresses. A proxy or a changing network does that as well as a copy.
        many_addresses: boolean,
        /// When it was issued, of a token of a service account that somebody asked for; null when the request for it was not seen.
        issued_at: optional_time,
        /// Who asked for it.
        issued_by: optional_text,
        /// Who that is, as `actor_class` in `audit_events`.
        issued_by_class: optional_text,
        /// The CertificateSigningRequest that a certificate was issued by; null when none was seen that has it: it was made with the key of the authority itself, or before.
        certificate_request: optional_text,
        /// Who made that request.
        certificate_requested_by: optional_text,
        /// The signer.
        certificate_signer: optional_text,
    }
}

table! {
    /// One service account over one interval in which it was not written to and nothing that is told of it changed.
    Derived "service_accounts" ServiceAccount {
        /// A stable identifier of the account, without the interval.
        account_id: text,
        /// From when it held.
        valid_from: time,
        /// Until when; null while it holds.
        valid_to: optional_time,
        /// The account, as `namespace/name`.
        service_account: text,
        /// Namespace.
        namespace: text,
        /// Name.
        name: text,
        /// The user that its tokens stand for.
        user_name: text,
        /// What it says about mounting its token into pods (`automountServiceAccountToken`); null when it says nothing, which is yes.
        automount: optional_boolean,
        /// The workloads whose pods run under it, as `Kind:namespace/name`, sorted and comma separated, the first 50: controllers, and pods without one.
        workloads: text,
        /// How many there are.
        workload_count: integer,
        /// How many of them mount a token by Kubernetes' own doing into at least one container.
        automatic_token_workloads: integer,
        /// The applications that these workloads are of, sorted and comma separated, the first 50: `application` of `workload_posture`, else the workload's own name.
        applications: text,
        /// How many there are: more than one is an account shared by workloads that do not say that they belong together.
        application_count: integer,
        /// The bindings that give it rights, sorted and comma separated, the first 50: to itself, or to a group of service accounts that it is in, but for those that Kubernetes itself creates.
        bindings: text,
        /// How many there are.
        binding_count: integer,
        /// The Secrets that hold a token of it without end, sorted and comma separated: by their annotation `kubernetes.io/service-account.name`.
        token_secrets: text,
    }
}

table! {
    /// One reading of a list of people, or one page of it.
    Segment "people_readings" PeopleReading {
        /// When it was read. All pages of one reading have one time.
        read_at: time,
        /// The form: `csv` or `scim`.
        format: text,
        /// Number of the page, from 1.
        page: integer,
        /// How many pages the reading has.
        pages: integer,
        /// SHA-256 (hexadecimal) of the content.
        digest: text,
        /// How many people the page names.
        people: integer,
        /// Whether every line or resource of it could be read, and the digest is that of the content. A reading of which a page is not whole says nothing about who is absent.
        whole: boolean,
    }
}

table! {
    /// One person in one reading of a list of people.
    Segment "people" Person {
        /// When the list was read.
        read_at: time,
        /// The person in the list: `person` of a line, else `user`; `id` of a resource.
        person: text,
        /// The person's name as a user: `user` of a line, `userName` of a resource; null when there is none.
        user_name: optional_text,
        /// Whether the person works here at the time of the reading: by the status, and not after the day of leaving.
        active: boolean,
        /// When the person came; null when it is not told.
        joined_at: optional_time,
        /// When the person left or will: a date is the end of that day. Of an inactive SCIM resource its last change: the person left at that time or before. Null when it is not told.
        left_at: optional_time,
    }
}

table! {
    /// What the authentication configuration of one API server says, from one reading of its file to the next.
    Derived "authentication_settings" AuthenticationSettings {
        /// The API server (last part of the name of its audit source).
        api_server: text,
        /// From when it held: when the file was read, or when the API server reported something else about it.
        valid_from: time,
        /// Until when; null while it holds.
        valid_to: optional_time,
        /// SHA-256 (hexadecimal) of the file.
        digest: text,
        /// Whether the API server reports to run with this file (metric `apiserver_authentication_config_controller_last_config_info`); null while no report is there.
        in_force: optional_boolean,
        /// Whether it has the form of an AuthenticationConfiguration. If not, nothing else is known.
        readable: boolean,
        /// URLs of the issuers whose tokens are accepted, comma separated.
        issuers: text,
        /// Prefixes that tell their users from others, comma separated in the order of the issuers; `(expression)` for one that is computed.
        user_prefixes: text,
        /// What every token's claims must meet, for each issuer: expressions and claims with their required values, as a JSON array of arrays.
        claim_rules_json: text,
        /// Keys of the extras by which claims are passed on, sorted and comma separated.
        extras: text,
        /// Requests without credentials: `refused`, `some_paths`, `all_paths`, or `unset` where the file leaves it to the flag `--anonymous-auth`, which allows them by default.
        anonymous: text,
        /// The paths, of `some_paths`, comma separated.
        anonymous_paths: text,
    }
}
