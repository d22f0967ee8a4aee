//! How many failing outcomes the manual lists for each leaf, counted in its Operation sections, the table of concurrency
//! restrictions included. What is tested in one line with one outcome counts once for each operand; what several
//! leaves share counts for each. One of the manual's may be several checks of ours, never the other way round.

use anyclave_arch::Leaf;

/// A leaf, its failing outcomes in the manual.
pub(super) struct Listed {
    pub(super) leaf: &'static str,
    pub(super) outcomes: usize,
}

const fn listed(leaf: &'static str, outcomes: usize) -> Listed {
    Listed { leaf, outcomes }
}

const TABLE: [Listed; 33] = [
    listed("ECREATE", 24),
    listed("EADD", 20),
    listed("EINIT", 28),
    listed("EREMOVE", 6),
    listed("EDBGRD", 8),
    listed("EDBGWR", 8),
    listed("EEXTEND", 10),
    listed("ELDB", 17),
    listed("ELDU", 17),
    listed("EBLOCK", 8),
    listed("EPA", 5),
    listed("EWB", 19),
    listed("ETRACK", 5),
    listed("EAUG", 15),
    listed("EMODPR", 11),
    listed("EMODT", 11),
    listed("ERDINFO", 5),
    listed("ETRACKC", 7),
    listed("ELDBC", 17),
    listed("ELDUC", 17),
    listed("EUPDATESVN", 4),
    listed("EREPORT", 10),
    listed("EGETKEY", 15),
    listed("EENTER", 24),
    listed("ERESUME", 29),
    listed("EEXIT", 1),
    listed("EACCEPT", 14),
    listed("EMODPE", 11),
    listed("EACCEPTCOPY", 17),
    listed("EDECCSSA", 4),
    listed("EDECVIRTCHILD", 8),
    listed("EINCVIRTCHILD", 7),
    listed("ESETCONTEXT", 5),
];

/// The line of a leaf.
pub(super) fn of(leaf: Leaf) -> Option<&'static Listed> {
    TABLE.iter().find(|listed| listed.leaf == leaf.name())
}
