//! What is meant to be open, as the parameters of the controls state it.

use records::tables::network::NetworkPath;

use crate::material::ControlText;

/// Declared flows and ways in. `None`: the evaluation tells nothing of them, because it left out the control.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Declared {
    /// Parameter `declared_flows` of NW-03.
    pub flows: Option<Vec<String>>,
    /// Parameter `declared` of NW-05.
    pub entries: Option<Vec<String>>,
}

impl Declared {
    /// As the controls of an evaluation have it.
    #[must_use]
    pub fn of(controls: &[ControlText]) -> Self {
        let list = |control: &str, name: &str| -> Option<Vec<String>> {
            let text = controls.iter().find(|text| text.id.as_str() == control)?;
            let (_, value) = text.parameters.iter().find(|(parameter, _)| parameter == name)?;
            serde_json::from_str(value).ok()
        };
        Self { flows: list("NW-03", "declared_flows"), entries: list("NW-05", "declared") }
    }

    /// Whether a flow is declared: by the rules of NW-03.
    #[must_use]
    pub fn flow(&self, path: &NetworkPath<'_>) -> bool {
        let ports = format!(" {}/{}", path.protocol, path.first_port);
        let all = |namespace: &Option<std::borrow::Cow<'_, str>>| namespace.as_ref().map(|name| format!("{name}/*"));
        let froms = [Some(path.from_peer.to_string()), all(&path.from_namespace)];
        let tos = [Some(path.to_peer.to_string()), all(&path.to_namespace)];
        self.flows.iter().flatten().any(|declared| {
            froms.iter().flatten().any(|from| {
                tos.iter().flatten().any(|to| {
                    let rest = declared.strip_prefix(from.as_str()).and_then(|rest| rest.strip_prefix(" -> "));
                    match rest.and_then(|rest| rest.strip_prefix(to.as_str())) {
                        Some("") => true,
                        Some(rest) => path.first_port == path.last_port && rest == ports,
                        None => false,
                    }
                })
            })
        })
    }

    /// Whether the object that opens a way in is declared: by the rules of NW-05. `None` when the declarations are not known.
    #[must_use]
    pub fn entry(&self, object: &str) -> Option<bool> {
        let all = self.entries.as_ref()?;
        Some(all.iter().any(|declared| match declared.strip_suffix('*') {
            Some(beginning) => object.starts_with(beginning),
            None => object == declared,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use records::Timestamp;
    use records::table::Provenance;

    fn path(from: &'static str, to: &'static str, ports: (i64, i64)) -> NetworkPath<'static> {
        let namespace = |peer: &'static str| peer.split_once('/').map(|(namespace, _)| namespace.into());
        NetworkPath {
            provenance: Provenance {
                cluster: "c".into(),
                source: "c/watch/pods".into(),
                segment: 1,
                seq: 1,
                normaliser_version: 1,
            },
            path_id: "x".into(),
            valid_from: Timestamp::MIN,
            valid_to: None,
            from_peer: from.into(),
            from_namespace: namespace(from),
            to_peer: to.into(),
            to_namespace: namespace(to),
            protocol: "TCP".into(),
            first_port: ports.0,
            last_port: ports.1,
            state: "reachable".into(),
        }
    }

    #[test]
    fn a_flow_is_declared_by_workload_or_namespace_with_its_port_or_without() {
        let declared = |flow: &str| Declared { flows: Some(vec![flow.to_owned()]), entries: None };
        let one = path("web/a[Deployment]", "db/b[StatefulSet]", (5432, 5432));
        for flow in [
            "web/a[Deployment] -> db/b[StatefulSet]",
            "web/* -> db/b[StatefulSet]",
            "web/a[Deployment] -> db/*",
            "web/* -> db/* TCP/5432",
        ] {
            assert!(declared(flow).flow(&one), "{flow}");
        }
        for flow in ["web/* -> db/* TCP/80", "web/* -> db/* UDP/5432", "web -> db", "web/* -> db/* ", "db/* -> web/*"] {
            assert!(!declared(flow).flow(&one), "{flow}");
        }
        assert!(!declared("web/* -> db/* TCP/1").flow(&path("web/*", "db/*", (1, 65_535))));
        assert!(declared("web/* -> db/*").flow(&path("web/*", "db/*", (1, 65_535))));
        assert!(!Declared::default().flow(&one));
    }

    #[test]
    fn a_way_in_is_declared_by_name_or_beginning() {
        let declared = Declared { flows: None, entries: Some(vec!["Ingress:web/*".into(), "Service:a/b".into()]) };
        assert_eq!(declared.entry("Ingress:web/shop"), Some(true));
        assert_eq!(declared.entry("Service:a/bc"), Some(false));
        assert_eq!(Declared::default().entry("Service:a/b"), None);
    }
}
