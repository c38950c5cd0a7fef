//! A list of people as CSV.

use super::{Listed, People};
use crate::handed_in::{Sheet, from, quoted, until};

/// Reads a file with a header.
pub(super) fn read(content: &str) -> Result<People, String> {
    let sheet = Sheet::new(content)?;
    let user = sheet.needed("user")?;
    let (person, status) = (sheet.column("person"), sheet.column("status"));
    let (joined, left) = (sheet.column("joined_at"), sheet.column("left_at"));
    Ok(sheet.read(|line| {
        let user_name = line.cell(user);
        let person = line.cell(person).or(user_name).ok_or("it names nobody")?;
        Ok(Listed {
            person: person.to_owned(),
            user_name: user_name.map(str::to_owned),
            active: line.cell(status).map(active).transpose()?,
            joined_at: line.cell(joined).map(from).transpose()?,
            left_at: line.cell(left).map(until).transpose()?,
        })
    }))
}

fn active(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "active" => Ok(true),
        "left" => Ok(false),
        _ => Err(format!("{} is no status: active or left", quoted(text))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_people_and_what_cannot_be_read_is_told_with_its_line() {
        let content = "person;User;STATUS;left_at;joined_at;salary\n\
            7;ann;active;;2020-01-01;1\n\
            8;bob;left;2026-03-01;;2\n\
            9;cleo;;2026-03-01T17:00:00+01:00;;3\n\
            10;dan;retired;;;4\n\
            ;;active;;;5\n\
            11;eve;active;soon;;6\n\
            12;;left\n";
        let read = read(content).unwrap();
        insta::assert_debug_snapshot!(read);
    }

    #[test]
    fn without_users_it_is_no_list() {
        assert_eq!(read("name,status\nann,left\n").unwrap_err(), "the header has no column user");
        assert_eq!(read("").unwrap_err(), "the header has no column user");
    }
}
