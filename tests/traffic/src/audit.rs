//! Audit events.

use std::fmt::Write as _;

use crate::random::Random;
use crate::{BEGIN_MICROS, bodies, time_text};

/// Audit events of one API server, in order of time.
#[derive(Debug, Clone)]
pub struct AuditTraffic {
    random: Random,
    micros: i64,
    step: i64,
    version: u64,
}

/// What one request is, before it is written.
struct Request<'a> {
    verb: &'a str,
    uri: String,
    code: u16,
    user: String,
    user_agent: &'a str,
    object: String,
}

impl AuditTraffic {
    /// Events from a seed; the next follows `step_micros` after the last on average.
    #[must_use]
    pub fn new(seed: u64, step_micros: i64) -> Self {
        Self { random: Random::new(seed), micros: BEGIN_MICROS, step: step_micros.max(1), version: 100_000 }
    }

    /// Appends one event as an item of an `EventList`, without a line break.
    pub fn event(&mut self, out: &mut String) {
        self.micros += 1 + i64::try_from(self.random.below(2 * self.step.unsigned_abs())).unwrap_or(self.step);
        self.version += 1 + self.random.below(3);
        let received = time_text(self.micros);
        let done = time_text(self.micros + 300 + i64::try_from(self.random.below(9000)).unwrap_or(0));
        match self.random.below(100) {
            0..=89 => {
                let request = self.metadata_request();
                self.open(out, "Metadata", &request);
                self.close(out, &received, &done, &request.user);
            }
            kind => self.with_bodies(out, kind, &received, &done),
        }
    }

    /// The body of one delivery of the audit webhook.
    #[must_use]
    pub fn event_list(&mut self, events: usize) -> String {
        let mut body = String::with_capacity(events * 1300);
        body.push_str(r#"{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":["#);
        for number in 0..events {
            if number > 0 {
                body.push(',');
            }
            self.event(&mut body);
        }
        body.push_str("]}\n");
        body
    }

    fn open(&mut self, out: &mut String, level: &str, request: &Request<'_>) {
        let Request { verb, uri, code, user, user_agent, object } = request;
        let _ = write!(
            out,
            r#"{{"level":"{level}","auditID":"{id}","stage":"ResponseComplete","requestURI":"{uri}","verb":"{verb}","user":{user},"sourceIPs":["10.0.{a}.{b}"],"userAgent":"{user_agent}",{object}"responseStatus":{{"metadata":{{}},"code":{code}}}"#,
            id = self.random.uuid(),
            a = self.random.below(4),
            b = self.random.below(200),
        );
    }

    fn close(&mut self, out: &mut String, received: &str, done: &str, user: &str) {
        let reason = if user.contains("serviceaccount") {
            let role = self.random.below(60);
            format!(
                r#"RBAC: allowed by RoleBinding \"binding-{role}/team-{team}\" of Role \"role-{role}\" to ServiceAccount \"app-{role}/team-{team}\""#,
                team = role % 30
            )
        } else {
            String::new()
        };
        let _ = write!(
            out,
            r#","requestReceivedTimestamp":"{received}","stageTimestamp":"{done}","annotations":{{"authorization.k8s.io/decision":"allow","authorization.k8s.io/reason":"{reason}"}}}}"#
        );
    }

    fn node(&mut self) -> (u64, String) {
        let node = self.random.below(200);
        let user = format!(
            r#"{{"username":"system:node:node-{node}","groups":["system:nodes","system:authenticated"],"extra":{{"authentication.kubernetes.io/credential-id":["X509SHA256={node:064x}"]}}}}"#
        );
        (node, user)
    }

    fn controller(&mut self) -> String {
        let name = ["kube-controller-manager", "kube-scheduler"][usize::from(self.random.below(3) == 0)];
        format!(r#"{{"username":"system:{name}","groups":["system:authenticated"]}}"#)
    }

    fn account(&mut self) -> (u64, String) {
        let app = self.random.below(300);
        let team = app % 30;
        let token = self.random.uuid();
        let user = format!(
            r#"{{"username":"system:serviceaccount:team-{team}:app-{app}","uid":"{app:08x}-0000-4000-8000-000000000000","groups":["system:serviceaccounts","system:serviceaccounts:team-{team}","system:authenticated"],"extra":{{"authentication.kubernetes.io/credential-id":["JTI={token}"],"authentication.kubernetes.io/node-name":["node-{node}"],"authentication.kubernetes.io/pod-name":["app-{app}-{pod:x}"],"authentication.kubernetes.io/pod-uid":["{app:08x}-1111-4000-8000-000000000000"]}}}}"#,
            node = app % 200,
            pod = app * 7919,
        );
        (app, user)
    }

    fn person(&mut self) -> String {
        let person = self.random.below(40);
        // Tokens of people last an hour.
        let token = self.micros.unsigned_abs() / 3_600_000_000 * 64 + person;
        format!(
            r#"{{"username":"idp:person-{person}","groups":["idp:team-{team}","system:authenticated"],"extra":{{"authentication.kubernetes.io/credential-id":["JTI={token:032x}"]}}}}"#,
            team = person % 10
        )
    }

    /// Nine of ten: what does not change anything that people decide.
    fn metadata_request(&mut self) -> Request<'static> {
        const KUBELET: &str = "kubelet/v1.37.2 (linux/amd64) kubernetes/1f2e3d4";
        const MANAGER: &str = "kube-controller-manager/v1.37.2 (linux/amd64) kubernetes/1f2e3d4/leader-election";
        const APPLICATION: &str = "app/v0.0.0 (linux/amd64) kubernetes/$Format";
        const KUBECTL: &str = "kubectl/v1.37.2 (linux/amd64) kubernetes/1f2e3d4";
        let version = self.version;
        match self.random.below(90) {
            0..=19 => {
                let (node, user) = self.node();
                Request {
                    verb: "update",
                    uri: format!(
                        "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/node-{node}?timeout=10s"
                    ),
                    code: 200,
                    user,
                    user_agent: KUBELET,
                    object: format!(
                        r#""objectRef":{{"resource":"leases","namespace":"kube-node-lease","name":"node-{node}","uid":"{node:08x}-2222-4000-8000-000000000000","apiGroup":"coordination.k8s.io","apiVersion":"v1","resourceVersion":"{version}"}},"#
                    ),
                }
            }
            20..=32 => Request {
                verb: ["get", "update"][usize::from(self.random.below(2) == 0)],
                uri: "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-controller-manager?timeout=5s"
                    .to_owned(),
                code: 200,
                user: self.controller(),
                user_agent: MANAGER,
                object: r#""objectRef":{"resource":"leases","namespace":"kube-system","name":"kube-controller-manager","apiGroup":"coordination.k8s.io","apiVersion":"v1"},"#.to_owned(),
            },
            33..=47 => {
                let (node, user) = self.node();
                let (resource, name) = [("configmaps", "settings"), ("configmaps", "kube-root-ca.crt"), ("secrets", "tls")]
                    [usize::try_from(self.random.below(3)).unwrap_or(0)];
                Request {
                    verb: "watch",
                    uri: format!("/api/v1/namespaces/team-{team}/{resource}?allowWatchBookmarks=true&fieldSelector=metadata.name%3D{name}&resourceVersion={version}&timeout=9m37s&timeoutSeconds=577&watch=true", team = node % 30),
                    code: 200,
                    user,
                    user_agent: KUBELET,
                    object: format!(r#""objectRef":{{"resource":"{resource}","namespace":"team-{team}","name":"{name}","apiVersion":"v1"}},"#, team = node % 30),
                }
            }
            48..=69 => {
                let (app, user) = self.account();
                Request {
                    verb: ["get", "list"][usize::from(self.random.below(2) == 0)],
                    uri: format!("/api/v1/namespaces/team-{team}/pods/app-{app}-{pod:x}", team = app % 30, pod = app * 7919),
                    code: 200,
                    user,
                    user_agent: APPLICATION,
                    object: format!(r#""objectRef":{{"resource":"pods","namespace":"team-{team}","name":"app-{app}-{pod:x}","apiVersion":"v1"}},"#, team = app % 30, pod = app * 7919),
                }
            }
            70..=76 => Request {
                verb: "get",
                uri: ["/livez", "/readyz", "/metrics"][usize::try_from(self.random.below(3)).unwrap_or(0)].to_owned(),
                code: 200,
                user: r#"{"username":"system:anonymous","groups":["system:unauthenticated"]}"#.to_owned(),
                user_agent: "kube-probe/1.37",
                object: String::new(),
            },
            77..=82 => {
                let (_, user) = self.account();
                let (group, resource) = [("authorization.k8s.io", "subjectaccessreviews"), ("authentication.k8s.io", "tokenreviews")]
                    [usize::from(self.random.below(4) == 0)];
                Request {
                    verb: "create",
                    uri: format!("/apis/{group}/v1/{resource}?timeout=30s"),
                    code: 201,
                    user,
                    user_agent: APPLICATION,
                    object: format!(r#""objectRef":{{"resource":"{resource}","apiGroup":"{group}","apiVersion":"v1"}},"#),
                }
            }
            _ => {
                let team = self.random.below(30);
                Request {
                    verb: ["get", "list"][usize::from(self.random.below(2) == 0)],
                    uri: format!("/apis/apps/v1/namespaces/team-{team}/deployments?limit=500"),
                    code: if self.random.below(20) == 0 { 403 } else { 200 },
                    user: self.person(),
                    user_agent: KUBECTL,
                    object: format!(r#""objectRef":{{"resource":"deployments","namespace":"team-{team}","apiGroup":"apps","apiVersion":"v1"}},"#),
                }
            }
        }
    }

    /// One of ten: writes with request and response.
    fn with_bodies(&mut self, out: &mut String, kind: u64, received: &str, done: &str) {
        let uid = self.random.uuid();
        let app = self.random.below(300);
        let (team, version) = (app % 30, self.version);
        if kind < 95 {
            let (node, user) = self.node();
            let number = app * 7919 + node;
            let request = Request {
                verb: "patch",
                uri: format!("/api/v1/namespaces/team-{team}/pods/app-{app}-{number:x}/status"),
                code: 200,
                user,
                user_agent: "kubelet/v1.37.2 (linux/amd64) kubernetes/1f2e3d4",
                object: format!(
                    r#""objectRef":{{"resource":"pods","namespace":"team-{team}","name":"app-{app}-{number:x}","apiVersion":"v1","subresource":"status"}},"#
                ),
            };
            self.open(out, "RequestResponse", &request);
            out.push_str(r#","requestObject":"#);
            bodies::status_patch(out, &uid, done);
            out.push_str(r#","responseObject":"#);
            bodies::pod(out, team, app, number, &uid, version, received);
            self.close(out, received, done, &request.user);
            return;
        }
        let person = kind == 99;
        let user = if person {
            self.person()
        } else {
            r#"{"username":"system:serviceaccount:gitops:reconciler","uid":"5e5e5e5e-0000-4000-8000-000000000000","groups":["system:serviceaccounts","system:serviceaccounts:gitops","system:authenticated"]}"#.to_owned()
        };
        let request = Request {
            verb: "update",
            uri: format!("/apis/apps/v1/namespaces/team-{team}/deployments/app-{app}?fieldManager=reconciler"),
            code: 200,
            user,
            user_agent: if person { "kubectl/v1.37.2 (linux/amd64) kubernetes/1f2e3d4" } else { "reconciler/v1.6" },
            object: format!(
                r#""objectRef":{{"resource":"deployments","namespace":"team-{team}","name":"app-{app}","uid":"{uid}","apiGroup":"apps","apiVersion":"v1","resourceVersion":"{version}"}},"#
            ),
        };
        self.open(out, "RequestResponse", &request);
        out.push_str(r#","requestObject":"#);
        bodies::deployment(out, team, app, &uid, version, received);
        out.push_str(r#","responseObject":"#);
        bodies::deployment(out, team, app, &uid, version + 1, received);
        self.close(out, received, done, &request.user);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_events_of_the_stated_size() {
        let mut traffic = AuditTraffic::new(1, 250);
        let body = traffic.event_list(20_000);
        assert_eq!(body, AuditTraffic::new(1, 250).event_list(20_000));
        let mean = body.len() / 20_000;
        assert!((1_100..1_400).contains(&mean), "{mean} bytes an event");
    }
}
