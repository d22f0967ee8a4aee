//! A C compiler: three programs in a row that look at many paths.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use super::COMPILE;
use crate::bench::part::{Said, best};

const SOURCE: &str = "compiled.c";

/// Whether there is a compiler.
pub(super) fn is_possible() -> bool {
    let answer = Command::new("cc").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    answer.is_ok_and(|status| status.success())
}

pub(super) fn prepare(folder: &Path) -> io::Result<()> {
    let mut text =
        String::from("#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <math.h>\n");
    for index in 0..40 {
        text += &format!(
            "int f{index}(const char *s, int n)\n{{\n    int sum = {index};\n    for (int i = 0; i < n; i++)\n        \
             sum = sum * 31 + s[i % (int)strlen(s)];\n    printf(\"%d\\n\", sum);\n    return sum;\n}}\n"
        );
    }
    std::fs::write(folder.join(SOURCE), text)
}

pub(in crate::bench) fn part(folder: &Path) -> Said {
    compile(folder)?;
    Ok(vec![(COMPILE, best(5, 1, |_| compile(folder))?)])
}

fn compile(folder: &Path) -> io::Result<()> {
    let status =
        Command::new("cc").args(["-c", "-O1", SOURCE, "-o", "compiled.o"]).current_dir(folder).status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("cc: {status}"))) }
}
