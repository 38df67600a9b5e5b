//! Password hash functions, and the texts their results are stored in.
//!
//! A [`Scheme`] is a function at a cost. A [`StoredHash`] is a scheme with a salt and what came out. [`Memory`] is what
//! a thread hashes in; it also counts the work, because the promise that all refusals cost the same is kept by counting.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::phc::{Ident, Output, ParamsString, PasswordHash, Salt},
};
use zeroize::Zeroize;
