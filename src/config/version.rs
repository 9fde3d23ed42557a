//! The version of a policy that is kept in files: a number made of all that they say. The same text is the same version.

use std::io::{self, Read};

use sha2::{Digest, Sha256};

/// Bits of a version: as many as a double holds exactly, so that Prometheus and every reader of JSON show it as it is.
const VERSION_BITS: u32 = 53;

/// Takes in one text after another.
#[derive(Debug, Default)]
pub(super) struct Fingerprint {
    digest: Sha256,
}

impl Fingerprint {
    pub fn add(&mut self, text: &str) {
        self.digest.update(text);
    }

    /// Takes in what is read through it.
    pub fn of<R: Read>(&mut self, source: R) -> impl Read {
        Noted { source, digest: &mut self.digest }
    }

    pub fn version(&self) -> u64 {
        let digest: [u8; 32] = self.digest.clone().finalize().into();
        let mut first = [0; 8];
        first.copy_from_slice(&digest[..8]);
        u64::from_be_bytes(first) >> (u64::BITS - VERSION_BITS)
    }
}

struct Noted<'a, R> {
    source: R,
    digest: &'a mut Sha256,
}

impl<R: Read> Read for Noted<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(into)?;
        self.digest.update(&into[..count]);
        Ok(count)
    }
}
