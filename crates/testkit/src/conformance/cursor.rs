//! One line as the parser walks over it: words, expressions, values.

use super::Problem;
use super::lexer::Token;
use super::syntax::{Assignment, Expr, Place, Setting, Value};

/// Operators of assignments.
const ASSIGN: [&str; 6] = ["=", "|=", "&=", "^=", "+=", "-="];

/// Operators on two numbers, loosest first, as C binds them.
const BINARY: [&[&str]; 6] = [&["|"], &["^"], &["&"], &["<<"], &["+", "-"], &["*"]];

/// The rest of a line.
pub(super) struct Cursor<'a> {
    file: &'a str,
    /// Its number.
    pub(super) line: usize,
    tokens: &'a [Token],
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(file: &'a str, line: usize, tokens: &'a [Token]) -> Self {
        Self { file, line, tokens }
    }

    /// What is wrong with this line.
    pub(super) fn problem(&self, text: impl Into<String>) -> Problem {
        Problem::at(self.file, self.line, text.into())
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    pub(super) fn end(&self) -> Result<(), Problem> {
        match self.tokens {
            [] => Ok(()),
            [token, ..] => Err(self.problem(format!("{} is too much", show(token)))),
        }
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.first()
    }

    fn take(&mut self) -> Option<&'a Token> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first)
    }

    /// Whether the next word is this one; takes it then.
    pub(super) fn word_is(&mut self, word: &str) -> bool {
        let is = matches!(self.peek(), Some(Token::Word(next)) if next == word);
        if is {
            self.take();
        }
        is
    }

    /// The next word, if it is one; not taken.
    pub(super) fn peek_word(&self) -> Option<&'a str> {
        match self.tokens.first() {
            Some(Token::Word(word)) => Some(word),
            _ => None,
        }
    }

    pub(super) fn sign_is(&mut self, sign: &str) -> bool {
        let is = matches!(self.peek(), Some(Token::Sign(next)) if *next == sign);
        if is {
            self.take();
        }
        is
    }

    fn sign(&mut self, sign: &'static str) -> Result<(), Problem> {
        if self.sign_is(sign) { Ok(()) } else { Err(self.wanted(&format!("`{sign}`"))) }
    }

    pub(super) fn key_word(&mut self, word: &str) -> Result<(), Problem> {
        if self.word_is(word) { Ok(()) } else { Err(self.wanted(&format!("`{word}`"))) }
    }

    fn wanted(&self, what: &str) -> Problem {
        let found =
            self.peek().map_or_else(|| "the line ends".to_owned(), |token| format!("{} stands", show(token)));
        self.problem(format!("{found} where {what} is wanted"))
    }

    pub(super) fn word(&mut self, what: &str) -> Result<String, Problem> {
        match self.take() {
            Some(Token::Word(word)) => Ok(word.clone()),
            _ => Err(self.problem(format!("{what} is wanted"))),
        }
    }

    /// All that is left, as words.
    pub(super) fn words(&mut self, what: &str) -> Result<Vec<String>, Problem> {
        let mut words = vec![self.word(what)?];
        while !self.is_empty() {
            words.push(self.word(what)?);
        }
        Ok(words)
    }

    /// All that is left up to a comma, as settings: `word`, `-word`, `+word`, `word=expression`.
    pub(super) fn settings(&mut self) -> Result<Vec<Setting>, Problem> {
        let mut settings = Vec::new();
        while !self.is_empty() && !matches!(self.peek(), Some(Token::Sign(","))) {
            let negated = self.sign_is("-");
            if !negated {
                self.sign_is("+");
            }
            let word = self.word("a word")?;
            let value = if self.sign_is("=") { Some(self.expr()?) } else { None };
            settings.push(Setting { word, negated, value });
        }
        Ok(settings)
    }

    /// An expression.
    pub(super) fn expr(&mut self) -> Result<Expr, Problem> {
        self.binary(0)
    }

    fn binary(&mut self, level: usize) -> Result<Expr, Problem> {
        let Some(operators) = BINARY.get(level) else { return self.unary() };
        let mut left = self.binary(level + 1)?;
        while let Some(operator) = operators.iter().find(|operator| self.sign_is(operator)) {
            let right = self.binary(level + 1)?;
            left = Expr::Binary(operator, Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Expr, Problem> {
        for operator in ["~", "-"] {
            if self.sign_is(operator) {
                return Ok(Expr::Unary(operator, Box::new(self.unary()?)));
            }
        }
        if self.sign_is("(") {
            let inner = self.expr()?;
            self.sign(")")?;
            return Ok(inner);
        }
        match self.take() {
            Some(Token::Number(number)) => Ok(Expr::Number(*number)),
            Some(Token::Word(word)) => match self.place_after(word)? {
                Place::Name(name) => Ok(Expr::Name(name)),
                place => Ok(Expr::Memory(Box::new(place))),
            },
            _ => Err(self.problem("an expression is wanted")),
        }
    }

    /// A place that begins with this word.
    fn place_after(&mut self, word: &str) -> Result<Place, Problem> {
        let width = match word {
            "u8" => Some(1),
            "u16" => Some(2),
            "u32" => Some(4),
            "u64" => Some(8),
            _ => None,
        };
        if word == "bytes" && self.sign_is("(") {
            let at = self.expr()?;
            self.sign(",")?;
            let length = self.expr()?;
            self.sign(")")?;
            return Ok(Place::Memory(at, length));
        }
        if !self.sign_is("[") {
            return Ok(Place::Name(word.to_owned()));
        }
        let index = self.expr()?;
        self.sign("]")?;
        Ok(match width {
            Some(width) => Place::Memory(index, Expr::Number(width)),
            None => Place::Byte(word.to_owned(), index),
        })
    }

    /// A number or bytes.
    pub(super) fn value(&mut self) -> Result<Value, Problem> {
        if self.word_is("fill") {
            return Ok(Value::Fill(self.expr()?));
        }
        if let Some(Token::Hex(bytes)) = self.peek() {
            let bytes = bytes.clone();
            self.take();
            return Ok(Value::Hex(bytes));
        }
        if let [Token::Word(word), Token::Sign("("), ..] = self.tokens
            && word != "bytes"
        {
            self.take();
            self.take();
            let mut arguments = vec![self.expr()?];
            while self.sign_is(",") {
                arguments.push(self.expr()?);
            }
            self.sign(")")?;
            return Ok(Value::Function(word.clone(), arguments));
        }
        Ok(Value::Expr(self.expr()?))
    }

    /// Whether an assignment stands here.
    pub(super) fn is_assignment(&self) -> bool {
        let Some((Token::Word(_), rest)) = self.tokens.split_first() else { return false };
        let mut depth = 0;
        for token in rest {
            match token {
                Token::Sign("[" | "(") => depth += 1,
                Token::Sign("]" | ")") => depth -= 1,
                _ if depth > 0 => {}
                Token::Sign(sign) => return ASSIGN.contains(sign),
                _ => return false,
            }
        }
        false
    }

    /// `PLACE = VALUE`.
    pub(super) fn assignment(&mut self, poke: bool) -> Result<Assignment, Problem> {
        let word = self.word("a register, a field or a place in memory")?;
        let place = self.place_after(&word)?;
        let operator = ASSIGN.into_iter().find(|operator| self.sign_is(operator));
        let operator = operator.ok_or_else(|| self.wanted("`=`"))?;
        Ok(Assignment { place, operator, value: self.value()?, poke })
    }
}

fn show(token: &Token) -> String {
    match token {
        Token::Word(word) => format!("`{word}`"),
        Token::Number(number) => format!("`{number:#x}`"),
        Token::Hex(_) => "`hex`".to_owned(),
        Token::Sign(sign) => format!("`{sign}`"),
    }
}
