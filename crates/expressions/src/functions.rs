//! Functions: cel-spec's standard ones, cel-go's extensions, and Kubernetes' libraries.

mod conversions;
mod encoders;
pub(crate) mod lists;
mod math;
pub(crate) mod named_format;
mod network;
mod optional;
pub(crate) mod pattern;
pub(crate) mod quantity;
pub(crate) mod semantic_version;
mod sets;
mod standard;
mod string_format;
mod strings;
pub(crate) mod time;
pub(crate) mod url;

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::failure::Failure;
use crate::meter::Meter;
use crate::value::Value;

/// Who has a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Availability {
    /// Kubernetes' API server, and all others.
    Kubernetes,
    /// Kyverno and not the API server.
    Kyverno,
}

/// What runs a function. The receiver of a function of a value is the first argument.
pub(crate) type Run = fn(&[Value], &mut Meter<'_>) -> Result<Value, Failure>;

/// One function: the same name can be there as a function of a value and as one in a namespace, and for several counts of arguments.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: &'static str,
    /// Whether it is a function of a value: `value.name()`.
    pub(crate) member: bool,
    /// Least and most arguments, the receiver included.
    pub(crate) arguments: (usize, usize),
    /// The name of the type that it gives, or `dyn`.
    pub(crate) result: &'static str,
    pub(crate) run: Run,
    pub(crate) availability: Availability,
    /// The argument (receiver included) that is a regular expression.
    pub(crate) pattern: Option<usize>,
    /// Whether it gives the same for the same constants at load.
    pub(crate) constant: bool,
    /// Whether constants that it fails for are refused at load, as the API server does for times.
    pub(crate) checked: bool,
    /// Whether it looks at all elements of its arguments.
    pub(crate) walks: bool,
    /// Whether its value has a level of nesting more than its arguments.
    pub(crate) builds: bool,
}

impl Function {
    /// A function that is called by its name.
    const fn global(name: &'static str, arguments: (usize, usize), result: &'static str, run: Run) -> Self {
        Self {
            name,
            member: false,
            arguments,
            result,
            run,
            availability: Availability::Kubernetes,
            pattern: None,
            constant: false,
            checked: false,
            walks: false,
            builds: false,
        }
    }

    /// A function of a value; the arguments are counted with the receiver.
    const fn member(name: &'static str, arguments: (usize, usize), result: &'static str, run: Run) -> Self {
        Self { member: true, ..Self::global(name, arguments, result, run) }
    }

    const fn constant(self) -> Self {
        Self { constant: true, ..self }
    }

    const fn checked(self) -> Self {
        Self { checked: true, ..self }
    }

    const fn pattern(self, argument: usize) -> Self {
        Self { pattern: Some(argument), ..self }
    }

    const fn walks(self) -> Self {
        Self { walks: true, ..self }
    }

    const fn builds(self) -> Self {
        Self { builds: true, ..self }
    }

    const fn kyverno(self) -> Self {
        Self { availability: Availability::Kyverno, ..self }
    }

    /// Whether it can be called with so many arguments, the receiver included.
    pub(crate) fn takes(&self, arguments: usize) -> bool {
        (self.arguments.0..=self.arguments.1).contains(&arguments)
    }
}

static BY_NAME: LazyLock<HashMap<&'static str, Vec<&'static Function>>> = LazyLock::new(|| {
    let tables: [&'static [Function]; 14] = [
        standard::FUNCTIONS,
        conversions::FUNCTIONS,
        time::FUNCTIONS,
        optional::FUNCTIONS,
        strings::FUNCTIONS,
        lists::FUNCTIONS,
        sets::FUNCTIONS,
        pattern::FUNCTIONS,
        url::FUNCTIONS,
        network::FUNCTIONS,
        quantity::FUNCTIONS,
        named_format::FUNCTIONS,
        semantic_version::FUNCTIONS,
        math::FUNCTIONS,
    ];
    let mut by_name: HashMap<&'static str, Vec<&'static Function>> = HashMap::new();
    for function in tables.into_iter().flatten().chain(encoders::FUNCTIONS) {
        by_name.entry(function.name).or_default().push(function);
    }
    by_name
});

/// The functions of a name.
pub(crate) fn find(name: &str, member: bool) -> impl Iterator<Item = &'static Function> {
    BY_NAME.get(name).into_iter().flatten().copied().filter(move |f| f.member == member)
}

/// The failure for arguments of wrong types.
fn no_overload(name: &str, arguments: &[Value]) -> Failure {
    Failure::no_overload(name, arguments)
}
