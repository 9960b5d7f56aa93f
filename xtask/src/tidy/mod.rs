//! `cargo xtask tidy`: checks that the compiler doesn't make.

mod docs;
mod edges;
mod limits;
mod links;
mod markdown;
mod orphans;
mod surface;
mod text;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::run::{Workspace, output};

/// What the checks found.
#[derive(Default)]
struct Findings {
    violations: Vec<String>,
    notices: Vec<String>,
}

impl Findings {
    fn violation(&mut self, text: impl Into<String>) {
        self.violations.push(text.into());
    }

    fn notice(&mut self, text: impl Into<String>) {
        self.notices.push(text.into());
    }
}

/// The files that the checks look at: all that git does not ignore.
struct Tree {
    root: PathBuf,
    files: Vec<String>,
}

impl Tree {
    /// The files of a git work tree, committed or not.
    fn of_git(root: &Path) -> Result<Self> {
        let listed = output(
            Command::new("git")
                .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
                .current_dir(root),
        )?;
        let there = |file: &&str| !file.is_empty() && root.join(file).is_file();
        let mut files: Vec<String> = listed.split('\0').filter(there).map(str::to_owned).collect();
        files.sort();
        files.dedup();
        Ok(Self { root: root.to_owned(), files })
    }

    fn read(&self, file: &str) -> Result<String> {
        let bytes = std::fs::read(self.root.join(file)).with_context(|| format!("cannot read {file}"))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Whether `path` is a file or folder of the tree.
    fn has(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        let folder = format!("{path}/");
        self.files.iter().any(|file| file == path || file.starts_with(&folder))
    }

    fn with_extension<'a>(&'a self, extension: &'a str) -> impl Iterator<Item = &'a String> {
        self.files
            .iter()
            .filter(move |file| Path::new(file).extension().is_some_and(|found| found == extension))
    }
}

/// Runs every check.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let tree = Tree::of_git(&workspace.root)?;
    let mut findings = Findings::default();
    edges::check(&tree, &mut findings)?;
    orphans::check(&tree, &mut findings)?;
    docs::check(&tree, &mut findings)?;
    links::check(&tree, &mut findings)?;
    limits::check(&tree, &mut findings)?;
    text::check(&tree, &mut findings)?;
    for notice in &findings.notices {
        println!("notice: {notice}");
    }
    for violation in &findings.violations {
        println!("tidy: {violation}");
    }
    match findings.violations.len() {
        0 => {
            println!("tidy: {} files are in order", tree.files.len());
            Ok(())
        }
        count => bail!("tidy found {count} violations"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    static COUNT: AtomicU32 = AtomicU32::new(0);

    /// A tree of planted files in a folder of its own.
    pub(super) struct Planted(pub(super) Tree);

    impl Drop for Planted {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0.root);
        }
    }

    /// Writes `files` into a new folder.
    pub(super) fn plant(files: &[(&str, &str)]) -> Planted {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let root = std::env::temp_dir().join(format!("dagvault-tidy-{}-{number}", std::process::id()));
        for (name, content) in files {
            let path = root.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        let files = files.iter().map(|(name, _)| (*name).to_owned()).collect();
        Planted(Tree { root, files })
    }

    /// The violations that a check finds in planted files.
    pub(super) fn found(
        check: fn(&Tree, &mut Findings) -> Result<()>,
        files: &[(&str, &str)],
    ) -> Vec<String> {
        let planted = plant(files);
        let mut findings = Findings::default();
        check(&planted.0, &mut findings).unwrap();
        findings.violations
    }
}
