//! A process that does what it is told, under `anyclave run`: `conform.c`.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::agent::{AGENT_BYTES, Agent, SITE, SITE_BYTES, WAIT, block, block_of};
use crate::compile::{Flavour, compile};
use crate::run::anyclave;

/// Where ENCLU stands outside of enclaves, as on the model.
pub(crate) const OUTSIDE_SITE: u64 = 0x40_1000;
/// The agents outside.
const OUTSIDE: [u64; 2] = [OUTSIDE_SITE - SITE, 0x41_0000];
/// Memory for what is carried into and out of enclaves.
pub(crate) const SCRATCH: u64 = 0x42_0000;

const SYS_OPEN: u64 = 2;
const SYS_CLOSE: u64 = 3;
const SYS_MMAP: u64 = 9;
const SYS_MUNMAP: u64 = 11;
const SYS_IOCTL: u64 = 16;
const SYS_MPROTECT: u64 = 10;
const SHARED_FIXED: u64 = 0x11;
const PRIVATE_ANONYMOUS_FIXED: u64 = 0x32;
const PRIVATE_ANONYMOUS_FIXED_NOREPLACE: u64 = 0x10_0022;

/// How a processor came back.
#[derive(Clone, Debug)]
pub(crate) struct Stop {
    /// The agent that stored the registers; None for a signal.
    pub(crate) at: Option<u32>,
    /// RAX to R15 in the order of the SSA, and RFLAGS.
    pub(crate) gprs: [u64; 17],
    /// x87, SSE and AVX.
    pub(crate) xsave: Vec<u8>,
    /// Of FS and GS, not for a signal.
    pub(crate) bases: [u64; 2],
    /// For a signal: vector, error code, CR2, RIP.
    pub(crate) fault: [u64; 4],
}

/// A processor's registers before an instruction.
#[derive(Clone, Debug)]
pub(crate) struct Start {
    pub(crate) gprs: [u64; 17],
    /// None: as they are.
    pub(crate) xsave: Option<Vec<u8>>,
    /// Of FS and GS, inside.
    pub(crate) bases: [u64; 2],
}

/// The process.
pub(crate) struct Process {
    child: Child,
    stdin: ChildStdin,
    stdout: ChildStdout,
    /// What it has been told and has not answered yet.
    pending: usize,
}

impl Process {
    /// Starts it, with the agents outside and two processors that wait.
    pub(crate) fn new(agents: &[Agent; 2], folder: &Path) -> Self {
        let program = compile("conform", Flavour::Default, folder);
        // the model of the scripts has everything, too
        let mut command = Command::new(anyclave());
        command.args(["run", "-q", "--cpu", "max", "--"]).arg(program);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        command.stderr(File::create(folder.join("stderr")).unwrap());
        let mut child = command.spawn().unwrap();
        let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut process = Self { child, stdin, stdout, pending: 0 };
        for (at, pages) in [(0x40_0000, 2), (OUTSIDE[1], 1), (SCRATCH, 16)] {
            process.map(at, pages * 0x1000);
        }
        for ((processor, agent), at) in (0..).zip(agents).zip(OUTSIDE) {
            process.write(at, &agent.numbered(0));
            process.write(block_of(processor) + block::WAIT, &(at + WAIT).to_le_bytes());
            assert_eq!(process.command([3, processor, 0, 0, 0, 0, 0, 0]), 0, "a thread starts");
        }
        process
    }

    fn command(&mut self, words: [u64; 8]) -> u64 {
        self.tell(words, &[]);
        self.answer()
    }

    fn tell(&mut self, words: [u64; 8], bytes: &[u8]) {
        let mut message: Vec<u8> = words.into_iter().flat_map(u64::to_le_bytes).collect();
        message.extend(bytes);
        self.stdin.write_all(&message).expect("the process listens");
    }

    fn answer(&mut self) -> u64 {
        for _ in 0..std::mem::take(&mut self.pending) {
            assert_eq!(self.word(), 1, "memory can be written");
        }
        self.word()
    }

    fn word(&mut self) -> u64 {
        let mut answer = [0; 8];
        self.stdout.read_exact(&mut answer).expect("the process answers");
        u64::from_le_bytes(answer)
    }

    /// A system call; an errno as a negative number.
    fn system(&mut self, number: u64, arguments: [u64; 6]) -> Result<u64, u64> {
        let [a, b, c, d, e, f] = arguments;
        let result = self.command([0, number, a, b, c, d, e, f]);
        if result > u64::MAX - 4096 { Err(result.wrapping_neg()) } else { Ok(result) }
    }

    /// Memory for anything, at a place of its own.
    pub(crate) fn map(&mut self, at: u64, length: u64) {
        let arguments = [at, length, 7, PRIVATE_ANONYMOUS_FIXED_NOREPLACE, u64::MAX, 0];
        assert_eq!(self.system(SYS_MMAP, arguments), Ok(at), "{at:#x}");
    }

    /// A page of an enclave, with these rights.
    pub(crate) fn map_page(&mut self, at: u64, rights: u64, file: u64) {
        let arguments = [at, 0x1000, rights, SHARED_FIXED, file, 0];
        assert_eq!(self.system(SYS_MMAP, arguments), Ok(at), "{at:#x}");
    }

    /// Ordinary memory in the place of whatever is there.
    pub(crate) fn replace(&mut self, at: u64) -> Result<u64, u64> {
        self.system(SYS_MMAP, [at, 0x1000, 7, PRIVATE_ANONYMOUS_FIXED, u64::MAX, 0])
    }

    /// Forbids writes.
    pub(crate) fn protect(&mut self, at: u64) -> Result<u64, u64> {
        self.system(SYS_MPROTECT, [at, 0x1000, 1, 0, 0, 0])
    }

    pub(crate) fn unmap(&mut self, at: u64, length: u64) {
        assert_eq!(self.system(SYS_MUNMAP, [at, length, 0, 0, 0, 0]), Ok(0));
    }

    pub(crate) fn open(&mut self, path: &str) -> u64 {
        self.write(SCRATCH, format!("{path}\0").as_bytes());
        self.system(SYS_OPEN, [SCRATCH, 2, 0, 0, 0, 0]).expect("the node opens")
    }

    pub(crate) fn close(&mut self, file: u64) {
        assert_eq!(self.system(SYS_CLOSE, [file, 0, 0, 0, 0, 0]), Ok(0));
    }

    /// An ioctl whose argument is at an address.
    pub(crate) fn ioctl(&mut self, file: u64, request: u64, argument: u64) -> Result<u64, u64> {
        self.system(SYS_IOCTL, [file, request, argument, 0, 0, 0])
    }

    /// Bytes of ordinary memory.
    pub(crate) fn read(&mut self, at: u64, length: usize) -> Vec<u8> {
        self.tell([1, at, length as u64, 0, 0, 0, 0, 0], &[]);
        assert_eq!(self.answer(), 1, "{at:#x} can be read");
        let mut bytes = vec![0; length];
        self.stdout.read_exact(&mut bytes).expect("the process answers");
        bytes
    }

    /// Changes bytes of ordinary memory. The answer is waited for when another one is needed.
    pub(crate) fn write(&mut self, at: u64, bytes: &[u8]) {
        self.tell([2, at, bytes.len() as u64, 0, 0, 0, 0, 0], bytes);
        self.pending += 1;
    }

    /// Writes the instruction that the agent outside executes next.
    pub(crate) fn instruct(&mut self, processor: u64, instruction: &[u8]) {
        self.write(OUTSIDE[usize::try_from(processor).unwrap()] + SITE, &site(instruction));
    }

    /// Where a processor's agent outside begins: a target for EEXIT.
    pub(crate) fn outside(processor: u64) -> u64 {
        OUTSIDE[usize::try_from(processor).unwrap()]
    }

    /// Executes what stands at the site of the agent where the processor is, or interrupts it there.
    pub(crate) fn step(&mut self, processor: u64, start: &Start, interrupt: bool) -> Stop {
        let block = block_of(processor);
        let gprs: Vec<u8> = start.gprs.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.write(block + block::IN, &gprs);
        self.write(block + block::IN_BASES, &start.bases.map(u64::to_le_bytes).concat());
        if let Some(xsave) = &start.xsave {
            self.write(block + block::XIN, xsave);
        }
        let done = self.command([if interrupt { 5 } else { 4 }, processor, 0, 0, 0, 0, 0, 0]);
        assert_ne!(done, 0, "the processor comes back");
        let bytes = self.read(block, 0x1000);
        let word = |at: u64| {
            let at = usize::try_from(at).unwrap();
            u64::from_le_bytes(*bytes[at..].first_chunk().unwrap())
        };
        let xsave = usize::try_from(block::XOUT).unwrap();
        let at = u32::from_le_bytes(*bytes[usize::try_from(block::WHERE).unwrap()..].first_chunk().unwrap());
        Stop {
            at: (done == 1).then_some(at),
            gprs: std::array::from_fn(|index| word(block::OUT + index as u64 * 8)),
            bases: [word(block::OUT_BASES), word(block::OUT_BASES + 8)],
            xsave: bytes[xsave..xsave + block::XSAVE_BYTES].to_vec(),
            fault: [word(0x210), word(0x218), word(0x220), word(0x228)],
        }
    }
}

/// An instruction with nothing behind it.
pub(crate) fn site(instruction: &[u8]) -> [u8; SITE_BYTES] {
    let mut bytes = [0x90; SITE_BYTES];
    bytes[..instruction.len()].copy_from_slice(instruction);
    bytes
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

const _: () = assert!(AGENT_BYTES < 0x1000);
