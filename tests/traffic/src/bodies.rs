//! Bodies of objects as an API server writes them, `managedFields` included.

use std::fmt::Write as _;

/// A pod of a web application with a sidecar, about 3 KB.
pub(crate) fn pod(out: &mut String, namespace: u64, app: u64, number: u64, uid: &str, version: u64, time: &str) {
    let _ = write!(
        out,
        r#"{{"kind":"Pod","apiVersion":"v1","metadata":{{"name":"app-{app}-{number:x}","generateName":"app-{app}-","namespace":"team-{namespace}","uid":"{uid}","resourceVersion":"{version}","creationTimestamp":"{time}","labels":{{"app.kubernetes.io/name":"app-{app}","app.kubernetes.io/part-of":"shop","pod-template-hash":"{number:x}"}},"annotations":{{"prometheus.io/scrape":"true","prometheus.io/port":"9090"}},"ownerReferences":[{{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"app-{app}","uid":"{uid}","controller":true,"blockOwnerDeletion":true}}],"managedFields":[{{"manager":"kube-controller-manager","operation":"Update","apiVersion":"v1","time":"{time}","fieldsType":"FieldsV1","fieldsV1":{{"f:metadata":{{"f:annotations":{{".":{{}},"f:prometheus.io/port":{{}},"f:prometheus.io/scrape":{{}}}},"f:generateName":{{}},"f:labels":{{".":{{}},"f:app.kubernetes.io/name":{{}},"f:app.kubernetes.io/part-of":{{}},"f:pod-template-hash":{{}}}},"f:ownerReferences":{{".":{{}},"k:{{\"uid\":\"{uid}\"}}":{{}}}}}},"f:spec":{{"f:containers":{{"k:{{\"name\":\"app\"}}":{{".":{{}},"f:env":{{".":{{}},"k:{{\"name\":\"LOG_LEVEL\"}}":{{".":{{}},"f:name":{{}},"f:value":{{}}}}}},"f:image":{{}},"f:imagePullPolicy":{{}},"f:name":{{}},"f:ports":{{".":{{}},"k:{{\"containerPort\":8080,\"protocol\":\"TCP\"}}":{{".":{{}},"f:containerPort":{{}},"f:protocol":{{}}}}}},"f:resources":{{".":{{}},"f:limits":{{".":{{}},"f:memory":{{}}}},"f:requests":{{".":{{}},"f:cpu":{{}},"f:memory":{{}}}}}}}}}},"f:dnsPolicy":{{}},"f:restartPolicy":{{}},"f:serviceAccountName":{{}}}}}}}}]}},"spec":{{"volumes":[{{"name":"kube-api-access-{number:x}","projected":{{"sources":[{{"serviceAccountToken":{{"expirationSeconds":3607,"path":"token"}}}},{{"configMap":{{"name":"kube-root-ca.crt","items":[{{"key":"ca.crt","path":"ca.crt"}}]}}}}],"defaultMode":420}}}}],"containers":[{{"name":"app","image":"registry.example.test/shop/app-{app}@sha256:{number:064x}","ports":[{{"containerPort":8080,"protocol":"TCP"}}],"env":[{{"name":"LOG_LEVEL","value":"info"}}],"resources":{{"limits":{{"memory":"256Mi"}},"requests":{{"cpu":"100m","memory":"128Mi"}}}},"terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File","imagePullPolicy":"IfNotPresent","securityContext":{{"allowPrivilegeEscalation":false,"runAsNonRoot":true,"capabilities":{{"drop":["ALL"]}}}}}}],"restartPolicy":"Always","terminationGracePeriodSeconds":30,"dnsPolicy":"ClusterFirst","serviceAccountName":"app-{app}","nodeName":"node-{node}","schedulerName":"default-scheduler"}},"status":{{"phase":"Running","conditions":[{{"type":"Ready","status":"True","lastProbeTime":null,"lastTransitionTime":"{time}"}}],"hostIP":"10.0.0.{node}","podIP":"10.244.{node}.{app}","startTime":"{time}","qosClass":"Burstable"}}}}"#,
        node = number % 200,
    );
}

/// The patch of a pod's status that a kubelet sends.
pub(crate) fn status_patch(out: &mut String, uid: &str, time: &str) {
    let _ = write!(
        out,
        r#"{{"metadata":{{"uid":"{uid}"}},"status":{{"$setElementOrder/conditions":[{{"type":"PodReadyToStartContainers"}},{{"type":"Initialized"}},{{"type":"Ready"}},{{"type":"ContainersReady"}},{{"type":"PodScheduled"}}],"conditions":[{{"lastTransitionTime":"{time}","message":null,"reason":null,"status":"True","type":"Ready"}}]}}}}"#
    );
}

/// A deployment, about 1 KB.
pub(crate) fn deployment(out: &mut String, namespace: u64, app: u64, uid: &str, version: u64, time: &str) {
    let _ = write!(
        out,
        r#"{{"kind":"Deployment","apiVersion":"apps/v1","metadata":{{"name":"app-{app}","namespace":"team-{namespace}","uid":"{uid}","resourceVersion":"{version}","generation":{generation},"creationTimestamp":"{time}","labels":{{"app.kubernetes.io/name":"app-{app}"}},"annotations":{{"deployment.kubernetes.io/revision":"{generation}"}}}},"spec":{{"replicas":3,"selector":{{"matchLabels":{{"app.kubernetes.io/name":"app-{app}"}}}},"template":{{"metadata":{{"labels":{{"app.kubernetes.io/name":"app-{app}"}}}},"spec":{{"containers":[{{"name":"app","image":"registry.example.test/shop/app-{app}:1.{generation}","ports":[{{"containerPort":8080,"protocol":"TCP"}}],"resources":{{"limits":{{"memory":"256Mi"}}}}}}],"serviceAccountName":"app-{app}"}}}},"strategy":{{"type":"RollingUpdate","rollingUpdate":{{"maxUnavailable":"25%","maxSurge":"25%"}}}}}},"status":{{"observedGeneration":{generation},"replicas":3,"readyReplicas":3}}}}"#,
        generation = version % 90,
    );
}

/// A role binding of one person or service account.
pub(crate) fn role_binding(out: &mut String, namespace: u64, number: u64, uid: &str, version: u64, time: &str) {
    let _ = write!(
        out,
        r#"{{"kind":"RoleBinding","apiVersion":"rbac.authorization.k8s.io/v1","metadata":{{"name":"binding-{number}","namespace":"team-{namespace}","uid":"{uid}","resourceVersion":"{version}","creationTimestamp":"{time}"}},"subjects":[{{"kind":"User","apiGroup":"rbac.authorization.k8s.io","name":"idp:person-{person}"}},{{"kind":"ServiceAccount","name":"app-{number}","namespace":"team-{namespace}"}}],"roleRef":{{"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"role-{role}"}}}}"#,
        person = version % 40,
        role = number % 20,
    );
}

/// A role with some rules.
pub(crate) fn role(out: &mut String, namespace: u64, number: u64, uid: &str, version: u64, time: &str) {
    let _ = write!(
        out,
        r#"{{"kind":"Role","apiVersion":"rbac.authorization.k8s.io/v1","metadata":{{"name":"role-{number}","namespace":"team-{namespace}","uid":"{uid}","resourceVersion":"{version}","creationTimestamp":"{time}"}},"rules":[{{"verbs":["get","list","watch"],"apiGroups":[""],"resources":["pods","pods/log","configmaps","services"]}},{{"verbs":["get","list","watch","update","patch"],"apiGroups":["apps"],"resources":["deployments"{more}]}}]}}"#,
        more = if version.is_multiple_of(2) { ",\"statefulsets\"" } else { "" },
    );
}
