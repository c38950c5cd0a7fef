//! What a credential shows of a second factor, and what is known of rights at all.

use reports::access::second_factor::{self, SecondFactor};
use reports::access::{AccessQuestion, knowledge};

use crate::sample;

/// The sample with a control AC-07 whose parameter names these claims.
fn with_claims(claims: &str) -> reports::Material {
    let mut material = sample::material();
    let mut control = material.controls[0].clone();
    control.id = "AC-07".parse().unwrap();
    control.parameters = vec![("multi_factor_claims".to_owned(), claims.to_owned())];
    material.controls.push(control);
    material
}

fn told(claims: &str) -> Vec<SecondFactor> {
    let claims = second_factor::claims(&with_claims(claims));
    let rows = sample::rights::credentials().rows;
    rows.iter().map(|row| second_factor::of(&row.used, claims.as_deref())).collect()
}

#[test]
fn a_claim_proves_a_second_factor_and_its_absence_does_not() {
    use SecondFactor::{No, Yes};
    let certificate = No("a client certificate needs none");
    let lent = No("a token of a service account needs none");
    assert_eq!(
        told(r#"["idp.example.test/amr=mfa"]"#),
        [Yes, No("no claim says so"), certificate, No("it has no claims"), lent]
    );
    assert_eq!(told(r#"["idp.example.test/amr=otp","idp.example.test/amr=mfa"]"#)[0], Yes);
    assert_eq!(told(r#"["idp.example.test/amr=m"]"#)[0], No("no claim says so"));
    assert_eq!(told(r#"["amr=mfa"]"#)[0], No("no claim says so"));
}

#[test]
fn without_a_claim_to_look_for_nothing_is_told_of_tokens() {
    for claims in ["[]", "not json", "[\"without a value\"]", "[\"=mfa\"]"] {
        let told = told(claims);
        assert!(matches!(told[0], SecondFactor::Unknown(_)) && matches!(told[2], SecondFactor::No(_)), "{claims}");
    }
    assert_eq!(second_factor::claims(&sample::material()), None);
}

#[test]
fn rights_are_known_while_all_four_kinds_were_watched() {
    let material = sample::material();
    let bindings = "prod/watch/clusterrolebindings.rbac.authorization.k8s.io";
    let at = |text: &str| knowledge::at(&material, "", sample::at(text));
    assert!(at("2026-09-12T02:11:39Z").is_nothing());
    assert_eq!(at("2026-09-12T02:11:40Z").sources, [bindings]);
    assert!(at("2026-09-12T09:40:05Z").is_nothing());
    assert_eq!(at("2026-07-01T00:00:00Z").sources.len(), 4);
    let window = AccessQuestion::default();
    let all = knowledge::between(&material, "prod", window.earlier(material.window), window.later(material.window));
    assert_eq!((all.sources.as_slice(), all.micros), ([bindings.to_owned()].as_slice(), 27_095_000_000));
    assert!(knowledge::at(&material, "elsewhere", material.window.from).nothing_watched);
}
