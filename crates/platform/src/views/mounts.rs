//! /proc/PID/mounts and /proc/PID/mountinfo.

/// Which of the two forms a table of mounts has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// /proc/PID/mounts: source, mount point, type, options.
    Mounts,
    /// /proc/PID/mountinfo: the mount point is the fifth field, the mount's own options are the sixth.
    MountInfo,
}

/// Where device nodes are looked for, from the nearest mount point on.
const DEVICES: [&[u8]; 2] = [b"/dev", b"/"];

const NOEXEC: &[u8] = b"noexec";

impl Table {
    /// From the last component of a path.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        match name {
            "mounts" => Some(Self::Mounts),
            "mountinfo" => Some(Self::MountInfo),
            _ => None,
        }
    }

    /// The fields of the mount point and of the options.
    const fn fields(self) -> (usize, usize) {
        match self {
            Self::Mounts => (1, 3),
            Self::MountInfo => (4, 5),
        }
    }

    /// The table without `noexec` in the options of the mount that holds device nodes: those of a machine can be
    /// mapped for execution wherever the host has its own. None where that changes nothing.
    #[must_use]
    pub fn without_noexec(self, host: &[u8]) -> Option<Vec<u8>> {
        let (point, options) = self.fields();
        let lines = || host.split_inclusive(|byte| *byte == b'\n');
        let is_at = |line: &[u8], place: &[u8]| fields(line).nth(point) == Some(place);
        let holder = DEVICES.into_iter().find(|place| lines().any(|line| is_at(line, place)))?;
        let mut text = Vec::with_capacity(host.len());
        for line in lines() {
            if is_at(line, holder) {
                push_without(&mut text, line, options);
            } else {
                text.extend_from_slice(line);
            }
        }
        (text.len() < host.len()).then_some(text)
    }
}

/// Whether a table of the form of /proc/PID/mounts has, at a mount point, a file system of this type above all
/// others.
#[must_use]
pub fn is_mounted(mounts: &[u8], at: &str, file_system: &str) -> bool {
    let here = |line: &&[u8]| fields(line).nth(1) == Some(at.as_bytes());
    let last = mounts.split(|byte| *byte == b'\n').rfind(here);
    last.and_then(|line| fields(line).nth(2)) == Some(file_system.as_bytes())
}

fn fields(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| *byte == b' ')
}

/// Appends a line whose field of options loses one.
fn push_without(text: &mut Vec<u8>, line: &[u8], options: usize) {
    for (index, field) in fields(line).enumerate() {
        if index > 0 {
            text.push(b' ');
        }
        if index == options {
            let kept = field.split(|byte| *byte == b',').filter(|option| *option != NOEXEC);
            text.extend_from_slice(&kept.collect::<Vec<_>>().join(&b','));
        } else {
            text.extend_from_slice(field);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &[u8] = b"proc /proc proc rw,nosuid,nodev,noexec,relatime 0 0\n\
        udev /dev devtmpfs rw,nosuid,noexec,relatime,size=4k 0 0\n\
        devpts /dev/pts devpts rw,nosuid,noexec 0 0\n\
        /dev/sda1 / ext4 rw,noexec 0 0\n";

    #[test]
    fn the_mount_of_the_nodes_is_executable() {
        let text = Table::Mounts.without_noexec(MOUNTS).unwrap();
        let expected = "proc /proc proc rw,nosuid,nodev,noexec,relatime 0 0\n\
            udev /dev devtmpfs rw,nosuid,relatime,size=4k 0 0\n\
            devpts /dev/pts devpts rw,nosuid,noexec 0 0\n\
            /dev/sda1 / ext4 rw,noexec 0 0\n";
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }

    #[test]
    fn without_a_mount_of_its_own_it_is_the_root() {
        let host = b"/dev/sda1 / ext4 noexec,rw 0 0\nproc /proc proc rw,noexec 0 0\n";
        let text = Table::Mounts.without_noexec(host).unwrap();
        assert_eq!(text, b"/dev/sda1 / ext4 rw 0 0\nproc /proc proc rw,noexec 0 0\n");
    }

    #[test]
    fn every_mount_on_the_same_place_counts() {
        let host = b"a /dev tmpfs rw,noexec 0 0\nb /dev tmpfs noexec 0 0\n";
        let text = Table::Mounts.without_noexec(host).unwrap();
        assert_eq!(text, b"a /dev tmpfs rw 0 0\nb /dev tmpfs  0 0\n");
    }

    #[test]
    fn mountinfo_has_its_own_options_before_the_dash() {
        let host = b"24 27 0:6 / /dev rw,nosuid,noexec shared:2 - devtmpfs noexec rw,size=4k\n\
            27 1 254:0 / / rw - ext4 /dev/vda rw\n";
        let text = Table::MountInfo.without_noexec(host).unwrap();
        let expected = "24 27 0:6 / /dev rw,nosuid shared:2 - devtmpfs noexec rw,size=4k\n\
            27 1 254:0 / / rw - ext4 /dev/vda rw\n";
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }

    #[test]
    fn what_is_executable_already_is_left_alone() {
        assert_eq!(Table::Mounts.without_noexec(b"udev /dev devtmpfs rw 0 0\nx / ext4 noexec 0 0\n"), None);
        for odd in [&b""[..], b"\n", b"/dev", b"a /dev", b"a /device tmpfs noexec 0 0\n", b"\xff\xff  noexec"]
        {
            assert_eq!(Table::Mounts.without_noexec(odd), None);
            assert_eq!(Table::MountInfo.without_noexec(odd), None);
        }
    }

    #[test]
    fn the_topmost_mount_says_what_is_there() {
        assert!(is_mounted(MOUNTS, "/proc", "proc"));
        assert!(!is_mounted(MOUNTS, "/proc", "sysfs") && !is_mounted(MOUNTS, "/sys", "sysfs"));
        let covered = [MOUNTS, b"x /proc tmpfs rw 0 0\n"].concat();
        assert!(!is_mounted(&covered, "/proc", "proc"));
    }

    #[test]
    fn tables_are_known_by_name() {
        assert_eq!(Table::by_name("mounts"), Some(Table::Mounts));
        assert_eq!(Table::by_name("mountinfo"), Some(Table::MountInfo));
        assert_eq!(Table::by_name("mountstats"), None);
    }
}
