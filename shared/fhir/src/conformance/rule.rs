//! The rules by which a resource is checked against R4, and what becomes of a resource that breaks one.

/// The class of a rule: the fate of a resource that breaks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// It is refused.
    Refused,
    /// It is put right, because it can mean one thing only.
    Mended,
    /// It is kept, with a warning and without a claim of ours.
    Warned,
}

/// Makes the enum and its rows from one table.
macro_rules! rules {
    ($($(#[$doc:meta])* $rule:ident = $name:literal, $class:ident;)*) => {
        /// A rule.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Rule {
            $($(#[$doc])* $rule,)*
        }

        impl Rule {
            /// All rules.
            pub const ALL: &[Rule] = &[$(Rule::$rule),*];

            /// The name, as the operator writes it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Rule::$rule => $name,)*
                }
            }

            /// The class that it has where nobody chooses another.
            pub fn class(self) -> Class {
                match self {
                    $(Rule::$rule => Class::$class,)*
                }
            }
        }
    };
}

rules! {
    /// It is of another release of FHIR.
    Release = "release", Refused;
    /// JSON has another kind of value, or a list where there is one, or one where there is a list.
    Shape = "shape", Refused;
    /// Two values of one `value[x]`.
    Choice = "choice", Refused;
    /// A text or number that its primitive type does not allow.
    Format = "format", Refused;
    /// Null, or a text, list or object with nothing in it.
    Empty = "empty", Mended;
    /// A time whose zone has no colon, or whose letters are small.
    Zone = "zone", Mended;
    /// Blanks before or behind a code, a URI, a date or another text of one word.
    Blank = "blank", Mended;
    /// `IGNORED_FIELD`, which CMS's own mapping writes in place of a date: it says nothing, and is dropped.
    Placeholder = "placeholder", Mended;
    /// An element that must be there is not.
    Missing = "missing", Warned;
    /// An element is there more often than it may be.
    TooMany = "too-many", Warned;
    /// An element that R4 does not have.
    Unknown = "unknown-element", Warned;
    /// A code that is not in the value set that R4 binds the element to.
    Code = "code", Warned;
    /// A reference to a type of resource that R4 does not allow there.
    Target = "target", Warned;
    /// An invariant of R4 does not hold.
    Invariant = "invariant", Warned;
}

impl Rule {
    /// The rule of a name.
    pub fn named(name: &str) -> Option<Rule> {
        Rule::ALL.iter().copied().find(|rule| rule.name() == name)
    }
}
