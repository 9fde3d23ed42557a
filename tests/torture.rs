//! The torture messages of RFC 4475 and RFC 5118: each is read, refused or met with silence as its table says.

mod torture {
    pub mod corpus;
    mod forwarding;
    mod hostile;
    mod mutation;
    mod outcomes;
}
