//! From text to [`Script`].

use anyclave_arch::Leaf;

use super::Problem;
use super::cursor::Cursor;
use super::leaves;
use super::lexer::{Token, tokens};
use super::syntax::{Case, Event, Expect, Fault, Kind, MapTo, Run, Script, Section, Setting, Statement};

/// Reads a script.
///
/// # Errors
/// The first line that says nothing.
pub fn parse(file: &str, text: &str) -> Result<Script, Problem> {
    let mut script =
        Script { file: file.to_owned(), leaf: Leaf::AnyEncls, sections: vec![Section::default()] };
    let mut named = false;
    for (line, text) in (1..).zip(text.lines()) {
        // a name is text of its own
        if let Some(name) = text.trim().strip_prefix("case ") {
            let name = name.trim().to_owned();
            let case = Case { name, line, alone: false, model_only: false, statements: Vec::new() };
            if let Some(section) = script.sections.last_mut() {
                section.cases.push(case);
            }
            continue;
        }
        let tokens = tokens(file, line, text)?;
        let mut cursor = Cursor::new(file, line, &tokens);
        match tokens.first() {
            None => {}
            Some(Token::Word(word)) if word == "leaf" => {
                cursor.key_word("leaf")?;
                let name = cursor.word("the name of a leaf")?;
                script.leaf =
                    leaves::by_name(&name).ok_or_else(|| cursor.problem(format!("{name} is no leaf")))?;
                named = true;
                cursor.end()?;
            }
            Some(Token::Word(word)) if word == "setup" => {
                cursor.key_word("setup")?;
                let ordered = cursor.word_is("ordered");
                cursor.end()?;
                script.sections.push(Section { ordered, ..Section::default() });
            }
            Some(_) => statement_of(&mut script, &mut cursor)?,
        }
    }
    if !named {
        return Err(Problem::at(file, 1, "no line says `leaf …`".to_owned()));
    }
    script.sections.retain(|section| !section.cases.is_empty() || !section.setup.is_empty());
    Ok(script)
}

/// A statement, or a mark of the case.
fn statement_of(script: &mut Script, cursor: &mut Cursor<'_>) -> Result<(), Problem> {
    let line = cursor.line;
    let Some(section) = script.sections.last_mut() else { return Ok(()) };
    if let Some(case) = section.cases.last_mut() {
        if cursor.word_is("alone") {
            case.alone = true;
            return cursor.end();
        }
        if cursor.word_is("venue") {
            cursor.key_word("model")?;
            case.model_only = true;
            return cursor.end();
        }
    }
    let into = section.cases.last_mut().map_or(&mut section.setup, |case| &mut case.statements);
    if cursor.word_is("expect") {
        loop {
            into.push(Statement { line, kind: Kind::Expect(expect(cursor)?) });
            if !cursor.sign_is(",") {
                return cursor.end();
            }
        }
    }
    // several assignments may share a line
    let (image, poke) = (cursor.word_is("image"), cursor.word_is("poke"));
    if image || poke || cursor.is_assignment() {
        loop {
            let assignment = cursor.assignment(poke)?;
            let kind = if image { Kind::Image(assignment) } else { Kind::Assign(assignment) };
            into.push(Statement { line, kind });
            if !cursor.sign_is(",") {
                return cursor.end();
            }
        }
    }
    let kind = statement(cursor)?;
    into.push(Statement { line, kind });
    cursor.end()
}

fn statement(cursor: &mut Cursor<'_>) -> Result<Kind, Problem> {
    let word = cursor.word("a statement")?;
    if let Some(leaf) = leaves::by_name(&word) {
        return run(cursor, Some(leaf), true);
    }
    Ok(match &*word {
        "cpu" => Kind::Cpu(cursor.settings()?),
        "enclave" => Kind::Enclave { name: cursor.word("a name")?, settings: cursor.settings()? },
        "with" => {
            let name = cursor.word("ENCLAVE.PAGE")?;
            cursor.key_word("at")?;
            Kind::With { name, offset: cursor.expr()?, settings: cursor.settings()? }
        }
        "without" => Kind::Without(cursor.word("ENCLAVE.PAGE")?),
        "page" => Kind::Pages(cursor.words("a name")?),
        "memory" => Kind::Memory(cursor.words("a name")?),
        "struct" => {
            let (name, layout) = (cursor.word("a name")?, cursor.word("a layout")?);
            cursor.key_word("at")?;
            Kind::Struct { name, layout, at: cursor.expr()? }
        }
        "let" => {
            let assignment = cursor.assignment(false)?;
            let super::syntax::Place::Name(name) = assignment.place else {
                return Err(cursor.problem("a name is wanted behind `let`"));
            };
            Kind::Let { name, value: assignment.value }
        }
        "map" => Kind::Map { at: cursor.expr()?, to: map_to(cursor)? },
        "epcm" => Kind::Epcm { page: cursor.word("a page")?, settings: cursor.settings()? },
        "hold" => Kind::Hold { page: cursor.expr()?, lock: cursor.word("a lock")? },
        "release" => Kind::Release,
        "sign" => Kind::Sign(cursor.word("an enclave")?),
        "resign" => Kind::Resign,
        "grant" => Kind::Grant(cursor.word("an enclave")?),
        "mac" => Kind::Mac,
        "processor" => Kind::Processor(cursor.expr()?),
        "event" => Kind::Event,
        "guest" => Kind::Guest,
        "microcode" => Kind::Microcode(cursor.value()?),
        "run" if cursor.word_is("aex") => Kind::Aex { event: event(cursor)?, step: false },
        "run" => {
            let leaf = cursor.peek_word().and_then(leaves::by_name);
            if leaf.is_some() {
                cursor.word("a leaf")?;
            }
            run(cursor, leaf, false)?
        }
        "aex" => Kind::Aex { event: event(cursor)?, step: true },
        _ => return Err(cursor.problem(format!("no statement begins with `{word}`"))),
    })
}

fn run(cursor: &mut Cursor<'_>, leaf: Option<Leaf>, step: bool) -> Result<Kind, Problem> {
    let mut run = Run { leaf, operands: Vec::new(), named: Vec::new(), step };
    // operands stand apart by commas, as in assembler; then come fields by name
    while !cursor.is_empty() {
        if cursor.is_assignment() {
            run.named.push(cursor.assignment(false)?);
        } else {
            run.operands.push(cursor.expr()?);
        }
        if !cursor.sign_is(",") {
            break;
        }
    }
    Ok(Kind::Run(run))
}

fn map_to(cursor: &mut Cursor<'_>) -> Result<MapTo, Problem> {
    if cursor.word_is("read-only") {
        return Ok(MapTo::ReadOnly);
    }
    cursor.key_word("to")?;
    Ok(if cursor.word_is("memory") {
        MapTo::Memory
    } else if cursor.word_is("nothing") {
        MapTo::Nothing
    } else {
        MapTo::Page(cursor.expr()?)
    })
}

/// `interrupt`, `#PF ADDRESS CODE`, `#GP`, `#UD`, or another exception by its mnemonic.
fn event(cursor: &mut Cursor<'_>) -> Result<Event, Problem> {
    let mut event = Event { vector: None, address: None, code: None };
    if cursor.is_empty() || cursor.word_is("interrupt") {
        return Ok(event);
    }
    for sign in ["#GP", "#PF", "#UD"] {
        if cursor.sign_is(sign) {
            event.vector = Some(sign[1..].to_owned());
            if sign == "#PF" {
                event.address = Some(cursor.expr()?);
            }
            break;
        }
    }
    if event.vector.is_none() {
        event.vector = Some(cursor.word("an exception")?);
    }
    if cursor.word_is("code") {
        event.code = Some(cursor.expr()?);
    }
    Ok(event)
}

fn expect(cursor: &mut Cursor<'_>) -> Result<Expect, Problem> {
    for (word, expect) in
        [("done", Expect::Done), ("inside", Expect::Inside(true)), ("outside", Expect::Inside(false))]
    {
        if cursor.word_is(word) {
            return Ok(expect);
        }
    }
    if cursor.word_is("others") {
        cursor.key_word("unchanged")?;
        return Ok(Expect::Others);
    }
    if cursor.word_is("epcm") {
        let page = cursor.word("a page")?;
        return Ok(Expect::Epcm { page, settings: cursor.settings()? });
    }
    if cursor.word_is("delivered") {
        return Ok(Expect::Delivered(event(cursor)?));
    }
    if cursor.word_is("code") {
        return code(cursor);
    }
    if let Some(fault) = fault(cursor)? {
        let paging = matches!(fault, Fault::Pf { code: Some(_), .. });
        let cause = if paging { None } else { Some(cursor.word("the name of the check")?) };
        return Ok(Expect::Fault { fault, cause });
    }
    let left = cursor.value()?;
    let differ = cursor.sign_is("!=");
    if !differ && !cursor.sign_is("=") {
        return Err(cursor.problem("`=` or `!=` is wanted"));
    }
    Ok(Expect::Compare { left, differ, right: cursor.value()? })
}

fn code(cursor: &mut Cursor<'_>) -> Result<Expect, Problem> {
    let code = cursor.expr()?;
    let flag = cursor.word("ZF or CF")?;
    if flag != "ZF" && flag != "CF" {
        return Err(cursor.problem(format!("{flag} is neither ZF nor CF")));
    }
    let cause = cursor.word("the name of the check")?;
    let completes = cursor.word_is("completes");
    Ok(Expect::Code { code, zf: flag == "ZF", cause, completes })
}

fn fault(cursor: &mut Cursor<'_>) -> Result<Option<Fault>, Problem> {
    if cursor.sign_is("#GP") {
        return Ok(Some(Fault::Gp));
    }
    if cursor.sign_is("#UD") {
        return Ok(Some(Fault::Ud));
    }
    if !cursor.sign_is("#PF") {
        return Ok(None);
    }
    let address = cursor.expr()?;
    if cursor.word_is("code") {
        return Ok(Some(Fault::Pf { address, write: false, code: Some(cursor.expr()?) }));
    }
    let access = cursor.word("read or write")?;
    if access != "read" && access != "write" {
        return Err(cursor.problem(format!("{access} is neither read nor write")));
    }
    Ok(Some(Fault::Pf { address, write: access == "write", code: None }))
}

/// A setting by its word.
pub(super) fn find<'a>(settings: &'a [Setting], word: &str) -> Option<&'a Setting> {
    settings.iter().find(|setting| setting.word == word)
}
