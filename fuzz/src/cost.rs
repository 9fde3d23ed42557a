//! What an input may cost: a fixed sum, and so much for each of its bytes.

use allocation_counter::{AllocationInfo, measure};

/// The bounds of one step.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// Bytes of memory asked for in all, whether given back or not.
    pub bytes: u64,
    pub bytes_per_byte: u64,
    /// How often memory is asked for.
    pub times: u64,
    /// One more for so many bytes of input.
    pub bytes_per_time: u64,
}

impl Bound {
    /// Does it, and holds its cost against the bound.
    pub fn holds<T>(self, what: &str, input: &[u8], work: impl FnOnce() -> T) -> T {
        let mut done = None;
        let cost = measure(|| done = Some(work()));
        self.check(what, input.len() as u64, &cost);
        done.expect("it was done")
    }

    fn check(self, what: &str, length: u64, cost: &AllocationInfo) {
        let (bytes, times) = (cost.bytes_total, cost.count_total);
        let bytes_max = self.bytes + self.bytes_per_byte * length;
        let times_max = self.times + length / self.bytes_per_time;
        assert!(
            bytes <= bytes_max,
            "{what}: {bytes} bytes of memory for {length} of input, at most {bytes_max}"
        );
        assert!(
            times <= times_max,
            "{what}: memory asked for {times} times for {length} bytes, at most {times_max}"
        );
    }
}
