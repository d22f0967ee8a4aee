//! How many failing outcomes the manual lists for each leaf, counted leaf by leaf in its Operation sections: a check and
//! an outcome that differ from all others of the leaf count once. Several checks of ours may share one of the
//! manual's; the other way round needs a reason.

use anyclave_arch::Leaf;

/// A leaf, its failing outcomes in the manual, and why ours are fewer where they are.
pub(super) struct Listed {
    pub(super) leaf: &'static str,
    pub(super) outcomes: usize,
    pub(super) shortfall: &'static str,
}

const fn listed(leaf: &'static str, outcomes: usize) -> Listed {
    Listed { leaf, outcomes, shortfall: "" }
}

const TABLE: [Listed; 33] = [
    listed("ECREATE", 22),
    listed("EADD", 19),
    listed("EINIT", 27),
    listed("EREMOVE", 5),
    listed("EDBGRD", 8),
    listed("EDBGWR", 8),
    listed("EEXTEND", 9),
    listed("ELDB", 14),
    listed("ELDU", 14),
    listed("EBLOCK", 7),
    listed("EPA", 5),
    listed("EWB", 15),
    listed("ETRACK", 5),
    listed("EAUG", 14),
    listed("EMODPR", 10),
    listed("EMODT", 9),
    listed("ERDINFO", 5),
    listed("ETRACKC", 7),
    listed("ELDBC", 14),
    listed("ELDUC", 14),
    listed("EUPDATESVN", 4),
    listed("EREPORT", 10),
    listed("EGETKEY", 13),
    listed("EENTER", 19),
    listed("ERESUME", 22),
    listed("EEXIT", 1),
    listed("EACCEPT", 14),
    listed("EMODPE", 9),
    listed("EACCEPTCOPY", 11),
    listed("EDECCSSA", 3),
    listed("EDECVIRTCHILD", 8),
    listed("EINCVIRTCHILD", 7),
    listed("ESETCONTEXT", 5),
];

/// The line of a leaf.
pub(super) fn of(leaf: Leaf) -> Option<&'static Listed> {
    TABLE.iter().find(|listed| listed.leaf == leaf.name())
}
