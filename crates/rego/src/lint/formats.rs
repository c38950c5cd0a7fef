//! `sprintf`. OPA, whose formats are Go's, writes `%!v(MISSING)` for an argument that is not there and `%!d(string=a)` for one of another
//! type. regorus fails on the one and writes nothing for the other.

use crate::refusal::Objection;
use crate::syntax::{Node, Term};

/// Verbs that both write alike: `%v` for every value, the others for values of the type that they are for.
const VERBS: &str = "vsd";

pub(super) fn check(term: &Term, objections: &mut Vec<Objection>) {
    let Node::Call { name, arguments, .. } = &term.node else { return };
    let [format, values] = arguments.as_slice() else { return };
    if name != "sprintf" {
        return;
    }
    let (Node::Text(text), Node::List(values)) = (&format.node, &values.node) else {
        let message = "sprintf whose format and list of values are not both written out: whether they fit is not known";
        objections.push(Objection::new(term.place, message));
        return;
    };
    match verbs(text) {
        Ok(wanted) if wanted == values.len() => {}
        Ok(wanted) => {
            let message = format!("sprintf has {wanted} verbs and {} values", values.len());
            objections.push(Objection::new(term.place, message));
        }
        Err(message) => objections.push(Objection::new(format.place, message)),
    }
}

fn verbs(format: &str) -> Result<usize, String> {
    let mut count = 0;
    let mut characters = format.chars();
    while let Some(character) = characters.next() {
        if character != '%' {
            continue;
        }
        match characters.next() {
            Some('%') => {}
            Some(verb) if VERBS.contains(verb) => count += 1,
            Some(other) => {
                return Err(format!("sprintf with `%{other}`: only %v, %s, %d and %% are written as OPA writes them"));
            }
            None => return Err("sprintf with a `%` at the end of the format".to_owned()),
        }
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_are_counted() {
        assert_eq!(verbs("<%v> 100%% of %d, %s"), Ok(3));
        assert_eq!(verbs("none"), Ok(0));
        assert!(verbs("%5d").is_err());
        assert!(verbs("%").is_err());
    }
}
