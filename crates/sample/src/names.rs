//! Invented names: packages, people, subjects. Only words; nothing about what they are used for.

use crate::rng::mix;

const HEADS: [&str; 24] = [
    "al", "bor", "cal", "den", "el", "fir", "gal", "hol", "ir", "jun", "kel", "lum", "mor", "nol", "or", "pel", "quil",
    "ros", "sil", "tam", "ul", "ver", "wil", "zan",
];
const TAILS: [&str; 20] = [
    "ba", "cor", "da", "fen", "go", "ka", "lin", "mi", "na", "po", "ra", "sen", "ta", "tu", "va", "vex", "wa", "xa",
    "yo", "zor",
];
const ENDS: [&str; 16] =
    ["", "db", "fs", "io", "kit", "lite", "mark", "net", "parse", "pipe", "sh", "sync", "text", "view", "x", "zip"];
const GIVEN: [&str; 20] = [
    "Ada", "Bao", "Chidi", "Dana", "Emil", "Farah", "Goro", "Hana", "Ines", "Jonas", "Kaya", "Lars", "Mira", "Nils",
    "Oyelaran", "Petra", "Rosa", "Samir", "Tove", "Yuki",
];
const FAMILY: [&str; 18] = [
    "Abe", "Berg", "Costa", "Diaz", "Eze", "Fuchs", "Garcia", "Holm", "Ito", "Jansen", "Kaur", "Lind", "Mora", "Novak",
    "Okafor", "Persson", "Rossi", "Weber",
];

/// How many different stems there are.
pub(crate) const STEMS: usize = HEADS.len() * TAILS.len() * ENDS.len();

/// The stem of a package's name: distinct for each number below `STEMS`.
pub(crate) fn stem(number: usize) -> String {
    // A multiplication by a number without common factor shuffles the numbers without collisions.
    let shuffled = (number * 4787 + 1103) % STEMS;
    let head = HEADS[shuffled % HEADS.len()];
    let tail = TAILS[shuffled / HEADS.len() % TAILS.len()];
    format!("{head}{tail}{}", ENDS[shuffled / (HEADS.len() * TAILS.len())])
}

/// A person: given name, family name.
fn person(number: usize) -> (&'static str, &'static str) {
    (GIVEN[number % GIVEN.len()], FAMILY[number / GIVEN.len() % FAMILY.len()])
}

/// How many different people there are.
pub(crate) const PEOPLE: usize = GIVEN.len() * FAMILY.len();

/// A person as git writes an author.
pub(crate) fn author(number: usize) -> String {
    let (given, family) = person(number);
    format!("{given} {family} <{}@example.org>", user(number))
}

/// A person's account name.
pub(crate) fn user(number: usize) -> String {
    let (given, family) = person(number);
    format!("{}{}", given.to_lowercase(), family.to_lowercase())
}

/// Something that looks like the hash of a source, for a text.
pub(crate) fn source_hash(text: &str) -> String {
    let seed = text.bytes().fold(7_u64, |seed, byte| mix(seed ^ u64::from(byte)));
    format!("{:016x}{:016x}{:016x}{:016x}", mix(seed), mix(seed + 1), mix(seed + 2), mix(seed + 3))
}
