//! A digit trie: values by prefix, the longest prefix wins. Flat in one vector; a look-up takes one step per digit.

/// Values by digit prefix. Nodes are numbered from the root, 0; child 0 means none, since nothing points back to the root.
#[derive(Clone, Debug)]
pub struct DigitTrie<T> {
    nodes: Vec<Node<T>>,
}

#[derive(Clone, Debug)]
struct Node<T> {
    children: [u32; 10],
    value: Option<T>,
}

impl<T> Node<T> {
    const fn empty() -> Node<T> {
        Node { children: [0; 10], value: None }
    }
}

impl<T> Default for DigitTrie<T> {
    fn default() -> DigitTrie<T> {
        DigitTrie { nodes: vec![Node::empty()] }
    }
}

impl<T> DigitTrie<T> {
    /// Puts a value at a prefix and gives back the one it replaces. Bytes that are no digits end the prefix.
    pub fn insert(&mut self, prefix: &str, value: T) -> Option<T> {
        let mut at = 0;
        for digit in digits(prefix) {
            let next = self.nodes[at].children[digit] as usize;
            at = if next == 0 { self.grow(at, digit) } else { next };
        }
        self.nodes[at].value.replace(value)
    }

    fn grow(&mut self, parent: usize, digit: usize) -> usize {
        let child = self.nodes.len();
        self.nodes.push(Node::empty());
        // Four thousand million nodes are beyond any table of prefixes and any memory.
        self.nodes[parent].children[digit] = child as u32;
        child
    }

    /// The value of the longest prefix of `number`, and how many digits that prefix has.
    pub fn longest(&self, number: &str) -> Option<(&T, usize)> {
        let mut at = 0;
        let mut found = self.nodes[0].value.as_ref().map(|value| (value, 0));
        for (depth, digit) in digits(number).enumerate() {
            at = self.nodes[at].children[digit] as usize;
            if at == 0 {
                break;
            }
            if let Some(value) = &self.nodes[at].value {
                found = Some((value, depth + 1));
            }
        }
        found
    }

    /// Whether no prefix has a value.
    pub fn is_empty(&self) -> bool {
        self.nodes.iter().all(|node| node.value.is_none())
    }
}

fn digits(text: &str) -> impl Iterator<Item = usize> + '_ {
    text.bytes().take_while(u8::is_ascii_digit).map(|byte| usize::from(byte - b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_wins() {
        let mut trie = DigitTrie::default();
        assert!(trie.is_empty());
        for (prefix, value) in [("49", "Germany"), ("4915", "mobile"), ("1", "America")] {
            assert_eq!(trie.insert(prefix, value), None);
        }
        assert_eq!(trie.insert("49", "DE"), Some("Germany"));
        assert_eq!(trie.longest("4930123"), Some((&"DE", 2)));
        assert_eq!(trie.longest("491512"), Some((&"mobile", 4)));
        assert_eq!(trie.longest("4"), None);
        assert_eq!(trie.longest(""), None);
    }
}
