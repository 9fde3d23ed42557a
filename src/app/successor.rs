//! A file that takes the place of another: written beside it, brought to the disk, and then there all at once. Whoever reads the old one
//! meanwhile reads it to its end.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};

/// The file beside; it is removed unless it takes over.
#[derive(Debug)]
pub(super) struct Successor {
    file: File,
    beside: PathBuf,
    target: PathBuf,
    took_over: bool,
}

impl Successor {
    /// Begins a file that may take the place of `target`, or of what the link `target` leads to.
    ///
    /// # Errors
    /// If no file can be made in that folder.
    pub fn of(target: &Path) -> io::Result<Successor> {
        let target = fs::canonicalize(target).unwrap_or_else(|_| target.to_owned());
        if let Some(folder) = target.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder)?;
        }
        let beside = beside(&target);
        // What an earlier run left behind when it was killed goes.
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&beside)?;
        Ok(Successor { file, beside, target, took_over: false })
    }

    pub fn path(&self) -> &Path {
        &self.beside
    }

    /// Puts the file in its place, with the rights and the owner of the one before. A crash leaves either the old file or the new.
    ///
    /// # Errors
    /// If the disk is full or refuses; the old file is then as it was.
    pub fn take_over(mut self) -> io::Result<()> {
        if let Ok(old) = fs::metadata(&self.target) {
            self.file.set_permissions(old.permissions())?;
            let new = self.file.metadata()?;
            if (old.uid(), old.gid()) != (new.uid(), new.gid()) {
                chown(&self.beside, Some(old.uid()), Some(old.gid()))?;
            }
        }
        self.file.sync_all()?;
        fs::rename(&self.beside, &self.target)?;
        self.took_over = true;
        let folder = self.target.parent().filter(|folder| !folder.as_os_str().is_empty());
        // The name is on the disk when its folder is.
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }
}

/// In the same folder, since only there a name changes its file in one step.
fn beside(target: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(target.file_name().unwrap_or_default());
    name.push(format!(".{}", std::process::id()));
    target.with_file_name(name)
}

impl Write for Successor {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Successor {
    fn drop(&mut self) {
        if !self.took_over {
            let _ = fs::remove_file(&self.beside);
        }
    }
}
