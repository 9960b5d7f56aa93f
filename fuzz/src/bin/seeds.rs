//! Writes the seeds of every target into a folder of its name below the folder given.

use std::path::PathBuf;

use dagvault_fuzz::TARGETS;

fn main() -> std::io::Result<()> {
    let base = std::env::args_os().nth(1).map(PathBuf::from).unwrap_or_else(|| "corpus".into());
    for target in &TARGETS {
        let folder = base.join(target.name);
        std::fs::create_dir_all(&folder)?;
        for (number, seed) in (target.seeds)().iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{number:03}")), seed)?;
        }
    }
    Ok(())
}
