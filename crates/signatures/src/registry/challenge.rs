//! `WWW-Authenticate`, as registries send it.
//!
//! Rules: RFC 9110, section 11.6.1; the token specification of the Distribution project.

/// What a registry asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// A name and a password, with each request.
    Basic,
    /// A token from a service.
    Bearer {
        /// Where the service is.
        realm: String,
        /// What the service calls the registry.
        service: Option<String>,
    },
}

impl Challenge {
    /// The challenge of a header's value; Bearer before Basic when there are both. `None` when there is neither.
    pub(crate) fn parse(value: &str) -> Option<Self> {
        let mut basic = None;
        let mut rest = value;
        while let Some((scheme, parameters, after)) = scheme(rest) {
            if scheme.eq_ignore_ascii_case("bearer") {
                let of = |name: &str| {
                    parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone())
                };
                if let Some(realm) = of("realm") {
                    return Some(Self::Bearer { realm, service: of("service") });
                }
            } else if scheme.eq_ignore_ascii_case("basic") {
                basic = Some(Self::Basic);
            }
            rest = after;
        }
        basic
    }
}

type Parameters = Vec<(String, String)>;

/// The first scheme with its parameters, and what comes after it.
fn scheme(text: &str) -> Option<(&str, Parameters, &str)> {
    let text = text.trim_start_matches([' ', '\t', ',']);
    let (name, mut rest) = token(text)?;
    let mut parameters = Vec::new();
    loop {
        let before = rest;
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let Some((key, after)) = token(rest) else { return Some((name, parameters, rest)) };
        // A name without `=` is the next scheme.
        let Some(value) = after.trim_start_matches([' ', '\t']).strip_prefix('=') else {
            return Some((name, parameters, before));
        };
        let (value, after) = value_of(value.trim_start_matches([' ', '\t']))?;
        parameters.push((key.to_owned(), value));
        rest = after;
    }
}

fn token(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c))).unwrap_or(text.len());
    let (token, rest) = text.split_at_checked(end)?;
    (!token.is_empty()).then_some((token, rest))
}

fn value_of(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, rest) = token(text)?;
        return Some((value.to_owned(), rest));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return Some((value, quoted.split_at_checked(at + 1)?.1)),
            '\\' => value.push(characters.next()?.1),
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_registries_send_is_read() {
        let bearer = |realm: &str, service: Option<&str>| {
            Some(Challenge::Bearer { realm: realm.to_owned(), service: service.map(str::to_owned) })
        };
        for (value, challenge) in [
            (
                r#"Bearer realm="https://auth.example/token",service="registry.example",scope="repository:a:pull""#,
                bearer("https://auth.example/token", Some("registry.example")),
            ),
            (r#"bearer Realm = "https://a/t" , error="invalid_token""#, bearer("https://a/t", None)),
            (r#"Basic realm="x", Bearer realm="https://a/t""#, bearer("https://a/t", None)),
            (r#"Bearer realm="https://a/t", Basic realm="x""#, bearer("https://a/t", None)),
            (r#"Bearer realm="https://a/\"t""#, bearer("https://a/\"t", None)),
            (r#"Basic realm="Registry""#, Some(Challenge::Basic)),
            ("Basic", Some(Challenge::Basic)),
            ("Negotiate, Basic realm=x", Some(Challenge::Basic)),
            (r#"Bearer service="x""#, None),
            ("Negotiate", None),
            (r#"Bearer realm="unclosed"#, None),
            ("", None),
        ] {
            assert_eq!(Challenge::parse(value), challenge, "{value}");
        }
    }

    proptest! {
        #[test]
        fn any_text_ends(value in "[ -~é]{0,80}") {
            let _ = Challenge::parse(&value);
        }

        #[test]
        fn any_text_of_the_grammars_letters_ends(value in "(Bearer|Basic|realm|=|\"|,| |\\\\|x){0,20}") {
            let _ = Challenge::parse(&value);
        }
    }
}
