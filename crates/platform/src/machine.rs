//! A booted machine.

use anyclave_arch::{EpcAddr, Linear};
use anyclave_cpu::{Bare, Entropy, Frames, Package, Processor};
use anyclave_driver::mmap::MapRequest;
use anyclave_driver::{
    Caller, Driver, EnclaveId, FaultOutcome, Features, IoctlRefusal, Progress, Released, Reply, Rights,
};

use crate::config::Config;
use crate::cpuid::CpuidModel;
use crate::epc::EpcLayout;
use crate::node::{Node, nodes};

/// Processor and driver of one machine.
#[derive(Debug)]
pub struct Machine<F, E> {
    package: Package<F, E>,
    /// The logical processor on which the driver runs.
    kernel: Processor,
    driver: Driver,
    cpuid: CpuidModel,
    epc: EpcLayout,
}

/// The parts of a machine, to be used side by side: an ENCLU works on the package while its operands are
/// looked up in the driver.
#[derive(Debug)]
pub struct Parts<'a, F, E> {
    /// What the logical processors share.
    pub package: &'a mut Package<F, E>,
    /// The logical processor on which the driver runs.
    pub kernel: &'a mut Processor,
    /// The driver.
    pub driver: &'a mut Driver,
}

impl<F: Frames, E: Entropy> Machine<F, E> {
    /// Switches a machine on and starts its driver.
    pub fn boot(config: &Config, frames: F, entropy: E) -> Self {
        let cpuid = CpuidModel::new(config);
        let mut package = Package::new(config.processor(), frames, entropy);
        let mut kernel = Processor::default();
        let features = Features::from_cpuid(package.config().sgx_leaf(0), package.config().sgx_leaf(1));
        let driver = Driver::new(&Bare::new(&mut package, &mut kernel), features);
        Self { package, kernel, driver, cpuid, epc: config.epc.clone() }
    }

    /// What CPUID answers.
    pub const fn cpuid(&self) -> &CpuidModel {
        &self.cpuid
    }

    /// The EPC sections and their nodes.
    pub const fn epc(&self) -> &EpcLayout {
        &self.epc
    }

    /// The device nodes.
    pub fn nodes(&self) -> impl Iterator<Item = Node> + use<F, E> {
        nodes(self.package.config().launch_control)
    }

    /// The processor's shared part.
    pub const fn package(&self) -> &Package<F, E> {
        &self.package
    }

    /// The driver.
    pub const fn driver(&self) -> &Driver {
        &self.driver
    }

    /// The parts side by side.
    pub const fn parts(&mut self) -> Parts<'_, F, E> {
        Parts { package: &mut self.package, kernel: &mut self.kernel, driver: &mut self.driver }
    }

    /// Opens an enclave file: [`Driver::open`].
    pub fn open(&mut self) -> EnclaveId {
        self.driver.open()
    }

    /// An ioctl on an enclave file: [`Driver::ioctl`].
    pub fn ioctl(
        &mut self,
        caller: &mut impl Caller,
        id: EnclaveId,
        command: u32,
        argument: u64,
    ) -> Progress<Reply> {
        let Parts { package, kernel, driver } = self.parts();
        driver.ioctl(&mut Bare::new(package, kernel), caller, id, command, argument)
    }

    /// Goes on with an ioctl after a wait: [`Driver::resume`].
    pub fn resume(&mut self, caller: &mut impl Caller, id: EnclaveId) -> Progress<Reply> {
        let Parts { package, kernel, driver } = self.parts();
        driver.resume(&mut Bare::new(package, kernel), caller, id)
    }

    /// Releases an enclave file: [`Driver::release`].
    pub fn release(&mut self, id: EnclaveId) -> Released {
        let Parts { package, kernel, driver } = self.parts();
        driver.release(&mut Bare::new(package, kernel), id)
    }

    /// The driver's check of a mapping: [`Driver::may_map`].
    ///
    /// # Errors
    /// The mapping is refused.
    pub fn may_map(&self, id: EnclaveId, request: &MapRequest) -> Result<(), IoctlRefusal> {
        self.driver.may_map(id, request)
    }

    /// A fault in a mapping of an enclave file: [`Driver::fault`].
    #[must_use]
    pub fn fault(&self, id: EnclaveId, at: Linear, rights: Rights) -> FaultOutcome {
        self.driver.fault(id, at, rights)
    }

    /// The EPC page at a linear address of an enclave.
    #[must_use]
    pub fn page_at(&self, id: EnclaveId, at: Linear) -> Option<EpcAddr> {
        self.driver.page_at(id, at)
    }
}

#[cfg(test)]
mod tests {
    use anyclave_cpu::LaunchControl;
    use anyclave_cpu::xsave::XsaveLayout;
    use anyclave_testkit::entropy::Seeded;
    use anyclave_testkit::memory::PlainFrames;

    use super::*;
    use crate::{Device, Host, Keys};

    fn config() -> Config {
        let host = Host { xcr0: 7, xsave: XsaveLayout::avx(), last_basic_leaf: 0x10, caches: Vec::new() };
        Config { epc: "1M,64K@node1".parse().unwrap(), ..Config::new(host, Keys::from_seed("")) }
    }

    fn boot(config: &Config) -> Machine<PlainFrames, Seeded> {
        Machine::boot(config, PlainFrames::default(), Seeded(1))
    }

    #[test]
    fn the_driver_has_all_the_epc_that_cpuid_announces() {
        let mut machine = boot(&config());
        assert_eq!(machine.driver().counters().total, (1 << 8) + (1 << 4));
        let id = machine.open();
        assert!(machine.driver().enclave(id).is_some());
        assert_eq!(machine.page_at(id, Linear(0)), None);
        assert_eq!(machine.release(id), Released::default());
        assert!(machine.driver().enclave(id).is_none());
    }

    #[test]
    fn unless_the_hash_can_be_written_there_is_no_enclave_node() {
        assert_eq!(boot(&config()).nodes().count(), 4);
        for launch_control in [LaunchControl::intel(), LaunchControl::Absent] {
            let fixed = boot(&Config { launch_control, ..config() });
            assert!(fixed.nodes().all(|node| node.device == Device::Provision));
            assert_eq!(fixed.nodes().count(), 2);
        }
    }
}
