use super::*;
use crate::fd::{recv_fd, send_fd, socketpair};
use crate::fork::{Fork, exit_now, fork, waitpid};
use crate::prctl::set_dumpable;
use crate::signal::kill;
use crate::testing::{Traced, in_child, pages, protect};
use std::os::fd::AsFd;

const RW: i32 = libc::PROT_READ | libc::PROT_WRITE;

/// Three pages: writable, read-only, inaccessible, and then nothing.
fn ladder() -> u64 {
    let addr = pages(4, RW, libc::MAP_PRIVATE, None);
    protect(addr + 0x1000, 1, libc::PROT_READ);
    protect(addr + 0x2000, 1, libc::PROT_NONE);
    // SAFETY: the page was mapped just now and nobody refers to it.
    let done = unsafe { libc::munmap((addr + 0x3000) as *mut libc::c_void, 0x1000) };
    assert_eq!(done, 0);
    addr
}

#[test]
fn the_debuggers_road_ignores_protection() {
    let addr = ladder();
    let traced = Traced::stopped();
    let mem = ProcessMem::open(traced.tid).unwrap();
    mem.write(addr + 0xFFC, b"across it").unwrap();
    mem.write(addr + 0x2000, b"hidden").unwrap();
    let mut buf = [0; 9];
    mem.read(addr + 0xFFC, &mut buf).unwrap();
    assert_eq!(&buf, b"across it");
    mem.read(addr + 0x2000, &mut buf[..6]).unwrap();
    assert_eq!(&buf[..6], b"hidden");
    for bad in [addr + 0x2FFC, addr + 0x3000, 0, 1 << 47, u64::MAX - 3, u64::MAX] {
        assert_eq!(mem.read(bad, &mut buf), Err(Errno::EFAULT), "{bad:#x}");
        assert_eq!(mem.write(bad, &buf), Err(Errno::EFAULT), "{bad:#x}");
    }
    assert_eq!((mem.read(0, &mut []), mem.write(0, &[])), (Ok(()), Ok(())));
}

#[test]
fn the_kernels_road_respects_protection() {
    let addr = ladder();
    let traced = Traced::stopped();
    let mem = ProcessMem::open(traced.tid).unwrap();
    mem.copy_to_user(addr + 0xFF0, b"0123456789abcdef").unwrap();
    let mut buf = [0; 24];
    mem.copy_from_user(addr + 0xFF0, &mut buf).unwrap();
    assert_eq!(&buf, b"0123456789abcdef\0\0\0\0\0\0\0\0");
    assert_eq!(mem.copy_to_user(addr + 0x1000, b"x"), Err(Errno::EFAULT));
    assert_eq!(mem.copy_to_user(addr + 0xFFF, b"xy"), Err(Errno::EFAULT));
    assert_eq!(mem.copy_from_user(addr + 0x1FF0, &mut buf), Err(Errno::EFAULT));
    assert_eq!(mem.copy_from_user(addr + 0x2000, &mut buf), Err(Errno::EFAULT));
    assert_eq!(mem.copy_from_user(u64::MAX - 2, &mut buf), Err(Errno::EFAULT));
    assert_eq!(mem.copy_from_user(0, &mut []), Ok(()));
}

#[test]
fn text_ends_at_zero_or_at_the_limit_or_at_a_fault() {
    let addr = ladder();
    let traced = Traced::stopped();
    let mem = ProcessMem::open(traced.tid).unwrap();
    mem.write(addr + 0xFFD, b"across\0").unwrap();
    assert_eq!(mem.read_cstr(addr + 0xFFD, 4096), Ok(b"across".to_vec()));
    assert_eq!(mem.read_cstr(addr + 0xFFD, 7), Ok(b"across".to_vec()));
    assert_eq!(mem.read_cstr(addr + 0xFFD, 6), Err(Errno::ENAMETOOLONG));
    assert_eq!(mem.read_cstr(addr + 0xFFD, 0), Err(Errno::ENAMETOOLONG));
    assert_eq!(mem.read_cstr(addr, 4096), Ok(Vec::new()));
    mem.write(addr + 0x1FFE, b"no").unwrap();
    assert_eq!(mem.read_cstr(addr + 0x1FFE, 4096), Err(Errno::EFAULT));
}

#[test]
fn memory_of_a_process_that_is_gone_is_esrch() {
    let addr = ladder();
    let traced = Traced::stopped();
    let mem = ProcessMem::open(traced.tid).unwrap();
    kill(traced.tid, libc::SIGKILL).unwrap();
    waitpid(traced.tid).unwrap();
    let mut buf = [0; 8];
    assert_eq!(mem.read(addr, &mut buf), Err(Errno::ESRCH));
    assert_eq!(mem.copy_from_user(addr, &mut buf), Err(Errno::ESRCH));
    assert_eq!(ProcessMem::open(traced.tid).unwrap_err(), Errno::ENOENT);
}

/// In a process without privileges: its child makes itself undumpable after its memory was opened.
#[test]
fn an_undumpable_process_is_still_readable_by_its_own_protections() {
    let failed = in_child(|| {
        let addr = ladder();
        // SAFETY: the call takes a number only; with privileges it gives them up, without it fails.
        unsafe { libc::setuid(65534) };
        set_dumpable(true).unwrap();
        let (ours, childs) = socketpair().unwrap();
        let Fork::Parent(child) = fork().unwrap() else {
            recv_fd(childs.as_fd(), &mut [0]).unwrap();
            set_dumpable(false).unwrap();
            send_fd(childs.as_fd(), b"!", None).unwrap();
            recv_fd(childs.as_fd(), &mut [0]).unwrap();
            exit_now(0)
        };
        let mem = ProcessMem::open(child).unwrap();
        send_fd(ours.as_fd(), b"?", None).unwrap();
        recv_fd(ours.as_fd(), &mut [0]).unwrap();
        let mut buf = [0; 4];
        assert_eq!(read_user(child, addr, &mut buf), Err(Errno::EPERM));
        assert_eq!(ProcessMem::open(child).unwrap_err(), Errno::EACCES);
        mem.copy_to_user(addr + 0xFFC, b"seen").unwrap();
        mem.copy_from_user(addr + 0xFFC, &mut buf).unwrap();
        assert_eq!(&buf, b"seen");
        assert_eq!(mem.copy_to_user(addr + 0xFFD, b"seen"), Err(Errno::EFAULT));
        assert_eq!(mem.copy_from_user(addr + 0x1FFD, &mut buf), Err(Errno::EFAULT));
        assert_eq!(mem.copy_from_user(addr + 0x2FFD, &mut buf), Err(Errno::EFAULT));
        send_fd(ours.as_fd(), b".", None).unwrap();
        waitpid(child).unwrap();
        0
    });
    assert_eq!(failed, 0);
}

#[test]
fn closed_memory_is_out_of_reach_by_every_road() {
    let addr = ladder();
    let traced = Traced::stopped();
    assert!(ProcessMem::open(traced.tid).unwrap().read(addr, &mut [0; 4]).is_ok());
    let mem = ProcessMem::closed(traced.tid);
    assert_eq!(mem.pid(), traced.tid);
    let mut buf = *b"kept";
    assert_eq!(mem.read(addr, &mut buf), Err(Errno::EFAULT));
    assert_eq!(mem.copy_from_user(addr, &mut buf), Err(Errno::EFAULT));
    assert_eq!(mem.read_cstr(addr, 16), Err(Errno::EFAULT));
    assert_eq!(&buf, b"kept");
    assert_eq!(mem.write(addr, b"new"), Err(Errno::EFAULT));
    assert_eq!(mem.copy_to_user(addr, b"new"), Err(Errno::EFAULT));
    assert_eq!(mem.maps().all(), Ok(Vec::new()));
}
