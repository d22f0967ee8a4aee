//! Launch control in words: `--launch-control`.

use anyclave_cpu::LaunchControl;

/// What is not a kind of launch control.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LaunchControlError {
    /// None of the words.
    #[error("'{0}' is no launch control: writable, locked, locked=intel, locked=MRSIGNER and absent are")]
    Unknown(String),
    /// What follows `locked=`.
    #[error("'{0}' is no MRSIGNER: 64 hexadecimal digits are, or intel")]
    Mrsigner(String),
}

/// Reads `writable`, `locked`, `locked=intel`, `locked=` and the 64 hexadecimal digits of an MRSIGNER, or `absent`.
///
/// # Errors
/// It is something else.
pub fn parse_launch_control(text: &str) -> Result<LaunchControl, LaunchControlError> {
    match text {
        "writable" => Ok(LaunchControl::Writable),
        "locked" | "locked=intel" => Ok(LaunchControl::intel()),
        "absent" => Ok(LaunchControl::Absent),
        _ => {
            let digits = text.strip_prefix("locked=");
            let digits = digits.ok_or_else(|| LaunchControlError::Unknown(text.to_owned()))?;
            let mrsigner = bytes_of(digits).ok_or_else(|| LaunchControlError::Mrsigner(digits.to_owned()))?;
            Ok(LaunchControl::Locked(mrsigner))
        }
    }
}

/// The text that [`parse_launch_control`] reads back, as short as it can be.
#[must_use]
pub fn launch_control_text(launch_control: LaunchControl) -> String {
    match launch_control {
        LaunchControl::Writable => "writable".to_owned(),
        LaunchControl::Absent => "absent".to_owned(),
        intel if intel == LaunchControl::intel() => "locked".to_owned(),
        LaunchControl::Locked(mrsigner) => {
            mrsigner.iter().fold("locked=".to_owned(), |text, byte| format!("{text}{byte:02x}"))
        }
    }
}

fn bytes_of(digits: &str) -> Option<[u8; 32]> {
    let (pairs, []) = digits.as_bytes().as_chunks::<2>() else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes: Option<Vec<u8>> =
        pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect();
    bytes?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_back() {
        let other = format!("locked={}", "0123456789abcdef".repeat(4));
        for text in ["writable", "locked", "absent", &other] {
            assert_eq!(launch_control_text(parse_launch_control(text).unwrap()), text);
        }
        assert_eq!(parse_launch_control("locked=intel"), parse_launch_control("locked"));
    }

    #[test]
    fn digits_are_the_bytes_of_mrsigner_in_order() {
        let LaunchControl::Locked(mrsigner) =
            parse_launch_control(&format!("locked=AC{}01", "b7".repeat(30))).unwrap()
        else {
            panic!("not locked");
        };
        assert_eq!((mrsigner[0], mrsigner[1], mrsigner[31]), (0xac, 0xb7, 1));
        let intel = "acb77012053e05a63d413b8bbae8fb6c5d73b3f2996d91c43bbbf90959c0f8d4";
        assert_eq!(parse_launch_control(&format!("locked={intel}")), Ok(LaunchControl::intel()));
    }

    #[test]
    fn other_words_are_refused() {
        for text in ["", "Writable", "unlocked", "locked ", "=", "writable=intel"] {
            assert_eq!(parse_launch_control(text), Err(LaunchControlError::Unknown(text.to_owned())));
        }
        let digits = ["".to_owned(), "Intel".to_owned(), "0".repeat(63), "0".repeat(65), "0".repeat(66)];
        for digits in digits.into_iter().chain(["x".repeat(64), "é".repeat(32), "+1".repeat(32)]) {
            let refused = Err(LaunchControlError::Mrsigner(digits.clone()));
            assert_eq!(parse_launch_control(&format!("locked={digits}")), refused);
        }
    }
}
