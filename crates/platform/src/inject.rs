//! Rare events in words: `--inject`.

use anyclave_cpu::{Inject, Odds};

/// What is not a list of events.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InjectError {
    /// A part without `=`, or with a name of nothing.
    #[error("'{0}' is no event: conflict=1/N, event=1/N and entropy=1/N are, and seed=N")]
    Unknown(String),
    /// What follows the name of an event.
    #[error("'{0}' says not how often: 1/N does, once in N times on average")]
    Odds(String),
    /// What follows `seed=`.
    #[error("'{0}' is no seed: a number below 2^64 is")]
    Seed(String),
    /// Something is said twice.
    #[error("'{0}' is there twice")]
    Twice(String),
    /// Nothing is to happen.
    #[error("no event is named: conflict=1/N, event=1/N and entropy=1/N are")]
    Nothing,
}

/// Reads `conflict=1/100,event=1/10,seed=7`: each part at most once, an event at least.
///
/// # Errors
/// It is something else.
pub fn parse_inject(text: &str) -> Result<Inject, InjectError> {
    let mut inject = Inject::default();
    let mut said = Vec::new();
    for part in text.split(',') {
        let (name, value) = part.split_once('=').ok_or_else(|| InjectError::Unknown(part.to_owned()))?;
        match name {
            "conflict" => inject.conflict = odds(value)?,
            "event" => inject.event = odds(value)?,
            "entropy" => inject.entropy = odds(value)?,
            "seed" => inject.seed = number(value).ok_or_else(|| InjectError::Seed(value.to_owned()))?,
            _ => return Err(InjectError::Unknown(part.to_owned())),
        }
        if said.contains(&name) {
            return Err(InjectError::Twice(name.to_owned()));
        }
        said.push(name);
    }
    if injects(&inject) { Ok(inject) } else { Err(InjectError::Nothing) }
}

/// The text that [`parse_inject`] reads back; empty where nothing happens.
#[must_use]
pub fn inject_text(inject: &Inject) -> String {
    let Inject { conflict, event, entropy, seed } = *inject;
    let odds = |name: &str, Odds(odds): Odds| (odds != 0).then(|| format!("{name}=1/{odds}"));
    let seed = (injects(inject) && seed != 0).then(|| format!("seed={seed}"));
    let parts = [odds("conflict", conflict), odds("event", event), odds("entropy", entropy), seed];
    parts.into_iter().flatten().collect::<Vec<_>>().join(",")
}

/// Whether anything happens that otherwise would not.
#[must_use]
pub fn injects(inject: &Inject) -> bool {
    *inject != Inject { seed: inject.seed, ..Inject::default() }
}

/// `1/N`, N not zero.
fn odds(text: &str) -> Result<Odds, InjectError> {
    let times = text.strip_prefix("1/").and_then(number::<u32>).filter(|times| *times != 0);
    times.map(Odds).ok_or_else(|| InjectError::Odds(text.to_owned()))
}

/// A number of digits alone: the standard library would take a sign, too.
fn number<N: std::str::FromStr>(text: &str) -> Option<N> {
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_back() {
        let inject = parse_inject("seed=7,entropy=1/5,event=1/10,conflict=1/100").unwrap();
        assert_eq!(inject, Inject { conflict: Odds(100), event: Odds(10), entropy: Odds(5), seed: 7 });
        assert_eq!(inject_text(&inject), "conflict=1/100,event=1/10,entropy=1/5,seed=7");
        for text in ["conflict=1/1", "event=1/4294967295", "event=1/2,seed=18446744073709551615"] {
            assert_eq!(inject_text(&parse_inject(text).unwrap()), text);
        }
    }

    #[test]
    fn nothing_happens_by_default() {
        assert!(!injects(&Inject::default()));
        assert!(!injects(&Inject { seed: 7, ..Inject::default() }));
        assert_eq!(inject_text(&Inject { seed: 7, ..Inject::default() }), "");
    }

    #[test]
    fn what_says_nothing_is_refused() {
        let error = |text: &str| parse_inject(text).unwrap_err();
        for text in ["", "conflict", "conflicts=1/2", "event=1/2,", "event=1/2,=1/2"] {
            assert!(matches!(error(text), InjectError::Unknown(_)), "{text}");
        }
        for odds in ["", "1", "2/3", "1/0", "1/", "1/-2", "1/+2", "1/4294967296", "0.5"] {
            assert_eq!(error(&format!("event={odds}")), InjectError::Odds(odds.to_owned()));
        }
        for seed in ["", "x", "-1", "+1", "18446744073709551616"] {
            assert_eq!(error(&format!("event=1/2,seed={seed}")), InjectError::Seed(seed.to_owned()));
        }
        assert_eq!(error("event=1/2,event=1/3"), InjectError::Twice("event".to_owned()));
        assert_eq!(error("seed=1"), InjectError::Nothing);
    }
}
