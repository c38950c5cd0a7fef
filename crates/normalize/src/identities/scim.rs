//! A list of people as an answer of a SCIM 2.0 service.

use records::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::{Listed, People};

/// The schema of users.
const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct User {
    id: String,
    user_name: Option<String>,
    active: Option<bool>,
    #[serde(default)]
    meta: Meta,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Meta {
    created: Option<Timestamp>,
    last_modified: Option<Timestamp>,
}

/// Reads a `ListResponse`, or one user.
pub(super) fn read(content: &str) -> Result<People, String> {
    let answer: Value = serde_json::from_str(content).map_err(|error| format!("the answer is no JSON: {error}"))?;
    let is = |value: &Value, schema: &str| {
        value.get("schemas").and_then(Value::as_array).is_some_and(|schemas| schemas.iter().any(|s| s == schema))
    };
    let resources = if is(&answer, USER) {
        std::slice::from_ref(&answer)
    } else if is(&answer, "urn:ietf:params:scim:api:messages:2.0:ListResponse") {
        // A service may leave the list out when nothing was found.
        answer
            .get("Resources")
            .map_or(Ok(&[][..]), |list| list.as_array().map(Vec::as_slice).ok_or("Resources is no list"))?
    } else {
        return Err("the answer is neither a ListResponse nor a user of SCIM 2.0".to_owned());
    };
    let mut people = People::default();
    for (number, resource) in resources.iter().enumerate() {
        match User::deserialize(resource) {
            Ok(user) => people.items.push(Listed {
                person: user.id,
                user_name: user.user_name,
                active: user.active,
                joined_at: user.meta.created,
                left_at: user.meta.last_modified.filter(|_| user.active == Some(false)),
            }),
            Err(error) => people.faults.push(format!("Resources[{number}]: {error}")),
        }
    }
    Ok(people)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_of_a_list_are_people() {
        let content = r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":3,"Resources":[
            {"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"1","userName":"ann","active":true,"meta":{"created":"2020-01-01T00:00:00Z","lastModified":"2026-01-01T00:00:00Z"}},
            {"id":"2","userName":"bob","active":false,"meta":{"lastModified":"2026-03-01T09:00:00Z"}},
            {"userName":"nobody"}]}"#;
        insta::assert_debug_snapshot!(read(content).unwrap());
    }

    #[test]
    fn other_answers_are_refused() {
        for content in ["[]", "{", r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"]}"#] {
            assert!(read(content).is_err(), "{content}");
        }
        let list =
            |rest: &str| format!(r#"{{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"]{rest}}}"#);
        assert_eq!(read(&list("")).unwrap(), People::default());
        assert!(read(&list(r#","Resources":{}"#)).is_err());
    }
}
