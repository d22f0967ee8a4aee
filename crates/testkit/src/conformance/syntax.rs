//! What a script says, as data: the same for every venue that can perform it.

use anyclave_arch::Leaf;

/// One file: one leaf, many cases.
#[derive(Clone, Debug)]
pub struct Script {
    /// Path from the folder of scripts, with slashes.
    pub file: String,
    /// The leaf that cases execute unless they say otherwise.
    pub leaf: Leaf,
    /// Cases with what they begin with.
    pub sections: Vec<Section>,
}

/// Cases that begin alike.
#[derive(Clone, Debug, Default)]
pub struct Section {
    /// Of two consecutive cases at once, the earlier one shows.
    pub ordered: bool,
    /// Every case begins with these.
    pub setup: Vec<Statement>,
    /// In the order of the file.
    pub cases: Vec<Case>,
}

/// A scene, a leaf, and what must come of it.
#[derive(Clone, Debug)]
pub struct Case {
    /// As it stands behind `case`.
    pub name: String,
    /// Line of the name.
    pub line: usize,
    /// Not to be combined with the case that follows.
    pub alone: bool,
    /// Only the model can set up what the case needs.
    pub model_only: bool,
    /// What is done and expected.
    pub statements: Vec<Statement>,
}

/// One statement.
#[derive(Clone, Debug)]
pub struct Statement {
    /// Its line.
    pub line: usize,
    /// What it says.
    pub kind: Kind,
}

/// Statements. The first group describes what there is before anything happens, wherever it stands.
#[derive(Clone, Debug)]
pub enum Kind {
    /// `cpu WORD…`: the make of the processor.
    Cpu(Vec<Setting>),
    /// `enclave NAME WORD…`.
    Enclave {
        /// Its name.
        name: String,
        /// How it differs from the usual one.
        settings: Vec<Setting>,
    },
    /// `with E.NAME at OFFSET TYPE RIGHTS…`: one more page of an enclave, or another one in its place.
    With {
        /// Enclave and page.
        name: String,
        /// Offset in ELRANGE.
        offset: Expr,
        /// Type, rights and the byte that fills it.
        settings: Vec<Setting>,
    },
    /// `without E.NAME`.
    Without(String),
    /// `page NAME…`: free EPC pages.
    Pages(Vec<String>),
    /// `memory NAME…`: pages of ordinary memory.
    Memory(Vec<String>),
    /// `image PLACE = VALUE`: what the loader is given.
    Image(Assignment),
    /// `struct NAME TYPE at PLACE`: a name for bytes somewhere.
    Struct {
        /// The name.
        name: String,
        /// The layout.
        layout: String,
        /// Its address.
        at: Expr,
    },

    /// `PLACE = VALUE`.
    Assign(Assignment),
    /// `let NAME = VALUE`.
    Let {
        /// The name.
        name: String,
        /// What it stands for from now on.
        value: Value,
    },
    /// `map ADDRESS to …`.
    Map {
        /// A page's linear address.
        at: Expr,
        /// What it leads to.
        to: MapTo,
    },
    /// `epcm PAGE WORD…`: changes an EPCM entry behind the processor's back.
    Epcm {
        /// The page.
        page: String,
        /// What is set, or cleared by a `-` before it.
        settings: Vec<Setting>,
    },
    /// `hold PAGE LOCK`: a leaf of another processor holds a lock.
    Hold {
        /// Its address.
        page: Expr,
        /// Which lock.
        lock: String,
    },
    /// `release`: the leaves of other processors have ended.
    Release,
    /// `sign ENCLAVE`: a SIGSTRUCT that fits, in `sigstruct`.
    Sign(String),
    /// `resign`: signs `sigstruct` anew.
    Resign,
    /// `grant ENCLAVE`: a launch enclave's permission, in `token`; its signer becomes the one that is trusted.
    Grant(String),
    /// `mac`: MACs `token` anew.
    Mac,
    /// `processor N`: what follows happens on this processor.
    Processor(Expr),
    /// `event`: an event waits for the processor.
    Event,
    /// `guest`: the processor runs a virtual machine whose EPC a hypervisor makes larger than it is.
    Guest,
    /// `microcode VALUE`: microcode with this CPUSVN is loaded.
    Microcode(Value),
    /// `run …`, or the name of a leaf with its operands: a step, which must succeed.
    Run(Run),
    /// `aex …`, a step, or `run aex …`: an asynchronous exit.
    Aex {
        /// Why.
        event: Event,
        /// Whether expectations follow.
        step: bool,
    },
    /// `expect …`.
    Expect(Expect),
}

/// A word, or a word with a value, or a word with `-` or `+` before it.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The word.
    pub word: String,
    /// `-` stood before it.
    pub negated: bool,
    /// What stood behind `=`.
    pub value: Option<Expr>,
}

/// Executes a leaf.
#[derive(Clone, Debug)]
pub struct Run {
    /// None: that of the file, on the registers as they are.
    pub leaf: Option<Leaf>,
    /// Operands in the order of [`super::leaves`].
    pub operands: Vec<Expr>,
    /// Registers and fields of structures.
    pub named: Vec<Assignment>,
    /// It must succeed, and no expectation is about it.
    pub step: bool,
}

/// What an address is to lead to.
#[derive(Clone, Debug)]
pub enum MapTo {
    /// The page behind a name or address.
    Page(Expr),
    /// Ordinary memory, zeroed.
    Memory,
    /// Nothing.
    Nothing,
    /// What it leads to now, but writes fault.
    ReadOnly,
}

/// An event that ends enclave mode.
#[derive(Clone, Debug)]
pub struct Event {
    /// The vector; None for an interrupt.
    pub vector: Option<String>,
    /// For #PF.
    pub address: Option<Expr>,
    /// The error code.
    pub code: Option<Expr>,
}

/// A place that can be written.
#[derive(Clone, Debug)]
pub enum Place {
    /// A register, a field, or an object.
    Name(String),
    /// One byte of an object or field.
    Byte(String, Expr),
    /// `u8[ADDRESS]` to `u64[ADDRESS]`, and `bytes(ADDRESS, LENGTH)`.
    Memory(Expr, Expr),
}

/// A change of a place.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// What changes.
    pub place: Place,
    /// `=`, `|=`, `&=`, `^=`, `+=` or `-=`.
    pub operator: &'static str,
    /// To what, or by what.
    pub value: Value,
    /// `poke`: behind the processor's back.
    pub poke: bool,
}

/// A number or bytes.
#[derive(Clone, Debug)]
pub enum Value {
    /// A number, or the bytes of a name that has more than eight.
    Expr(Expr),
    /// `fill N`: the byte N everywhere.
    Fill(Expr),
    /// `hex …`.
    Hex(Vec<u8>),
    /// `FUNCTION(ARGUMENT, …)`.
    Function(String, Vec<Expr>),
}

/// A number.
#[derive(Clone, Debug)]
pub enum Expr {
    /// Itself.
    Number(u64),
    /// A constant, a register, the address of an object, the value of a field.
    Name(String),
    /// What stands at an address: bytes, address.
    Memory(Box<Place>),
    /// `~` or `-`.
    Unary(&'static str, Box<Expr>),
    /// An operation on two; wraps.
    Binary(&'static str, Box<Expr>, Box<Expr>),
}

/// What must be.
#[derive(Clone, Debug)]
pub enum Expect {
    /// The leaf completed without a code.
    Done,
    /// The leaf faulted, and nothing changed.
    Fault {
        /// The exception.
        fault: Fault,
        /// The check that failed; None for ordinary paging.
        cause: Option<String>,
    },
    /// The leaf completed with a code.
    Code {
        /// RAX.
        code: Expr,
        /// ZF, otherwise CF.
        zf: bool,
        /// The check.
        cause: String,
        /// It did its work in spite of the code.
        completes: bool,
    },
    /// Two values are the same, or not.
    Compare {
        /// What is looked at.
        left: Value,
        /// Whether they must differ.
        differ: bool,
        /// What it is compared with.
        right: Value,
    },
    /// The EPCM entry of a page, in full.
    Epcm {
        /// The page.
        page: String,
        /// Its state.
        settings: Vec<Setting>,
    },
    /// The processor is in enclave mode, or not.
    Inside(bool),
    /// All registers but those that the case names are as before.
    Others,
    /// What the operating system gets from an asynchronous exit.
    Delivered(Event),
}

/// An exception.
#[derive(Clone, Debug)]
pub enum Fault {
    /// #GP(0).
    Gp,
    /// #UD.
    Ud,
    /// #PF.
    Pf {
        /// CR2.
        address: Expr,
        /// A write, otherwise a read.
        write: bool,
        /// The whole error code, where it is not that of an SGX check.
        code: Option<Expr>,
    },
}
