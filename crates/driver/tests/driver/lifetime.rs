use anyclave_arch::{EpcAddr, Linear, PageType, SecInfo, SecInfoFlags};
use anyclave_cpu::{Bare, Place};
use anyclave_driver::{Counters, Progress, Released, Wait, abi};
use anyclave_testkit::enclave::{ARGUMENT, BASE, Loader, SECINFO, SOURCE, image, request, secs, sign};
use anyclave_testkit::encls::Failing;
use anyclave_testkit::machine;

use anyclave_trace::ioctl::PrologueCause;
use zerocopy::IntoBytes;

use super::{assert_cause, done, loader};

fn launched() -> Loader {
    let image = image();
    let mut loader = loader();
    assert_eq!(loader.launch(&image, &secs(&image), &sign(&image)), Ok(0));
    loader
}

#[test]
fn files_are_enclaves_of_their_own() {
    let mut loader = launched();
    let first = loader.id;
    loader.id = loader.machine.open();
    let image = image();
    assert_eq!(loader.launch(&image, &secs(&image), &sign(&image)), Ok(0));
    let page = |id| loader.machine.page_at(id, Linear(BASE));
    assert_ne!(page(first), page(loader.id));
    assert_eq!(loader.machine.driver().enclaves().count(), 2);
}

#[test]
fn the_epcm_agrees_with_the_drivers_pages() {
    let loader = launched();
    let enclave = loader.machine.driver().enclave(loader.id).unwrap();
    let secs = enclave.secs().unwrap();
    assert_eq!(loader.machine.package().epcm_entry(secs).page_type, PageType::Secs);
    for (linear, page) in enclave.pages(Linear(BASE), Linear(BASE + enclave.size())) {
        let entry = loader.machine.package().epcm_entry(page.address());
        assert!(entry.valid);
        assert_eq!((entry.secs, entry.address, entry.page_type), (secs, linear, page.page_type()));
    }
}

#[test]
fn ordinary_pages_lie_in_the_home_at_their_offset() {
    let mut loader = launched();
    let page = loader.machine.page_at(loader.id, Linear(BASE + 0x2000)).unwrap();
    let tcs = loader.machine.page_at(loader.id, Linear(BASE)).unwrap();
    let frames = loader.machine.parts().package.frames_mut();
    assert!(matches!(frames.place(page), Place::Home { page: 2, .. }));
    assert_eq!(frames.place(tcs), Place::Store);
}

#[test]
fn release_gives_everything_back_while_memory_is_waited_for() {
    // Argument, SECINFO and first source page, then the second.
    for waits in 1..4 {
        let mut loader = loader();
        assert_eq!(loader.create(&secs(&image())), Ok(0));
        loader.user.put(SECINFO, SecInfo::new(PageType::Reg, SecInfoFlags::R).as_bytes());
        loader.user.put(SOURCE, &[1; 0x3000]);
        loader.user.put(ARGUMENT, request(0x1000, 0x3000, true).as_bytes());
        loader.user.be_slow();
        let mut progress =
            loader.machine.ioctl(&mut loader.user, loader.id, abi::ENCLAVE_ADD_PAGES, ARGUMENT);
        for _ in 1..waits {
            assert_eq!(progress, Progress::Wait(Wait::Memory));
            assert_cause(done(loader.machine.ioctl(&mut loader.user, loader.id, 0, 0)), PrologueCause::Busy);
            progress = loader.machine.resume(&mut loader.user, loader.id);
        }
        assert_eq!(progress, Progress::Wait(Wait::Memory));
        loader.machine.release(loader.id);
        let Counters { total, free, .. } = loader.machine.driver().counters();
        assert_eq!(free, total);
        let reply = loader.machine.resume(&mut loader.user, loader.id);
        assert_cause(done(reply), PrologueCause::UnknownCommand);
    }
}

#[test]
fn release_gives_everything_back() {
    let mut loader = launched();
    let total = loader.machine.driver().counters().total;
    // four pages, SECS, version array
    assert_eq!(loader.machine.release(loader.id), Released { freed: 6, lost: 0 });
    let expected = Counters { total, free: total, ..Counters::default() };
    assert_eq!(loader.machine.driver().counters(), expected);
    assert!(loader.machine.driver().enclave(loader.id).is_none());
    assert!(loader.machine.parts().package.frames_mut().homes().is_empty());
    assert_eq!(loader.machine.release(loader.id), Released::default());
}

#[test]
fn released_pages_serve_the_next_enclave() {
    let mut machine = machine::boot("24K");
    let image = image();
    for _ in 0..3 {
        let mut loader = Loader::open(machine);
        assert_eq!(loader.launch(&image, &secs(&image), &sign(&image)), Ok(0));
        assert_eq!(loader.machine.driver().counters().free, 0);
        loader.machine.release(loader.id);
        machine = loader.machine;
    }
}

#[test]
fn a_file_is_released_in_any_state() {
    let mut blank = loader();
    assert_eq!(blank.machine.release(blank.id), Released::default());

    let mut created = loader();
    assert_eq!(created.create(&secs(&image())), Ok(0));
    assert_eq!(created.machine.release(created.id), Released { freed: 2, lost: 0 });

    let mut waiting = loader();
    waiting.build(&image(), &secs(&image()));
    waiting.machine.parts().kernel.event_pending = true;
    assert_eq!(waiting.init(&sign(&image())).done(), None);
    assert_eq!(waiting.machine.release(waiting.id), Released { freed: 6, lost: 0 });
}

#[test]
fn pages_that_eremove_refuses_are_lost_and_with_them_the_secs() {
    let mut loader = launched();
    let page: EpcAddr = loader.machine.page_at(loader.id, Linear(BASE)).unwrap();
    let parts = loader.machine.parts();
    let mut encls = Failing::new(Bare::new(parts.package, parts.kernel)).eremove_of(page, 9);
    // the SECS still has a child
    assert_eq!(parts.driver.release(&mut encls, loader.id), Released { freed: 4, lost: 2 });
    let Counters { total, free, owned, lost, .. } = loader.machine.driver().counters();
    assert_eq!((free, owned, lost), (total - 2, 0, 2));
}
