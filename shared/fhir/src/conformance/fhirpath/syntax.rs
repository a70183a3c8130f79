//! From a text to an expression: by precedence, as the grammar of `FHIRPath` gives it.

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::conformance) enum Expression {
    Text(String),
    Number(f64),
    Bool(bool),
    /// `{}`
    Empty,
    /// `$this`
    This,
    /// `%resource`
    External(String),
    /// A name, of an element of what stands before it.
    Name(Option<Box<Expression>>, String),
    /// A function, of what stands before it.
    Call(Option<Box<Expression>>, String, Vec<Expression>),
    Binary(Box<Expression>, Operator, Box<Expression>),
    /// `is`, with the type's name.
    Is(Box<Expression>, String),
    /// `as`, with the type's name.
    As(Box<Expression>, String),
}

/// An operator between two expressions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::conformance) enum Operator {
    Implies,
    Or,
    Xor,
    And,
    In,
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Union,
    Add,
    Subtract,
    Multiply,
    Modulo,
}

/// The operators of each level, the loosest first. `is` and `as` stand between union and comparison.
const LEVELS: &[&[(&str, Operator)]] = &[
    &[("implies", Operator::Implies)],
    &[("or", Operator::Or), ("xor", Operator::Xor)],
    &[("and", Operator::And)],
    &[("in", Operator::In)],
    &[("=", Operator::Equal), ("!=", Operator::Unequal)],
    &[("<=", Operator::LessOrEqual), (">=", Operator::GreaterOrEqual), ("<", Operator::Less), (">", Operator::Greater)],
    &[("|", Operator::Union)],
    &[],
    &[("+", Operator::Add), ("-", Operator::Subtract)],
    &[("*", Operator::Multiply), ("mod", Operator::Modulo)],
];

/// The level of `is` and `as`.
const TYPES: usize = 7;

impl Expression {
    /// Reads an expression; none, if it is not understood.
    pub fn parse(text: &str) -> Option<Expression> {
        let mut parser = Parser { tokens: tokens(text)?, at: 0 };
        let expression = parser.level(0)?;
        (parser.at == parser.tokens.len()).then_some(expression)
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Number(f64),
    Sign(&'static str),
}

const SIGNS: [&str; 20] =
    ["!=", "<=", ">=", "=", "<", ">", "(", ")", "[", "]", "{", "}", ".", ",", "|", "+", "-", "*", "%", "$"];

fn tokens(text: &str) -> Option<Vec<Token>> {
    let (mut rest, mut found) = (text.trim_start(), Vec::new());
    while let Some(first) = rest.chars().next() {
        let word = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let length = if first == '\'' {
            let (text, length) = quoted(&rest[1..])?;
            found.push(Token::Text(text));
            length + 2
        } else if first.is_ascii_digit() {
            found.push(Token::Number(rest[..word].parse().ok()?));
            word
        } else if word > 0 {
            found.push(Token::Word(rest[..word].to_owned()));
            word
        } else {
            let sign = SIGNS.into_iter().find(|sign| rest.starts_with(sign))?;
            found.push(Token::Sign(sign));
            sign.len()
        };
        rest = rest[length..].trim_start();
    }
    Some(found)
}

/// A text up to its closing quote, and how long it is as it is written.
fn quoted(rest: &str) -> Option<(String, usize)> {
    let (mut text, mut escaped) = (String::new(), false);
    for (at, c) in rest.char_indices() {
        match c {
            '\'' if !escaped => return Some((text, at)),
            '\\' if !escaped => escaped = true,
            c => {
                text.push(c);
                escaped = false;
            }
        }
    }
    None
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn takes(&mut self, text: &str) -> bool {
        let is_it = match self.peek() {
            Some(Token::Word(word)) => word == text,
            Some(Token::Sign(sign)) => *sign == text,
            _ => false,
        };
        self.at += usize::from(is_it);
        is_it
    }

    fn word(&mut self) -> Option<String> {
        let Some(Token::Word(word)) = self.peek().cloned() else { return None };
        self.at += 1;
        Some(word)
    }

    fn level(&mut self, level: usize) -> Option<Expression> {
        let Some(operators) = LEVELS.get(level) else { return self.path() };
        let mut left = self.level(level + 1)?;
        if level == TYPES {
            loop {
                if self.takes("is") {
                    left = Expression::Is(Box::new(left), self.type_name()?);
                } else if self.takes("as") {
                    left = Expression::As(Box::new(left), self.type_name()?);
                } else {
                    return Some(left);
                }
            }
        }
        while let Some((_, operator)) = operators.iter().find(|(sign, _)| self.takes(sign)) {
            let right = self.level(level + 1)?;
            left = Expression::Binary(Box::new(left), *operator, Box::new(right));
        }
        Some(left)
    }

    /// A type's name, without its namespace.
    fn type_name(&mut self) -> Option<String> {
        let name = self.word()?;
        if matches!(&*name, "FHIR" | "System") && self.takes(".") { self.word() } else { Some(name) }
    }

    fn path(&mut self) -> Option<Expression> {
        let mut left = self.term()?;
        while self.takes(".") {
            let name = self.word()?;
            left = self.named(Some(left), name)?;
        }
        Some(left)
    }

    fn named(&mut self, before: Option<Expression>, name: String) -> Option<Expression> {
        let before = before.map(Box::new);
        if !self.takes("(") {
            return Some(Expression::Name(before, name));
        }
        let mut arguments = Vec::new();
        while !self.takes(")") {
            arguments.push(self.level(0)?);
            if !self.takes(",") && self.peek() != Some(&Token::Sign(")")) {
                return None;
            }
        }
        Some(Expression::Call(before, name, arguments))
    }

    fn term(&mut self) -> Option<Expression> {
        if self.takes("(") {
            let inner = self.level(0)?;
            return self.takes(")").then_some(inner);
        }
        if self.takes("{") {
            return self.takes("}").then_some(Expression::Empty);
        }
        if self.takes("$") {
            return (self.word()? == "this").then_some(Expression::This);
        }
        if self.takes("%") {
            return Some(Expression::External(self.word()?));
        }
        match self.peek().cloned()? {
            Token::Text(text) => {
                self.at += 1;
                Some(Expression::Text(text))
            }
            Token::Number(number) => {
                self.at += 1;
                Some(Expression::Number(number))
            }
            Token::Word(word) => {
                self.at += 1;
                match &*word {
                    "true" | "false" => Some(Expression::Bool(word == "true")),
                    _ => self.named(None, word),
                }
            }
            Token::Sign(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binary(left: Expression, operator: Operator, right: Expression) -> Expression {
        Expression::Binary(Box::new(left), operator, Box::new(right))
    }

    #[test]
    fn operators_bind_as_the_grammar_says() {
        let name = |name: &str| Expression::Name(None, name.to_owned());
        let equal = binary(name("d"), Operator::Equal, Expression::Text("x".to_owned()));
        let or = binary(name("b"), Operator::Or, binary(name("c"), Operator::And, equal));
        let parsed = Expression::parse("a implies b or c and d = 'x'").unwrap();
        assert_eq!(parsed, binary(name("a"), Operator::Implies, or));
    }

    #[test]
    fn what_is_not_understood_is_no_expression() {
        for text in ["a.", "a ==", "(a", "a[0]", "'x", "$index", "a b"] {
            assert_eq!(Expression::parse(text), None, "{text}");
        }
    }
}
