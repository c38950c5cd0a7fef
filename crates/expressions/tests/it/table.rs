//! Expressions as policies have them, each with the value that it must give.

use expressions::{Dialect, Environment, Expression, Meter, PER_EXPRESSION, PatternCache, Shape, Value};
use serde_json::json;

fn pod() -> serde_json::Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": "web", "namespace": "shop",
            "labels": {"app": "web", "app.kubernetes.io/name": "web", "team": "a"},
            "annotations": {"owner": "sre@example.com", "cidr": "10.1.0.0/16"},
            "creationTimestamp": "2026-11-25T01:02:03Z"
        },
        "spec": {
            "replicas": 3, "weight": 1.5, "hostNetwork": false, "tolerations": [],
            "containers": [
                {"name": "a", "image": "registry.example.com/a:1.2.3", "ports": [{"containerPort": 80}, {"containerPort": 443}],
                 "resources": {"limits": {"cpu": "500m", "memory": "1Gi"}}, "securityContext": {"runAsNonRoot": true}},
                {"name": "b", "image": "docker.io/library/b@sha256:abc", "env": [{"name": "X", "value": "1"}]}
            ],
            "volumes": [{"name": "v", "emptyDir": {}}, {"name": "h", "hostPath": {"path": "/etc"}}]
        }
    })
}

pub(crate) fn evaluate(text: &str, dialect: Dialect) -> Result<Value, String> {
    let environment = Environment::new(dialect).root("object", Shape::Open).root("oldObject", Shape::Open);
    let expression = Expression::compile(text, &environment).map_err(|refusal| format!("refused: {refusal}"))?;
    let roots = [Value::from_json(&pod()).unwrap(), Value::Null];
    let patterns = PatternCache::default();
    expression
        .evaluate(&roots, &mut Meter::new(PER_EXPRESSION, &|| false, &patterns))
        .map_err(|failure| failure.to_string())
}

/// Each of these is true of the Pod above.
pub(crate) const TRUE: &[&str] = &[
    // Kubernetes' documentation of CEL and of ValidatingAdmissionPolicy.
    "object.spec.replicas <= 5",
    "object.metadata.name == 'web' && object.kind == 'Pod'",
    "object.spec.containers.all(c, c.image.contains('/'))",
    "object.spec.containers.exists(c, c.name == 'b')",
    "object.spec.containers.exists_one(c, has(c.resources))",
    "has(object.metadata.labels) && 'team' in object.metadata.labels",
    "object.metadata.labels['app.kubernetes.io/name'] == 'web'",
    "!has(object.spec.securityContext)",
    "oldObject == null || object.spec.replicas >= oldObject.spec.replicas",
    "!has(oldObject.spec)",
    "size(object.spec.containers) == 2 && object.spec.containers.size() == 2",
    "object.spec.containers.map(c, c.name) == ['a', 'b']",
    "object.spec.containers.filter(c, !has(c.resources)).map(c, c.name) == ['b']",
    "object.spec.containers.map(c, has(c.env), c.name) == ['b']",
    "object.metadata.namespace == 'shop'",
    "type(object.spec.replicas) == int && type(object.spec.weight) == double",
    "object.spec.replicas + 1 == 4 && object.spec.replicas * 2 == 6 && object.spec.replicas % 2 == 1",
    "object.spec.weight * 2.0 == 3.0",
    "object.spec.replicas == 3.0 && 1 == 1u && object.spec.replicas < 3.5",
    "string(object.spec.replicas) == '3' && int('42') == 42 && double('1.5') == 1.5",
    "object.spec.tolerations == [] && {} == {}",
    "object.metadata.annotations.owner.matches('^[a-z]+@example[.]com$')",
    "object.metadata.annotations.owner.split('@')[1] == 'example.com'",
    "object.spec.containers[0].ports.exists(p, p.containerPort == 443)",
    "object.spec.containers.all(c, !has(c.ports) || c.ports.all(p, p.containerPort < 1024))",
    "timestamp(object.metadata.creationTimestamp) < timestamp('2027-01-01T00:00:00Z')",
    "timestamp(object.metadata.creationTimestamp).getFullYear() == 2026",
    "timestamp(object.metadata.creationTimestamp).getHours('Europe/Berlin') == 2",
    "timestamp(object.metadata.creationTimestamp) + duration('1h') == timestamp('2026-11-25T02:02:03Z')",
    "duration('1h30m').getMinutes() == 90",
    "object.spec.hostNetwork == false ? true : false",
    "dyn(1) == 1 && [1, 2] + [3] == [1, 2, 3] && 2 in [1, 2]",
    "b'abc' == bytes('abc')",
    // Optionals.
    "object.?spec.?hostPID.orValue(false) == false",
    "object.spec.containers.all(c, c.?securityContext.?runAsNonRoot.orValue(true))",
    "object.metadata.labels[?'nothing'].orValue('none') == 'none'",
    "object.?metadata.?labels.?team == optional.of('a')",
    "object.spec.?volumes.hasValue() && !object.spec.?missing.hasValue()",
    "object.spec.?replicas.optMap(r, r * 2).orValue(0) == 6",
    "object.?spec.optFlatMap(s, s.?replicas).value() == 3",
    "object.spec.containers[?5].hasValue() == false",
    "[1, ?object.spec.?missing, 2] == [1, 2] && {?'a': object.spec.?missing} == {}",
    "object.spec.?missing.or(optional.of(7)).value() == 7",
    "optional.none().orValue('x') == 'x' && optional.ofNonZeroValue('') == optional.none()",
    // Failures that && and || absorb.
    "object.spec.missing == 1 || true",
    "!(object.spec.missing == 1 && false)",
    "object.spec.containers.exists(c, c.env[0].name == 'X')",
    "!object.spec.containers.all(c, c.resources.limits.cpu == '1' || c.name == 'b')",
    // Strings.
    "'Web-1'.lowerAscii() == 'web-1' && 'a'.upperAscii() == 'A' && ' x '.trim() == 'x'",
    "'a.b.c'.replace('.', '-') == 'a-b-c' && 'a.b.c'.replace('.', '-', 1) == 'a-b.c'",
    "'hello'.charAt(1) == 'e' && 'hello'.indexOf('l') == 2 && 'hello'.lastIndexOf('l') == 3",
    "'hello'.substring(1, 3) == 'el' && 'hello'.substring(3) == 'lo'",
    "['a', 'b'].join(',') == 'a,b' && 'a,b'.split(',', 1) == ['a,b']",
    "'%s has %d of %.2f'.format(['web', 3, 1.5]) == 'web has 3 of 1.50'",
    "strings.quote('a\"b') == '\"a\\\\\"b\"'",
    "'caf\u{e9}'.size() == 4 && 'caf\u{e9}'.startsWith('caf') && 'web'.endsWith('b')",
    // Kubernetes' lists, sets, regular expressions.
    "[1, 2, 2].isSorted() && [3, 1].sum() == 4 && [3, 1].min() == 1 && [3, 1].max() == 3",
    "['a', 'b', 'a'].indexOf('a') == 0 && ['a', 'b', 'a'].lastIndexOf('a') == 2 && ['a'].indexOf('z') == -1",
    "sets.contains([1, 2, 3], [2]) && sets.intersects([1], [1, 2]) && sets.equivalent([1, 1], [1])",
    "'abc 123 x9'.find('[0-9]+') == '123' && 'abc'.find('[0-9]+') == ''",
    "'1a22b333'.findAll('[0-9]+') == ['1', '22', '333'] && '1a22b333'.findAll('[0-9]+', 1) == ['1']",
    "[3, 1, 2].sort() == [1, 2, 3] && [1, 2, 3].reverse() == [3, 2, 1] && [1, 1].distinct() == [1]",
    "[[1], [2, 3]].flatten() == [1, 2, 3] && [1, 2, 3].slice(1, 2) == [2] && lists.range(3) == [0, 1, 2]",
    "object.spec.containers.sortBy(c, c.image)[0].name == 'b'",
    "[1].first() == optional.of(1) && [].last() == optional.none()",
    // Quantities.
    "quantity(object.spec.containers[0].resources.limits.cpu).isLessThan(quantity('1'))",
    "quantity('1Gi').compareTo(quantity('1024Mi')) == 0 && quantity('1Gi') == quantity('1024Mi')",
    "quantity('100m').add(quantity('400m')) == quantity('500m') && quantity('2').sub(1) == quantity('1')",
    "isQuantity('1.3M') && !isQuantity('200K') && quantity('50k').asInteger() == 50000",
    "quantity('50k').isInteger() && !quantity('1.5').isInteger() && quantity('-1').sign() == -1",
    "quantity('1500m').asApproximateFloat() == 1.5",
    // Networks and URLs.
    "cidr(object.metadata.annotations.cidr).containsIP('10.1.2.3')",
    "cidr('192.168.0.0/16').containsCIDR('192.168.10.0/24') && !cidr('10.0.0.0/8').containsCIDR('0.0.0.0/0')",
    "cidr('192.168.1.7/24').masked() == cidr('192.168.1.0/24') && cidr('::1/128').prefixLength() == 128",
    "ip('127.0.0.1').isLoopback() && ip('::1').family() == 6 && ip('224.0.0.1').isLinkLocalMulticast()",
    "isIP('10.0.0.1') && !isIP('10.0.0.256') && !isIP('01.2.3.4') && ip.isCanonical('::1')",
    "!isCIDR('10.0.0.0') && isCIDR('10.0.0.0/8') && string(ip('10.0.0.1')) == '10.0.0.1'",
    "url('https://u:p@example.com:8080/a b?k=1&k=2').getHost() == 'example.com:8080'",
    "url('https://example.com:8080/a b').getEscapedPath() == '/a%20b' && url('https://[::1]:80/').getHostname() == '::1'",
    "url('https://example.com/?k=1&k=2').getQuery() == {'k': ['1', '2']} && url('/p').getScheme() == ''",
    "isURL('/absolute') && !isURL('../relative') && !isURL('https://a:b:c/')",
    // Formats and versions.
    "!format.dns1123Label().validate('web-1').hasValue() && format.dns1123Label().validate('Web').hasValue()",
    "format.named('qualifiedName').value().validate('example.com/a').hasValue() == false",
    "!format.uuid().validate('123e4567-e89b-12d3-a456-426614174000').hasValue() && format.date().validate('2026-13-01').hasValue()",
    "semver('1.2.3').isLessThan(semver('1.10.0')) && semver('1.0.0-rc.1').isLessThan(semver('1.0.0'))",
    "semver('v1.2', true).minor() == 2 && !isSemver('v1.2') && isSemver('1.2.3-a+b')",
    // Two variables.
    "object.metadata.labels.all(k, v, k.size() > 0 && v.size() > 0)",
    "object.metadata.labels.exists(k, v, k == 'team' && v == 'a')",
    "['a', 'b'].exists(i, v, i == 1 && v == 'b') && ['a', 'b'].all(i, v, i < 2)",
    "['a', 'b'].transformList(i, v, string(i) + v) == ['0a', '1b']",
    "object.metadata.labels.transformMap(k, v, k == 'team', v + v) == {'team': 'aa'}",
    "['x', 'y'].transformMapEntry(i, v, {v: i}) == {'x': 0, 'y': 1}",
    // Gatekeeper's and Kyverno's shapes.
    "object.spec.containers.filter(c, !c.image.startsWith('registry.example.com/')).map(c, c.image).size() == 1",
    "!object.spec.?volumes.orValue([]).all(v, !has(v.hostPath))",
    "(has(object.spec.initContainers) ? object.spec.initContainers : []) + object.spec.containers != []",
    "['a', 'web'].exists(n, object.metadata.name.startsWith(n))",
    "object.metadata.labels.all(k, k.matches('^[a-z./]+$'))",
    "object.spec.containers.map(c, c.image.split('@').size() > 1 ? 'digest' : 'tag') == ['tag', 'digest']",
    "'securityContext' in object.spec.containers[0]",
    "object.spec.containers.map(c, c.?resources.?limits.?memory.orValue('0')).map(m, quantity(m).asInteger()).sum() == 1073741824",
    "r'\\d' == '\\\\d' && '''a\nb''' == 'a\\nb' && '\\u00e9' == '\u{e9}'",
];

#[test]
fn expressions_of_policies_give_what_they_must() {
    for dialect in [Dialect::Kubernetes, Dialect::Kyverno] {
        for text in TRUE {
            assert_eq!(evaluate(text, dialect), Ok(Value::Bool(true)), "{text}");
        }
    }
}

#[test]
fn what_is_wrong_with_values_is_an_error_and_no_answer() {
    let cases = [
        "object.spec.missing",
        "object.spec.replicas + 'a'",
        "object.spec.replicas + 1.0",
        "object.spec.replicas / 0",
        "9223372036854775807 + object.spec.replicas",
        "object.spec.containers[2]",
        "object.metadata.labels['nothing']",
        "quantity(object.metadata.name)",
        "oldObject.spec.replicas > 1",
        "object.spec.containers.all(c, c.env.size() > 0)",
        "object.metadata.name.orValue('x')",
        "object.metadata.name && true",
        "duration(object.metadata.name)",
        "object.spec.replicas.matches('3')",
        "object.metadata.name.matches(object.metadata.name + '(')",
    ];
    let found: Vec<String> = cases
        .iter()
        .map(|text| match evaluate(text, Dialect::Kubernetes) {
            Err(message) => format!("{text}\n    {message}"),
            Ok(value) => panic!("{text} gave {value:?}"),
        })
        .collect();
    insta::assert_snapshot!("errors", found.join("\n"));
}

#[test]
fn kyverno_has_more_functions_than_the_api_server() {
    for text in [
        "cel.bind(n, object.metadata.name, n + n == 'webweb')",
        "object.metadata.name.orValue('x') == 'web'",
        "math.greatest(1, 2) == 2",
        "base64.decode('YQ==') == b'a'",
    ] {
        assert_eq!(evaluate(text, Dialect::Kyverno), Ok(Value::Bool(true)), "{text}");
        assert!(evaluate(text, Dialect::Kubernetes).is_err(), "{text}");
    }
}
