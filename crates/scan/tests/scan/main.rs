//! Samples in the style of real code, each line that should be found marked with `~ rule`.

mod broken;
mod expect;
mod go;
mod java;
mod javascript;
mod python;
mod rust;
mod said;
