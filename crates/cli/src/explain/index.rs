//! What has a name: error codes, leaves, causes, ioctls, errnos.

use std::fmt::Write as _;

use anyclave_arch::{Encls, Enclu, Enclv, Leaf, SgxError};
use anyclave_trace::ioctl::{Answer, Call, IoctlCause};
use anyclave_trace::{Cause, Errno, Outcome};

use super::{IOCTL_PREFIX, command};

/// Something that can be explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// A code in RAX.
    Code(SgxError),
    /// A leaf of ENCLS or ENCLU.
    Leaf(Leaf),
    /// A check of a leaf.
    Cause(Cause),
    /// A call that the driver answers.
    Call(Call),
    /// A check of such a call.
    CallCause(IoctlCause),
    /// RAX is 0.
    Success,
    /// An errno of the driver.
    Answer(Answer),
    /// An error code of #PF.
    PageFault(u32),
}

/// Everything with this name; upper and lower case are one.
pub(super) fn meanings(word: &str) -> Vec<Entry> {
    let is = |name: &str| name.eq_ignore_ascii_case(word);
    let mut entries = Vec::new();
    entries.extend(
        SgxError::ALL
            .into_iter()
            .filter(|error| is(error.name()) || error.name().strip_prefix("SGX_").is_some_and(is))
            .map(Entry::Code),
    );
    entries.extend(leaves().filter(|leaf| is(leaf.name())).map(Entry::Leaf));
    entries.extend(Cause::all().filter(|cause| is(cause.name())).map(Entry::Cause));
    entries.extend(call(word).map(Entry::Call));
    entries.extend(IoctlCause::all().filter(|cause| is(cause.name())).map(Entry::CallCause));
    entries.extend((is(SUCCESS) || is("SUCCESS")).then_some(Entry::Success));
    entries.extend(answer_named(word).map(Entry::Answer));
    entries
}

/// The call of this name, with the kernel's prefix or without.
pub(super) fn call(word: &str) -> Option<Call> {
    let short = match word.get(..IOCTL_PREFIX.len()) {
        Some(prefix) if prefix.eq_ignore_ascii_case(IOCTL_PREFIX) => &word[IOCTL_PREFIX.len()..],
        _ => word,
    };
    Call::ALL.into_iter().find(|call| call.name().eq_ignore_ascii_case(short))
}

/// What programs see of a call that begins again after a signal, where the handler does not ask for that, and
/// what the kernel calls it.
const INTERRUPTED: [&str; 2] = ["EINTR", "ERESTARTSYS"];

/// The number of EINTR.
const EINTR: i32 = 4;

/// What the kernel calls no error.
const SUCCESS: &str = "SGX_SUCCESS";

/// The errno of this name or number, its sign left aside.
pub(super) fn answer(word: &str) -> Option<Answer> {
    let number = word.trim_start_matches('-').parse::<i32>().ok();
    let by_number = || Errno::ALL.into_iter().find(|errno| number == Some(errno.number())).map(Answer::Errno);
    let restart = || (number == Some(EINTR)).then_some(Answer::Restart);
    answer_named(word).or_else(by_number).or_else(restart)
}

fn answer_named(word: &str) -> Option<Answer> {
    let restart = INTERRUPTED.iter().any(|name| name.eq_ignore_ascii_case(word)).then_some(Answer::Restart);
    let errno = || Errno::ALL.into_iter().find(|errno| errno.name().eq_ignore_ascii_case(word));
    restart.or_else(|| errno().map(Answer::Errno))
}

/// All names.
pub(super) fn names() -> Vec<&'static str> {
    let mut names: Vec<_> = SgxError::ALL
        .into_iter()
        .map(SgxError::name)
        .chain(leaves().map(Leaf::name))
        .chain(Cause::all().map(Cause::name))
        .chain(Call::ALL.into_iter().map(Call::name))
        .chain(IoctlCause::all().map(IoctlCause::name))
        .chain(Errno::ALL.into_iter().map(Errno::name))
        .chain(INTERRUPTED)
        .chain([SUCCESS])
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn leaves() -> impl Iterator<Item = Leaf> {
    let encls = Encls::ALL.into_iter().map(Leaf::Encls);
    let enclu = Enclu::ALL.into_iter().map(Leaf::Enclu);
    let enclv = Enclv::ALL.into_iter().map(Leaf::Enclv);
    encls.chain(enclu).chain(enclv).chain([Leaf::AnyEncls, Leaf::AnyEnclu, Leaf::AnyEnclv])
}

impl Entry {
    /// A paragraph.
    pub(super) fn text(self) -> String {
        match self {
            Self::Code(error) => code(error),
            Self::Leaf(leaf) => whole_leaf(leaf),
            Self::Cause(cause) => format!("{}: {}: {}\n", cause.leaf(), cause.outcome(), cause.text()),
            Self::Call(call) => whole_call(call),
            Self::CallCause(cause) => format!("{}: {}: {}\n", cause.call(), cause.answer(), cause.text()),
            Self::Success => format!("{SUCCESS} (0 in RAX): the leaf has done what it was asked for\n"),
            Self::Answer(answer) => whole_answer(answer),
            Self::PageFault(bits) => super::number::page_fault(bits),
        }
    }
}

/// A list under a heading.
fn list(heading: &str, lines: impl Iterator<Item = String>) -> String {
    lines.fold(format!("{heading}\n"), |mut text, line| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {line}");
        text
    })
}

fn code(error: SgxError) -> String {
    let heading = format!("{} ({} in RAX): {}", error.name(), error.code(), error.meaning());
    let says = |cause: &Cause| matches!(cause.outcome(), Outcome::Zf(of) | Outcome::Cf(of) if of == error);
    let line = |cause: Cause| format!("{} {}: {}", cause.leaf(), cause.name(), cause.text());
    list(&heading, Cause::all().filter(says).map(line))
}

fn whole_leaf(leaf: Leaf) -> String {
    let heading = match leaf {
        Leaf::Encls(of) => format!("{leaf}, leaf {:X}: {}", of as u32, of.summary()),
        Leaf::Enclu(of) => format!("{leaf}, leaf {:X}: {}", of as u32, of.summary()),
        Leaf::Enclv(of) => format!("{leaf}, leaf {:X}: {}", of as u32, of.summary()),
        Leaf::AnyEncls => "ENCLS: the leaves of the operating system; checks before any of them".to_owned(),
        Leaf::AnyEnclu => "ENCLU: the leaves of programs and enclaves; checks before any of them".to_owned(),
        Leaf::AnyEnclv => "ENCLV: the leaves of hypervisors; checks before any of them".to_owned(),
    };
    let causes: Vec<_> = Cause::all().filter(|cause| cause.leaf() == leaf).collect();
    if causes.is_empty() {
        return format!("{heading}\n  This processor does not have it.\n");
    }
    let line = |cause: Cause| format!("{} {}: {}", cause.outcome(), cause.name(), cause.text());
    list(&format!("{heading}\nIt checks, in this order:"), causes.into_iter().map(line))
}

fn whole_call(call: Call) -> String {
    let heading = match command(call) {
        Some(number) => format!("{IOCTL_PREFIX}{call}, ioctl {number:#x}"),
        None if call == Call::Map => "mmap, mprotect and mremap of an enclave file".to_owned(),
        None => "Any ioctl on an enclave file".to_owned(),
    };
    let causes = IoctlCause::all().filter(|cause| cause.call() == call);
    list(&format!("{heading}\nIt checks, in this order:"), causes.map(|cause| call_line(cause, false)))
}

fn whole_answer(answer: Answer) -> String {
    let causes = IoctlCause::all().filter(|cause| cause.answer() == answer);
    let heading = format!("{}, where the driver answers it:", answer_words(answer));
    list(&heading, causes.map(|cause| call_line(cause, true)))
}

/// An answer with its number.
fn answer_words(answer: Answer) -> String {
    match answer {
        Answer::Errno(errno) => format!("{errno} ({})", errno.number()),
        Answer::Restart => format!("EINTR ({EINTR}), or the call begins again after the signal"),
    }
}

/// The checks of a call that answer with this.
pub(super) fn call_with_answer(call: Call, answer: Answer) -> String {
    let causes: Vec<_> = IoctlCause::all()
        .filter(|cause| cause.call() == call || cause.call() == Call::Ioctl && command(call).is_some())
        .filter(|cause| cause.answer() == answer)
        .collect();
    let words = answer_words(answer);
    if causes.is_empty() {
        return format!("{call} never answers {words}\n");
    }
    list(
        &format!("{call} answers {words} where"),
        causes.into_iter().map(|cause| format!("{}: {}", cause.name(), cause.text())),
    )
}

fn call_line(cause: IoctlCause, with_call: bool) -> String {
    let head = if with_call { cause.call().to_string() } else { cause.answer().to_string() };
    format!("{head} {}: {}", cause.name(), cause.text())
}
