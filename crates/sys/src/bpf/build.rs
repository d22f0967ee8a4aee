//! The assembler: instructions one after the other, jumps to labels that are bound later.

use super::{Action, Field, Insn, Program, Test, Wide};
use std::ops::Range;

/// `BPF_MAXINSNS`.
const MAX_LEN: usize = 4096;

pub(super) const LD_W_ABS: u16 = 0x20;
pub(super) const ALU_AND_K: u16 = 0x54;
pub(super) const JMP_JA: u16 = 0x05;
pub(super) const JMP_JEQ_K: u16 = 0x15;
pub(super) const JMP_JGT_K: u16 = 0x25;
pub(super) const JMP_JGE_K: u16 = 0x35;
pub(super) const JMP_JSET_K: u16 = 0x45;
pub(super) const RET_K: u16 = 0x06;

/// A place in a program still being built, bound once by [`Builder::bind`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label(usize);

/// Why a program cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// A label is used but bound nowhere, or before its use: a filter cannot jump back.
    #[error("a jump to a label that is not ahead of it")]
    LabelNotAhead,
    /// The last instruction is not a decision.
    #[error("the program can run off its end")]
    NoReturn,
    /// More than 4096 instructions.
    #[error("the program is longer than the kernel takes")]
    TooLong,
    /// An argument above 5.
    #[error("a system call has six arguments")]
    NoSuchArgument,
}

#[derive(Clone, Copy)]
enum Item {
    Load(Field),
    And(u32),
    Ret(Action),
    Go(Label),
    /// A jump when the test's outcome is `when`, else on to the next.
    Branch {
        test: Test,
        when: bool,
        to: Label,
    },
}

/// A program in the making.
#[derive(Default)]
pub struct Builder {
    items: Vec<Item>,
    /// For each label the index of the item it stands before.
    labels: Vec<Option<usize>>,
}

impl Builder {
    /// An empty program.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A new label, to be bound later.
    pub fn label(&mut self) -> Label {
        self.labels.push(None);
        Label(self.labels.len() - 1)
    }

    /// Binds `label` to the next instruction.
    pub fn bind(&mut self, label: Label) -> &mut Self {
        let here = self.items.len();
        if let Some(place) = self.labels.get_mut(label.0) {
            *place = Some(here);
        }
        self
    }

    /// Loads a word, which the following tests look at.
    pub fn load(&mut self, field: Field) -> &mut Self {
        self.push(Item::Load(field))
    }

    /// Keeps only these bits of the loaded word.
    pub fn and(&mut self, mask: u32) -> &mut Self {
        self.push(Item::And(mask))
    }

    /// Jumps when the loaded word passes the test.
    pub fn jump_if(&mut self, test: Test, to: Label) -> &mut Self {
        self.push(Item::Branch { test, when: true, to })
    }

    /// Jumps when the loaded word does not pass the test.
    pub fn jump_unless(&mut self, test: Test, to: Label) -> &mut Self {
        self.push(Item::Branch { test, when: false, to })
    }

    /// Jumps always.
    pub fn jump(&mut self, to: Label) -> &mut Self {
        self.push(Item::Go(to))
    }

    /// Decides.
    pub fn ret(&mut self, action: Action) -> &mut Self {
        self.push(Item::Ret(action))
    }

    /// Decides `action` when the loaded word passes the test.
    pub fn ret_if(&mut self, test: Test, action: Action) -> &mut Self {
        let past = self.label();
        self.jump_unless(test, past).ret(action).bind(past)
    }

    /// Jumps when all 64 bits equal `value`. Loads.
    pub fn jump_if_wide_eq(&mut self, word: Wide, value: u64, to: Label) -> &mut Self {
        let past = self.label();
        let (low, high) = halves(value);
        self.load(word.high()).jump_unless(Test::Eq(high), past);
        self.load(word.low()).jump_if(Test::Eq(low), to);
        self.bind(past)
    }

    /// Jumps when the 64-bit word lies in the range. Loads.
    pub fn jump_if_wide_in(&mut self, word: Wide, range: Range<u64>, to: Label) -> &mut Self {
        let past = self.label();
        let above_start = self.label();
        let (start_low, start_high) = halves(range.start);
        let (end_low, end_high) = halves(range.end);
        // Not below the start ...
        self.load(word.high());
        self.jump_if(Test::Gt(start_high), above_start).jump_unless(Test::Eq(start_high), past);
        self.load(word.low()).jump_unless(Test::Ge(start_low), past);
        // ... and below the end.
        self.bind(above_start).load(word.high());
        self.jump_if(Test::Gt(end_high), past).jump_unless(Test::Eq(end_high), to);
        self.load(word.low()).jump_unless(Test::Ge(end_low), to);
        self.bind(past)
    }

    /// The finished program. A conditional jump reaches 255 instructions; one that must reach further is
    /// written as a short one around a long unconditional one.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn build(&self) -> Result<Program, BuildError> {
        if !matches!(self.items.last(), Some(Item::Ret(_))) {
            return Err(BuildError::NoReturn);
        }
        let mut long = vec![false; self.items.len()];
        loop {
            let places = self.places(&long);
            // Below a jump over it nothing is reached, but every jump must still be a valid one.
            if places.last().is_some_and(|&end| end > MAX_LEN) {
                return Err(BuildError::TooLong);
            }
            let mut grown = false;
            for (at, item) in self.items.iter().enumerate() {
                let Item::Branch { to, .. } = item else { continue };
                if !long[at] && self.distance(&places, at, *to)? > usize::from(u8::MAX) {
                    long[at] = true;
                    grown = true;
                }
            }
            if !grown {
                return self.encode(&places, &long);
            }
        }
    }

    fn push(&mut self, item: Item) -> &mut Self {
        self.items.push(item);
        self
    }

    /// The address of each item, and the end.
    fn places(&self, long: &[bool]) -> Vec<usize> {
        let mut at = 0;
        let mut places = vec![0];
        for &long in long {
            at += 1 + usize::from(long);
            places.push(at);
        }
        places
    }

    /// How many instructions lie between the last one of item `at` and the label.
    fn distance(&self, places: &[usize], at: usize, to: Label) -> Result<usize, BuildError> {
        let target = self.labels.get(to.0).copied().flatten().ok_or(BuildError::LabelNotAhead)?;
        if target <= at || target >= self.items.len() {
            return Err(BuildError::LabelNotAhead);
        }
        Ok(places[target] - places[at + 1])
    }

    fn encode(&self, places: &[usize], long: &[bool]) -> Result<Program, BuildError> {
        let mut out = Vec::with_capacity(places.len());
        for (at, item) in self.items.iter().enumerate() {
            match *item {
                Item::Load(field) => {
                    out.push(plain(LD_W_ABS, field.offset().ok_or(BuildError::NoSuchArgument)?));
                }
                Item::And(mask) => out.push(plain(ALU_AND_K, mask)),
                Item::Ret(action) => out.push(plain(RET_K, action.to_raw())),
                Item::Go(to) => out.push(go(self.distance(places, at, to)?)?),
                Item::Branch { test, when, to } => {
                    let distance = self.distance(places, at, to)?;
                    // A long branch skips its own `ja` when the jump is not to be taken.
                    let (taken, not_taken) = if long[at] { (0, 1) } else { (distance, 0) };
                    let taken = u8::try_from(taken).or(Err(BuildError::TooLong))?;
                    let (jump_true, jump_false) = if when { (taken, not_taken) } else { (not_taken, taken) };
                    let (code, k) = opcode(test);
                    out.push(Insn { code, jump_true, jump_false, k });
                    if long[at] {
                        out.push(go(distance)?);
                    }
                }
            }
        }
        Ok(Program(out))
    }
}

fn plain(code: u16, k: u32) -> Insn {
    Insn { code, jump_true: 0, jump_false: 0, k }
}

fn go(distance: usize) -> Result<Insn, BuildError> {
    Ok(plain(JMP_JA, u32::try_from(distance).or(Err(BuildError::TooLong))?))
}

fn opcode(test: Test) -> (u16, u32) {
    match test {
        Test::Eq(k) => (JMP_JEQ_K, k),
        Test::Ge(k) => (JMP_JGE_K, k),
        Test::Gt(k) => (JMP_JGT_K, k),
        Test::AnySet(k) => (JMP_JSET_K, k),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the low half is what is wanted")]
fn halves(value: u64) -> (u32, u32) {
    (value as u32, (value >> 32) as u32)
}

#[cfg(test)]
mod tests;
