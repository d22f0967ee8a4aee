//! Every oracle, for a moment: random bytes without guidance. `cargo xtask soak fuzz` gives them time and guidance.

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use anyclave_arch::{Encls, Enclu, Enclv, Leaf};
    use anyclave_cpu::Entropy as _;
    use anyclave_testkit::entropy::Seeded;
    use anyclave_testkit::fuzz::{TARGETS, leaves};

    /// Inputs for each oracle: ANYCLAVE_FUZZ_INPUTS, or enough for a few seconds.
    fn inputs() -> u64 {
        std::env::var("ANYCLAVE_FUZZ_INPUTS").ok().and_then(|text| text.parse().ok()).unwrap_or(200)
    }

    /// A game in which nothing ever succeeds would prove nothing.
    #[test]
    fn random_steps_reach_what_can_be_reached() {
        let mut done = BTreeSet::new();
        for seed in 0..200 {
            let mut bytes = vec![0; 4096];
            Seeded(seed).fill(&mut bytes);
            done.extend(leaves::play(&bytes));
        }
        // ECREATE wants a whole SECS, EUPDATESVN an empty EPC
        let never = ["ENCLS[ECREATE]", "ENCLS[EUPDATESVN]", "ENCLU[EVERIFYREPORT2]"];
        let encls = Encls::ALL.into_iter().map(Leaf::Encls);
        let enclu = Enclu::ALL.into_iter().map(Leaf::Enclu);
        let enclv = Enclv::ALL.into_iter().map(Leaf::Enclv);
        let names = encls.chain(enclu).chain(enclv).map(|leaf| leaf.to_string());
        let missing: Vec<_> =
            names.filter(|name| !never.contains(&name.as_str()) && !done.contains(name)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn no_bytes_break_an_oracle() {
        for (name, oracle) in TARGETS {
            for seed in 0..inputs() {
                let mut bytes = vec![0; 64 << (seed % 6)];
                Seeded(seed).fill(&mut bytes);
                let broken = std::panic::catch_unwind(|| oracle(&bytes)).is_err();
                assert!(!broken, "{name} with seed {seed}");
            }
        }
    }
}
