//! Folders whose names are durable, and files that are replaced as a whole.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
};

/// Makes a folder and those above it that are missing, and syncs each name. A folder that is gone after a power cut
/// would take with it what was acknowledged or cosigned in it.
pub(crate) fn make(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    // A relative path of one part lies in the working directory.
    let above = path.parent().filter(|above| !above.as_os_str().is_empty());
    if let Some(above) = above {
        make(above)?;
    }
    match std::fs::create_dir(path) {
        // Somebody else has just made it; if it is no folder, whoever opens a file in it says so.
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    File::open(above.unwrap_or(Path::new(".")))?.sync_all()
}

/// Puts new content in a file's place: after a crash it has the old content or the new one.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let fresh = path.with_extension("partial");
    let mut file = File::create(&fresh)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(&fresh, path)?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_folders_are_made_and_others_left() {
        let root = tempfile::tempdir().unwrap();
        let deep = root.path().join("a/b/c");
        make(&deep).unwrap();
        std::fs::write(deep.join("file"), b"kept").unwrap();
        make(&deep).unwrap();
        assert_eq!(std::fs::read(deep.join("file")).unwrap(), b"kept");
        assert!(make(&deep.join("file/below")).is_err());
    }
}
