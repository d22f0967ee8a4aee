//! Rules about single source files.

use crate::Problem;

/// The crates where unsafe code lives: two of the product, and one that runs in a suite's enclave, where it
/// says where the tables of the unwinder are.
const UNSAFE_CRATES: [&str; 3] = ["crates/sys/", "crates/stub/", "suites/edp/enclave/unwinder/"];

/// Lines of a file that one still reads in one sitting.
const MOST_LINES: usize = 600;

/// Words for what is not done. They are put together here so that this file passes its own rule.
const UNDONE: [&str; 5] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("to", "do", "!"),
    concat!("unimple", "mented", "!"),
];

/// Checks one file.
pub(crate) fn check(path: &str, text: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    let lines = text.lines().count();
    if lines > MOST_LINES {
        problems.push(Problem::new(path, format!("has {lines} lines, more than {MOST_LINES}")));
    }
    for (number, line) in (1..).zip(text.lines()) {
        if let Some(word) = UNDONE.into_iter().find(|word| says(line, word)) {
            problems.push(Problem::new(format!("{path}:{number}"), format!("says {word}")));
        }
    }
    if path.ends_with(".rs") {
        problems.extend(rust(path, text));
    }
    problems
}

fn rust(path: &str, text: &str) -> Vec<Problem> {
    let mut problems = Vec::new();
    let may_be_unsafe = UNSAFE_CRATES.iter().any(|directory| path.starts_with(directory));
    if !may_be_unsafe {
        for (number, line) in (1..).zip(code(text).lines()) {
            if words(line).any(|word| word == "unsafe") {
                problems.push(Problem::new(format!("{path}:{number}"), "unsafe code outside sys and stub"));
            }
        }
    }
    let is_root = ["src/lib.rs", "src/main.rs"].iter().any(|root| path.ends_with(root));
    if is_root && !may_be_unsafe && !text.contains("#![forbid(unsafe_code)]") {
        problems.push(Problem::new(path, "does not forbid unsafe code"));
    }
    problems
}

/// Whether a word, or the call of a macro, stands in a line.
fn says(line: &str, word: &str) -> bool {
    if word.ends_with('!') { line.contains(word) } else { words(line).any(|other| other == word) }
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|character: char| !character.is_alphanumeric() && character != '_')
}

/// The text without comments and without what stands in quotes, line by line the same. Raw strings end at
/// the first quote with as many hashes as they begin with.
fn code(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if first == '"' {
            quoted(rest)
        } else if let Some(raw) = raw_string(rest) {
            raw
        } else if first == '\'' {
            character(rest)
        } else {
            0
        };
        let taken = if skipped == 0 {
            code.push(first);
            first.len_utf8()
        } else {
            code.extend(rest[..skipped].chars().filter(|character| *character == '\n'));
            code.push(' ');
            skipped
        };
        rest = &rest[taken..];
    }
    code
}

/// Bytes of the string literal at the start.
fn quoted(text: &str) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Bytes of the raw string literal at the start, if there is one.
fn raw_string(text: &str) -> Option<usize> {
    let body = text.strip_prefix('r')?;
    let hashes = body.len() - body.trim_start_matches('#').len();
    let start = 1 + hashes + 1;
    if !body[hashes..].starts_with('"') {
        return None;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    Some(text[start..].find(&end).map_or(text.len(), |at| start + at + end.len()))
}

/// Bytes of the character literal at the start; 0: it is a lifetime.
fn character(text: &str) -> usize {
    let mut characters = text.char_indices().skip(1);
    match (characters.next(), characters.next()) {
        (Some((_, '\\')), Some(_)) => text[3..].find('\'').map_or(0, |at| 3 + at + 1),
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The keyword, kept out of this file's own code.
    fn keyword() -> String {
        ["un", "safe"].concat()
    }

    fn whats(path: &str, text: &str) -> Vec<String> {
        check(path, text).into_iter().map(|problem| format!("{}: {}", problem.place, problem.what)).collect()
    }

    #[test]
    fn the_keyword_counts_in_code_only() {
        let keyword = keyword();
        for text in [
            format!("// {keyword}\n"),
            format!("/* {keyword}\n */ x"),
            format!("let x = \"{keyword} \\\" {keyword}\";"),
            format!("let x = r#\"\" {keyword}\"#;"),
            format!("{keyword}_code"),
            format!("'\"'; // {keyword}"),
            format!("'\\''; // {keyword}"),
        ] {
            assert!(whats("crates/cli/src/x.rs", &text).is_empty(), "{text}");
        }
        for text in [
            format!("fn f<'a>() {{\n{keyword} {{}} }}"),
            format!("let x = '\"';\n{keyword}{{}}"),
            format!("let x = \"\\\\\";\n{keyword} {{}}"),
        ] {
            let expected = [format!("crates/cli/src/x.rs:2: {keyword} code outside sys and stub")];
            assert_eq!(whats("crates/cli/src/x.rs", &text), expected, "{text}");
            assert!(whats("crates/sys/src/x.rs", &text).is_empty());
        }
    }

    #[test]
    fn roots_forbid() {
        assert_eq!(whats("crates/cpu/src/lib.rs", "").len(), 1);
        assert!(whats("crates/cpu/src/lib.rs", "#![forbid(unsafe_code)]").is_empty());
        assert!(whats("crates/stub/src/lib.rs", "").is_empty());
    }

    #[test]
    fn long_files_and_undone_work_are_named() {
        let long = "\n".repeat(MOST_LINES + 1);
        assert_eq!(whats("x.rs", &long), ["x.rs: has 601 lines, more than 600"]);
        assert!(whats("x.rs", &long[1..]).is_empty());
        for word in UNDONE {
            assert_eq!(whats("x.sh", &format!("\n# {word}: later")), [format!("x.sh:2: says {word}")]);
        }
    }
}
