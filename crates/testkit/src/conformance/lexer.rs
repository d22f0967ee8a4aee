//! Words of a script, line by line.

use super::Problem;

/// One word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A name with dots in it, or a key word: letters, digits, `_`, `.`, `-` inside.
    Word(String),
    /// A number; decimal, or hexadecimal with `0x`.
    Number(u64),
    /// Bytes: `hex` and digits.
    Hex(Vec<u8>),
    /// Punctuation, and exceptions such as `#GP`.
    Sign(&'static str),
}

/// Longer signs first.
const SIGNS: [&str; 24] = [
    "#GP", "#PF", "#UD", "<<", "|=", "&=", "^=", "+=", "-=", "!=", "=", "(", ")", "[", "]", ",", "+", "-",
    "*", "|", "&", "^", "~", ":",
];

/// The words of a line. A comment begins with `#` that stands alone.
pub(super) fn tokens(file: &str, line: usize, text: &str) -> Result<Vec<Token>, Problem> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if rest == "#" || rest.starts_with("# ") {
            break;
        }
        let length = if first.is_ascii_alphabetic() {
            let end = rest.find(|c: char| !is_of_word(c)).unwrap_or(rest.len());
            let word = rest[..end].trim_end_matches('-');
            tokens.push(Token::Word(word.to_owned()));
            word.len()
        } else if first.is_ascii_digit() {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            let digits = &rest[..end];
            let number = number(digits);
            tokens.push(number.ok_or_else(|| Problem::at(file, line, format!("{digits} is no number")))?);
            end
        } else {
            let sign = SIGNS.into_iter().find(|sign| rest.starts_with(sign));
            let sign = sign.ok_or_else(|| Problem::at(file, line, format!("{first} means nothing here")))?;
            tokens.push(Token::Sign(sign));
            sign.len()
        };
        rest = rest[length..].trim_start();
        hex(&mut tokens, &mut rest);
    }
    Ok(tokens)
}

const fn is_of_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '.' | '-')
}

fn number(digits: &str) -> Option<Token> {
    // a leading zero would be taken for octal by half of all readers
    let digits = digits.replace('_', "");
    let number = match digits.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok()?,
        None if digits.len() > 1 && digits.starts_with('0') => return None,
        None => digits.parse().ok()?,
    };
    Some(Token::Number(number))
}

/// Turns the word `hex` and the digits behind it into bytes.
fn hex(tokens: &mut Vec<Token>, rest: &mut &str) {
    if tokens.last() != Some(&Token::Word("hex".to_owned())) {
        return;
    }
    let end = rest.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len());
    let digits = &rest[..end];
    let pair = |at: usize| digits.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let bytes: Option<Vec<u8>> = (0..digits.len()).step_by(2).map(pair).collect();
    if let Some(bytes) = bytes.filter(|bytes| !bytes.is_empty()) {
        tokens.pop();
        tokens.push(Token::Hex(bytes));
        *rest = rest[end..].trim_start();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Token> {
        tokens("a file", 1, text).unwrap()
    }

    #[test]
    fn a_line_is_words_numbers_and_signs() {
        let word = |word: &str| Token::Word(word.to_owned());
        assert_eq!(
            words("expect #PF E.data + 0x10 write  # why"),
            [
                word("expect"),
                Token::Sign("#PF"),
                word("E.data"),
                Token::Sign("+"),
                Token::Number(16),
                word("write")
            ]
        );
        assert_eq!(words("rbx |= 1 << 63")[1], Token::Sign("|="));
        assert_eq!(words("read-only"), [word("read-only")]);
    }

    #[test]
    fn bytes_are_hexadecimal_digits() {
        assert_eq!(
            words("x = hex 00ff, 1")[2..],
            [Token::Hex(vec![0, 255]), Token::Sign(","), Token::Number(1)]
        );
    }

    #[test]
    fn what_is_no_word_names_its_line() {
        assert_eq!(tokens("f", 7, "a ? b").unwrap_err().to_string(), "f:7: ? means nothing here");
        assert!(tokens("f", 7, "012").is_err() && tokens("f", 7, "1x").is_err());
    }
}
