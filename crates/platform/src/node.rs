//! The device nodes of a machine.

use anyclave_cpu::LaunchControl;

/// What a node leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Device {
    /// The enclave driver: every open makes an enclave.
    Enclave,
    /// The permission to make provisioning enclaves. Opening it is all it can do: read and write answer
    /// EINVAL, ioctl ENOTTY, mmap ENODEV.
    Provision,
}

/// Major number of miscellaneous devices.
pub const MISC_MAJOR: u32 = 10;
/// Type and permissions of the nodes: a character device, for all.
pub const NODE_MODE: u32 = 0o020_666;

impl Device {
    /// Minor number. Linux gives out the next free one; these are what a server usually shows.
    #[must_use]
    pub const fn minor(self) -> u32 {
        match self {
            Self::Enclave => 125,
            Self::Provision => 126,
        }
    }
}

/// A device node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// Absolute path.
    pub path: &'static str,
    /// What it leads to.
    pub device: Device,
}

/// Every node: the kernel's own names, and those that runtimes' udev rules add.
pub const NODES: [Node; 4] = [
    Node { path: "/dev/sgx_enclave", device: Device::Enclave },
    Node { path: "/dev/sgx/enclave", device: Device::Enclave },
    Node { path: "/dev/sgx_provision", device: Device::Provision },
    Node { path: "/dev/sgx/provision", device: Device::Provision },
];

/// The nodes of a machine. Linux has an enclave driver only where it may write the hash of the launch key; what then is
/// left, the provision node, is there for virtual machines.
pub fn nodes(launch_control: LaunchControl) -> impl Iterator<Item = Node> {
    let enclaves = launch_control.is_writable();
    NODES.into_iter().filter(move |node| enclaves || node.device != Device::Enclave)
}

impl Node {
    /// The node at a path without symbolic links and dots.
    #[must_use]
    pub fn at(path: &str) -> Option<Self> {
        NODES.into_iter().find(|node| node.path == path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_found_by_path() {
        assert_eq!(Node::at("/dev/sgx/enclave").map(|node| node.device), Some(Device::Enclave));
        assert_eq!(Node::at("/dev/sgx_provision").map(|node| node.device), Some(Device::Provision));
        assert_eq!(Node::at("/dev/sgx"), None);
        assert_eq!(Node::at("/dev/sgx_enclavex"), None);
    }
}
