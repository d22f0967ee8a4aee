//! /proc/cpuinfo.

use crate::cpuid::{CpuidModel, intel};

/// What Linux can write behind `sgx` in a line of flags: those of leaf 7 that follow it, and of the leaves whose
/// flags come next.
const BEHIND_SGX: [&str; 34] = [
    "bmi1",
    "hle",
    "avx2",
    "smep",
    "bmi2",
    "erms",
    "invpcid",
    "rtm",
    "cqm",
    "mpx",
    "rdt_a",
    "avx512f",
    "avx512dq",
    "rdseed",
    "adx",
    "smap",
    "avx512ifma",
    "clflushopt",
    "clwb",
    "intel_pt",
    "avx512pf",
    "avx512er",
    "avx512cd",
    "sha_ni",
    "avx512bw",
    "avx512vl",
    "xsaveopt",
    "xsavec",
    "xgetbv1",
    "xsaves",
    "cqm_llc",
    "avx_vnni",
    "avx512_bf16",
    "arat",
];

/// What it can write behind `sgx_lc`.
const BEHIND_SGX_LC: [&str; 32] = [
    "overflow_recov",
    "succor",
    "smca",
    "avx512_4vnniw",
    "avx512_4fmaps",
    "fsrm",
    "avx512_vp2intersect",
    "md_clear",
    "serialize",
    "tsxldtrk",
    "pconfig",
    "arch_lbr",
    "ibt",
    "amx_bf16",
    "avx512_fp16",
    "amx_tile",
    "amx_int8",
    "flush_l1d",
    "arch_capabilities",
    "sme",
    "sev",
    "sev_es",
    "sev_snp",
    "debug_swap",
    "v_tsc_aux",
    "rtm_always_abort",
    "srbds_ctrl",
    "spec_ctrl",
    "intel_stibp",
    "core_capabilities",
    "spec_ctrl_ssbd",
    "hybrid_cpu",
];

/// Flags that only another maker's processors have.
const OTHERS: [&str; 24] = [
    "mmxext",
    "fxsr_opt",
    "3dnowext",
    "3dnow",
    "cmp_legacy",
    "svm",
    "extapic",
    "cr8_legacy",
    "sse4a",
    "misalignsse",
    "osvw",
    "ibs",
    "xop",
    "skinit",
    "wdt",
    "lwp",
    "fma4",
    "tce",
    "nodeid_msr",
    "tbm",
    "topoext",
    "clzero",
    "xsaveerptr",
    "rdpru",
];

/// The file where the host's is `host`: with the flags of SGX, and the name that CPUID tells. Nothing is
/// written twice where the host has it.
#[must_use]
pub fn cpuinfo(host: &[u8], model: &CpuidModel) -> Vec<u8> {
    let mut text = Vec::with_capacity(host.len() + 4096);
    for line in host.split_inclusive(|byte| *byte == b'\n') {
        // The kernel writes ASCII, a name from a processor's brand string perhaps not.
        match std::str::from_utf8(line).ok().and_then(|line| changed(line, model)) {
            Some(line) => text.extend_from_slice(line.as_bytes()),
            None => text.extend_from_slice(line),
        }
    }
    text
}

/// A line as this machine has it; None where that is how the host has it.
fn changed(line: &str, model: &CpuidModel) -> Option<String> {
    let (name, value) = line.split_once(':')?;
    let value = value.trim();
    let value = match name.trim_end() {
        "flags" => flags(value, model),
        "cpuid level" => CpuidModel::last_basic_leaf(value.parse().ok()?).to_string(),
        "vendor_id" if model.genuine_intel() => intel::VENDOR.to_owned(),
        "cpu family" if model.genuine_intel() => intel::FAMILY.to_string(),
        "model" if model.genuine_intel() => intel::MODEL.to_string(),
        "model name" if model.genuine_intel() => intel::BRAND.to_owned(),
        "stepping" if model.genuine_intel() => intel::STEPPING.to_string(),
        _ => return None,
    };
    Some(format!("{name}: {value}\n"))
}

fn flags(host: &str, model: &CpuidModel) -> String {
    let ours = ["sgx", "sgx_lc"];
    let left_out = |flag: &str| ours.contains(&flag) || model.genuine_intel() && OTHERS.contains(&flag);
    let mut flags: Vec<&str> = host.split_ascii_whitespace().filter(|flag| !left_out(flag)).collect();
    insert(&mut flags, "sgx", &BEHIND_SGX);
    if model.launch_control().is_writable() {
        insert(&mut flags, "sgx_lc", &BEHIND_SGX_LC);
    }
    flags.join(" ")
}

/// Puts a flag before the first of those that follow it.
fn insert<'a>(flags: &mut Vec<&'a str>, flag: &'a str, behind: &[&str]) {
    let place = flags.iter().position(|other| behind.contains(other)).unwrap_or(flags.len());
    flags.insert(place, flag);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, Host, Keys};
    use anyclave_cpu::LaunchControl;
    use anyclave_cpu::xsave::XsaveLayout;

    const HOST: &str = "processor\t: 0\n\
        vendor_id\t: AuthenticAMD\n\
        cpu family\t: 25\n\
        model\t\t: 17\n\
        model name\t: AMD EPYC\n\
        stepping\t: 1\n\
        cpuid level\t: 16\n\
        flags\t\t: fpu mmxext lm fsgsbase tsc_adjust bmi1 avx2 xsaveopt clzero arat umip rdpid fsrm\n\
        bugs\t\t: spectre_v1\n\
        power management:\n\
        \n";

    fn model(cpu: &str, launch_control: LaunchControl) -> CpuidModel {
        let host = Host { xcr0: 7, xsave: XsaveLayout::avx(), last_basic_leaf: 0x10, caches: Vec::new() };
        let config = Config::new(host, Keys::from_seed(""));
        CpuidModel::new(&Config { cpu: cpu.parse().unwrap(), launch_control, ..config })
    }

    fn of(host: &str, cpu: &str) -> String {
        String::from_utf8(cpuinfo(host.as_bytes(), &model(cpu, LaunchControl::Writable))).unwrap()
    }

    fn line<'a>(text: &'a str, name: &str) -> &'a str {
        text.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix(": ")).unwrap()
    }

    #[test]
    fn the_flags_stand_where_linux_writes_them() {
        let expected =
            "fpu mmxext lm fsgsbase tsc_adjust sgx bmi1 avx2 xsaveopt clzero arat umip rdpid sgx_lc fsrm";
        assert_eq!(line(&of(HOST, "icelake"), "flags"), expected);
    }

    #[test]
    fn all_else_is_the_hosts() {
        let text = of(HOST, "icelake");
        let differ: Vec<_> = HOST.lines().zip(text.lines()).filter(|(host, ours)| host != ours).collect();
        assert_eq!(differ.len(), 2);
        assert_eq!(differ[0].1, "cpuid level\t: 18");
        assert!(differ[1].1.starts_with("flags\t\t: fpu "));
        assert_eq!(HOST.lines().count(), text.lines().count());
    }

    #[test]
    fn a_host_with_sgx_has_it_once() {
        let host = "flags\t\t: fpu sgx bmi1 rdpid sgx_lc fsrm\n";
        assert_eq!(of(host, "icelake"), host);
        let host = "flags : fpu sgx bmi1 rdpid fsrm\n";
        assert_eq!(of(host, "icelake"), "flags : fpu sgx bmi1 rdpid sgx_lc fsrm\n");
        for fixed in [LaunchControl::intel(), LaunchControl::Absent] {
            let text = cpuinfo(b"flags : fpu sgx bmi1 sgx_lc\n", &model("icelake", fixed));
            assert_eq!(text, b"flags : fpu sgx bmi1\n");
        }
    }

    #[test]
    fn hosts_with_few_flags_get_them_at_the_end() {
        assert_eq!(of("flags : fpu lm\n", "icelake"), "flags : fpu lm sgx sgx_lc\n");
        assert_eq!(of("flags :\n", "icelake"), "flags : sgx sgx_lc\n");
    }

    #[test]
    fn another_name_stands_in_every_line_that_tells_it() {
        let text = of(&HOST.repeat(2), "icelake,+genuineintel");
        for (name, value) in [
            ("vendor_id", "GenuineIntel"),
            ("cpu family", "6"),
            ("model\t", "106"),
            ("model name", "Intel Xeon Processor (Icelake)"),
            ("stepping", "6"),
            ("flags", "fpu lm fsgsbase tsc_adjust sgx bmi1 avx2 xsaveopt arat umip rdpid sgx_lc fsrm"),
        ] {
            assert_eq!(line(&text, name), value, "{name}");
        }
        assert!(!text.contains("AMD"));
    }

    #[test]
    fn what_is_not_understood_is_left_alone() {
        let odd = b"flags\nmodel name\t: \xff\xfe\ncpuid level : x\n\n:\nno end";
        assert_eq!(cpuinfo(odd, &model("icelake,+genuineintel", LaunchControl::Writable)), odd);
    }
}
