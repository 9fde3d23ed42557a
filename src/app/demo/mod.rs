//! `tollgate demo`: a real gate, real phones and real trunks on loopback, calls of every kind, and what became of each.

mod phone;
