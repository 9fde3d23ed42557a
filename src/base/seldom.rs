//! A part that its owner has only for a while: without it, it takes the room of a pointer and no memory of its own.

use std::ops::{Deref, DerefMut};

/// What a part is like before it is written to, and after it is dropped.
pub trait Blank: Default + 'static {
    fn blank() -> &'static Self;
}

/// Reads as blank until it is first written to; only then it takes memory.
#[derive(Clone, Debug)]
pub struct Seldom<T>(Option<Box<T>>);

impl<T> Seldom<T> {
    pub fn new(part: T) -> Seldom<T> {
        Seldom(Some(Box::new(part)))
    }

    /// The part, if it was ever written to: to be changed without making one.
    pub fn written(&mut self) -> Option<&mut T> {
        self.0.as_deref_mut()
    }

    /// Gives its memory back: it is blank again.
    pub fn clear(&mut self) {
        self.0 = None;
    }
}

impl<T> Default for Seldom<T> {
    fn default() -> Seldom<T> {
        Seldom(None)
    }
}

impl<T: Blank> Deref for Seldom<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_deref().unwrap_or_else(|| T::blank())
    }
}

impl<T: Blank> DerefMut for Seldom<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.get_or_insert_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Blank for String {
        fn blank() -> &'static String {
            static BLANK: String = String::new();
            &BLANK
        }
    }

    #[test]
    fn it_takes_memory_from_its_first_writing_to_its_end() {
        let mut part: Seldom<String> = Seldom::default();
        assert_eq!((part.as_str(), size_of_val(&part)), ("", size_of::<usize>()));
        assert!(part.written().is_none());
        part.push('x');
        assert_eq!(part.as_str(), "x");
        part.clear();
        assert_eq!(part.as_str(), "");
        assert!(part.written().is_none());
    }
}
