//! A list of people as CSV.

use ::csv::{ReaderBuilder, StringRecord};
use records::Timestamp;

use super::{Listed, People};

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// Reads a file with a header.
pub(super) fn read(content: &str) -> Result<People, String> {
    let content = content.strip_prefix('\u{feff}').unwrap_or(content);
    let header = content.lines().next().unwrap_or_default();
    let most = [b',', b';', b'\t']
        .into_iter()
        .max_by_key(|separator| (header.bytes().filter(|byte| byte == separator).count(), *separator == b','));
    let mut reader =
        ReaderBuilder::new().delimiter(most.unwrap_or(b',')).flexible(true).from_reader(content.as_bytes());
    let header = reader.headers().map_err(|error| format!("the header cannot be read: {error}"))?.clone();
    let column = |name: &str| header.iter().position(|column| column.trim().eq_ignore_ascii_case(name));
    let user = column("user").ok_or("the header has no column user")?;
    let (person, status) = (column("person"), column("status"));
    let (joined, left) = (column("joined_at"), column("left_at"));
    let mut people = People::default();
    let mut record = StringRecord::new();
    loop {
        match reader.read_record(&mut record) {
            Ok(false) => return Ok(people),
            Ok(true) => {}
            Err(error) => {
                people.faults.push(format!("a line cannot be read: {error}"));
                return Ok(people);
            }
        }
        let line = record.position().map_or(0, ::csv::Position::line);
        let cell =
            |column: Option<usize>| column.and_then(|c| record.get(c)).map(str::trim).filter(|text| !text.is_empty());
        let read = || -> Result<Listed, String> {
            let user_name = cell(Some(user));
            let person = cell(person).or(user_name).ok_or("it names nobody")?;
            Ok(Listed {
                person: person.to_owned(),
                user_name: user_name.map(str::to_owned),
                active: cell(status).map(active).transpose()?,
                joined_at: cell(joined).map(|text| time(text, 0)).transpose()?,
                left_at: cell(left).map(|text| time(text, DAY)).transpose()?,
            })
        };
        match read() {
            Ok(listed) => people.people.push(listed),
            Err(why) => people.faults.push(format!("line {line}: {why}")),
        }
    }
}

fn active(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "active" => Ok(true),
        "left" => Ok(false),
        _ => Err(format!("{:?} is no status: active or left", text.chars().take(64).collect::<String>())),
    }
}

/// A time, or a date: then the beginning of the day and so many microseconds more.
fn time(text: &str, of_date: i64) -> Result<Timestamp, String> {
    let wrong = || format!("{:?} is neither a time (RFC 3339) nor a date", text.chars().take(64).collect::<String>());
    if text.len() == 10 {
        let day: Timestamp = format!("{text}T00:00:00Z").parse().map_err(|_| wrong())?;
        return Ok(day.plus_micros(of_date));
    }
    text.parse().map_err(|_| wrong())
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
