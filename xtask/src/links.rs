//! Links in documents lead to files that are there.

use std::path::Path;

use crate::Problem;

/// Checks the links of one document to other files of the project.
pub(crate) fn check(root: &Path, path: &str, text: &str) -> Vec<Problem> {
    let directory = root.join(path).parent().unwrap_or(root).to_owned();
    targets(text)
        .filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
        .filter_map(|target| target.split('#').next())
        .filter(|file| !file.is_empty() && !directory.join(file).exists())
        .map(|file| Problem::new(path, format!("links to {file}, which is not there")))
        .collect()
}

/// What stands in the parentheses of `[text](target)`.
fn targets(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("](").filter_map(|(at, open)| text[at + open.len()..].split([')', '\n']).next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_links_to_missing_files_are_problems() {
        let root = crate::root();
        let text =
            "[a](Cargo.toml) [b](https://x.example/y) [c](#there) [d](Cargo.toml#x) [e](not/there.md#x)";
        let expected = [Problem::new("README.md", "links to not/there.md, which is not there")];
        assert_eq!(check(&root, "README.md", text), expected);
        assert!(check(&root, "docs/x.md", "[a](../Cargo.toml)").is_empty());
    }
}
