//! The host program, and what it tells.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Instant;

use anyclave_arch::report::Report;
use anyclave_arch::targetinfo::TargetInfo;
use anyclave_arch::{SigStruct, cpuid};
use anyclave_hello::abi::{COUNT, ECHO, FORGED, GENUINE, REPORT, UNDEFINED, VERIFY, WRITE_CODE};
use anyclave_sys::client::Return;
use anyclave_sys::cpuid::cpuid;
use zerocopy::{FromZeros, IntoBytes};

use super::enclave::{CallWords, DemoError, EEXIT, Enclave, included};

/// #UD and #PF.
const UD: u16 = 6;
const PF: u16 = 14;

/// Loads the enclave and uses it; each step tells what it does and what came of it.
pub(super) fn tell(out: &mut impl Write) -> Result<(), DemoError> {
    processor(out)?;
    let (image, sigstruct) = included()?;
    let mut enclave = load(out, image, &sigstruct)?;
    calls(out, &mut enclave)?;
    faults(out, &mut enclave)?;
    report(out, &mut enclave, &sigstruct)?;
    writeln!(
        out,
        "\nAll of this was a simulation. The processor is a program, its keys belong to you, and you can read\n\
         every byte of the enclave: it protects nothing."
    )?;
    Ok(())
}

/// Says how many nanoseconds a call of the enclave takes, EENTER and EEXIT: the median of many.
pub(super) fn measure(out: &mut impl Write) -> Result<(), DemoError> {
    const CALLS: usize = 301;
    let (image, sigstruct) = included()?;
    let mut enclave = load(&mut io::sink(), image, &sigstruct)?;
    let mut times = Vec::with_capacity(CALLS);
    for _ in 0..CALLS {
        let mut words = CallWords::new(ECHO, 1);
        let begin = Instant::now();
        let back = enclave.call(&mut words)?;
        times.push(begin.elapsed());
        left(back)?;
    }
    times.sort_unstable();
    writeln!(out, "{}", times[CALLS / 2].as_nanos())?;
    Ok(())
}

fn processor(out: &mut impl Write) -> Result<(), DemoError> {
    writeln!(out, "The processor")?;
    let features = cpuid(7, 0);
    if features.ebx & cpuid::LEAF7_EBX_SGX == 0 {
        return Err(DemoError::Missing("CPUID knows of no SGX"));
    }
    let (leaf, attributes) = (cpuid(cpuid::SGX_LEAF, 0), cpuid(cpuid::SGX_LEAF, 1));
    if leaf.ebx & anyclave_hello::MISCSELECT.bits() == 0 {
        return Err(DemoError::Missing(
            "this processor does not tell enclaves the address of a page fault (EXINFO), and this enclave asks \
             for it; --cpu icelake does",
        ));
    }
    let flexible = features.ecx & cpuid::LEAF7_ECX_SGX_LC != 0;
    writeln!(
        out,
        "  CPUID.7.0:EBX[2] = 1: SGX, launch control {}",
        if flexible { "flexible" } else { "locked" }
    )?;
    writeln!(out, "  CPUID.12H.0: EAX = {:#x}, enclaves below 2^{} bytes", leaf.eax, leaf.edx >> 8 & 0xff)?;
    writeln!(
        out,
        "  CPUID.12H.1: ATTRIBUTES {:#x}, XFRM {:#x}",
        wide(attributes.eax, attributes.ebx),
        wide(attributes.ecx, attributes.edx)
    )?;
    let section = cpuid(cpuid::SGX_LEAF, cpuid::FIRST_SECTION_SUBLEAF);
    let size = wide(section.ecx & !0xfff, section.edx & 0xf_ffff);
    writeln!(out, "  CPUID.12H.2: an EPC section of {} KiB", size >> 10)?;
    Ok(())
}

fn load(
    out: &mut impl Write,
    image: anyclave_sign::Image,
    sigstruct: &SigStruct,
) -> Result<Enclave, DemoError> {
    writeln!(out, "\nThe enclave")?;
    let (pages, size) = (image.pages.len(), image.size);
    let measurement = image.mrenclave();
    let enclave = Enclave::open(image)?;
    writeln!(out, "  /dev/sgx_enclave opened, {} KiB reserved at {:#x}", size >> 10, enclave.base())?;
    enclave.create()?;
    writeln!(out, "  ECREATE: done")?;
    enclave.add_pages()?;
    writeln!(out, "  EADD and EEXTEND: {pages} pages added and measured")?;
    writeln!(out, "  its signer measured     {}", hex(&measurement))?;
    enclave.init(sigstruct)?;
    writeln!(out, "  EINIT: measurement and RSA signature are right")?;
    enclave.map()?;
    writeln!(out, "  __vdso_sgx_enter_enclave found at {:#x}", enclave.entry())?;
    Ok(enclave)
}

fn calls(out: &mut impl Write, enclave: &mut Enclave) -> Result<(), DemoError> {
    writeln!(out, "\nCalls: EENTER, work, EEXIT")?;
    let mut words = CallWords::new(ECHO, 0xc0ffee);
    left(enclave.call(&mut words)?)?;
    expect("echo", 0xc0ffee, words.result())?;
    writeln!(out, "  echo {:#x} = {:#x}", words.argument(), words.result())?;
    let mut sum = 0;
    for summand in [40, 2] {
        let mut words = CallWords::new(COUNT, summand);
        left(enclave.call(&mut words)?)?;
        sum += summand;
        expect("the counter", sum, words.result())?;
        writeln!(out, "  a counter that only the enclave has, plus {summand} = {}", words.result())?;
    }
    Ok(())
}

fn faults(out: &mut impl Write, enclave: &mut Enclave) -> Result<(), DemoError> {
    writeln!(out, "\nFaults inside: asynchronous exit, handler in the enclave, ERESUME")?;
    fault(out, enclave, UNDEFINED, UD, "an undefined instruction")?;
    fault(out, enclave, WRITE_CODE, PF, "a store to its own code")
}

/// One call that faults: the host hears of it, has the enclave handle it, and goes on with the call.
fn fault(
    out: &mut impl Write,
    enclave: &mut Enclave,
    number: u64,
    vector: u16,
    what: &str,
) -> Result<(), DemoError> {
    const VALUE: u64 = 7;
    let mut interrupted = CallWords::new(number, VALUE);
    let back = enclave.call(&mut interrupted)?;
    if back.function == EEXIT || back.vector != vector {
        return Err(DemoError::Return { expected: "an exception", got: back });
    }
    let mut seen = String::new();
    if vector == PF {
        // Writing to a string cannot fail.
        let _ = write!(seen, ", error code {:#x}, page {:#x}", back.error_code, back.address);
    }
    writeln!(out, "  {what}: the host sees vector {}{seen}", back.vector)?;

    let mut handler = CallWords::new(ECHO, 0);
    left(enclave.call(&mut handler)?)?;
    expect("the vector in the SSA", vector.into(), handler.result())?;
    match handler.argument() {
        0 => writeln!(out, "    the enclave sees vector {} and steps over", handler.result())?,
        at => writeln!(out, "    the enclave sees vector {} at {at:#x} and steps over", handler.result())?,
    }

    left(enclave.resume(&mut interrupted)?)?;
    expect("the interrupted call", VALUE, interrupted.result())?;
    writeln!(out, "    ERESUME: the call ends as if nothing had been")?;
    Ok(())
}

fn report(out: &mut impl Write, enclave: &mut Enclave, sigstruct: &SigStruct) -> Result<(), DemoError> {
    writeln!(out, "\nA report of the enclave for itself: EREPORT, EGETKEY")?;
    let mut target = TargetInfo::new_zeroed();
    target.measurement = sigstruct.enclavehash;
    target.attributes = anyclave_hello::ATTRIBUTES;
    target.attributes.flags |= anyclave_arch::Flags::INIT.bits();
    target.miscselect = anyclave_hello::MISCSELECT.bits().into();

    let mut words = CallWords::new(REPORT, 0x0123_4567_89ab_cdef);
    words.buffer().copy_from_slice(target.as_bytes());
    left(enclave.call(&mut words)?)?;
    let report: Report = words.read()?;
    writeln!(out, "  MRENCLAVE  {}", hex(&report.mrenclave))?;
    writeln!(out, "  MRSIGNER   {}", hex(&report.mrsigner))?;
    writeln!(
        out,
        "  ATTRIBUTES {:#x}, XFRM {:#x}, ISVPRODID {}, ISVSVN {}",
        report.attributes.flags, report.attributes.xfrm, report.isvprodid, report.isvsvn
    )?;
    writeln!(out, "  CPUSVN     {} (a pattern that no processor has)", hex(&report.cpusvn))?;
    writeln!(out, "  REPORTDATA {}...", hex(&report.reportdata[..8]))?;
    writeln!(out, "  MAC        {}", hex(&report.mac))?;
    if report.mrenclave != sigstruct.enclavehash {
        return Err(DemoError::Missing("the report is about another enclave"));
    }
    expect("the genuine report", GENUINE, verify(enclave, &report)?)?;
    writeln!(out, "  the enclave checks it with its report key: genuine")?;
    let mut forged = report;
    forged.isvsvn += 1;
    expect("the forged report", FORGED, verify(enclave, &forged)?)?;
    writeln!(out, "  the same with another ISVSVN: forged")?;
    Ok(())
}

fn verify(enclave: &mut Enclave, report: &Report) -> Result<u64, DemoError> {
    let mut words = CallWords::new(VERIFY, 0);
    words.buffer()[..size_of::<Report>()].copy_from_slice(report.as_bytes());
    left(enclave.call(&mut words)?)?;
    Ok(words.result())
}

/// The enclave left by EEXIT.
fn left(back: Return) -> Result<(), DemoError> {
    if (back.status, back.function) == (0, EEXIT) {
        Ok(())
    } else {
        Err(DemoError::Return { expected: "EEXIT", got: back })
    }
}

fn expect(what: &'static str, expected: u64, got: u64) -> Result<(), DemoError> {
    if got == expected { Ok(()) } else { Err(DemoError::Answer { what, expected, got }) }
}

fn wide(low: u32, high: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_shown_in_their_order() {
        assert_eq!(hex(&[0x01, 0xfe, 0x00]), "01fe00");
        assert_eq!(wide(0x89ab_cdef, 0x0123_4567), 0x0123_4567_89ab_cdef);
    }

    #[test]
    fn what_the_enclave_did_is_checked() {
        let back = Return { status: 0, function: EEXIT, vector: 0, error_code: 0, address: 0 };
        assert!(left(back).is_ok());
        assert!(left(Return { function: 3, ..back }).is_err());
        assert!(left(Return { status: -22, ..back }).is_err());
        assert!(expect("x", 1, 2).is_err());
    }
}
