//! A strict reader of Prometheus' text format (version 0.0.4): what it does not understand to the last
//! character is a failure of the test.

use std::collections::{BTreeMap, BTreeSet};

/// A page of numbers, read.
#[derive(Debug)]
pub(crate) struct Exposition {
    /// What the page says of each family, in its order.
    pub(crate) families: Vec<Told>,
    samples: BTreeMap<String, String>,
}

/// What a page says of a family.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) help: String,
    /// The names of the labels, and what they are somewhere on the page.
    pub(crate) labels: BTreeSet<(String, String)>,
}

impl Exposition {
    pub(crate) fn read(text: &str) -> Self {
        let mut page = Self {
            families: Vec::new(),
            samples: BTreeMap::new(),
        };
        assert!(text.ends_with('\n'), "the last line ends like the others");
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            let told = line
                .strip_prefix("# HELP ")
                .expect("a family begins with its help");
            let (name, help) = told.split_once(' ').expect("a name and words");
            assert!(is_name(name, true), "{name}");
            assert!(!help.contains('\\') && !help.trim().is_empty(), "{help}");
            let line = lines.next().expect("a type");
            let kind = line.strip_prefix(&format!("# TYPE {name} "));
            let kind = kind.unwrap_or_else(|| panic!("the type of {name}, not {line}"));
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{kind}");
            let known = page.families.iter().any(|family| family.name == name);
            assert!(!known, "{name} stands twice");
            let mut family = Told {
                name: name.to_owned(),
                kind: kind.to_owned(),
                help: help.to_owned(),
                labels: BTreeSet::new(),
            };
            let mut own = Vec::new();
            while let Some(line) = lines.next_if(|line| !line.starts_with('#')) {
                let sample = sample(line);
                page.add(&mut family, &sample);
                own.push(sample);
            }
            if kind == "histogram" {
                histogram(name, &own);
            }
            page.families.push(family);
        }
        page
    }

    /// The number of this name and these labels, spelled as on the page.
    pub(crate) fn number(&self, name: &str) -> f64 {
        self.text(name).parse().expect("a number")
    }

    /// The same of something that is counted.
    pub(crate) fn count(&self, name: &str) -> u64 {
        let text = self.text(name);
        text.parse().unwrap_or_else(|_| panic!("{name} is {text}"))
    }

    fn text(&self, name: &str) -> &str {
        let text = self.samples.get(name);
        text.unwrap_or_else(|| panic!("there is no {name}"))
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.samples.contains_key(name)
    }

    /// The names of all numbers.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.samples.keys().map(String::as_str)
    }

    fn add(&mut self, family: &mut Told, sample: &Sample) {
        let end = sample.name.strip_prefix(family.name.as_str());
        let end = end.unwrap_or_else(|| panic!("{} among {}", sample.name, family.name));
        let ends: &[&str] = match family.kind.as_str() {
            "histogram" => &["_bucket", "_sum", "_count"],
            _ => &[""],
        };
        assert!(ends.contains(&end), "{} in {}", sample.name, family.name);
        if family.kind == "counter" {
            assert!(family.name.ends_with("_total"), "{}", family.name);
            assert!(
                sample.value >= 0.0 && sample.value.is_finite(),
                "{sample:?}"
            );
        }
        let labels = sample.labels.iter().filter(|(name, _)| name != "le");
        family.labels.extend(labels.cloned());
        let (spelled, text) = (sample.spelled.clone(), sample.text.clone());
        let before = self.samples.insert(spelled, text);
        assert_eq!(before, None, "{} stands twice", sample.spelled);
    }
}

#[derive(Debug)]
struct Sample {
    /// Everything before the value.
    spelled: String,
    name: String,
    labels: Vec<(String, String)>,
    text: String,
    value: f64,
}

fn sample(line: &str) -> Sample {
    let (spelled, value) = line.rsplit_once(' ').expect("a value");
    let number: f64 = match value {
        "+Inf" => f64::INFINITY,
        plain => {
            let is_digit = |c: char| c.is_ascii_digit() || c == '.';
            assert!(plain.chars().all(is_digit), "a plain number: {line}");
            plain.parse().expect("a number")
        }
    };
    let (name, rest) = match spelled.split_once('{') {
        None => (spelled, ""),
        Some((name, rest)) => (name, rest.strip_suffix('}').expect("a closing brace")),
    };
    assert!(is_name(name, true), "{line}");
    Sample {
        spelled: spelled.to_owned(),
        name: name.to_owned(),
        labels: labels(rest),
        text: value.to_owned(),
        value: number,
    }
}

fn labels(text: &str) -> Vec<(String, String)> {
    let mut labels: Vec<(String, String)> = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"").expect("a value in quotes");
        assert!(is_name(name, false), "{text}");
        assert!(labels.iter().all(|(known, _)| known != name), "{text}");
        let mut value = String::new();
        let mut letters = after.char_indices();
        let end = loop {
            match letters.next().expect("a closing quote") {
                (at, '"') => break at,
                (_, '\\') => match letters.next().expect("an escape").1 {
                    'n' => value.push('\n'),
                    plain @ ('\\' | '"') => value.push(plain),
                    other => panic!("\\{other} in {text}"),
                },
                (_, plain) => value.push(plain),
            }
        };
        labels.push((name.to_owned(), value));
        rest = &after[end + 1..];
        if !rest.is_empty() {
            rest = rest.strip_prefix(',').expect("a comma");
            assert!(!rest.is_empty(), "{text}");
        }
    }
    labels
}

fn histogram(name: &str, samples: &[Sample]) {
    let without_le = |sample: &Sample| -> Vec<(String, String)> {
        let labels = sample.labels.iter().filter(|(name, _)| name != "le");
        labels.cloned().collect()
    };
    let groups: BTreeSet<_> = samples.iter().map(without_le).collect();
    for group in groups {
        let own: Vec<&Sample> = samples
            .iter()
            .filter(|one| without_le(one) == group)
            .collect();
        let of = |end: &str| -> Vec<&&Sample> {
            let full = format!("{name}{end}");
            own.iter().filter(|sample| sample.name == full).collect()
        };
        let buckets = of("_bucket");
        let bounds: Vec<f64> = buckets
            .iter()
            .map(|bucket| {
                let (_, bound) = bucket.labels.last().expect("a bound stands last");
                if bound == "+Inf" {
                    f64::INFINITY
                } else {
                    bound.parse().expect("a bound")
                }
            })
            .collect();
        assert!(
            bounds.is_sorted_by(|one, next| one < next),
            "{name}: {bounds:?}"
        );
        assert!(
            bounds.last().is_some_and(|last| last.is_infinite()),
            "{name}"
        );
        let counts: Vec<f64> = buckets.iter().map(|bucket| bucket.value).collect();
        assert!(counts.is_sorted(), "{name}: {counts:?}");
        let (sums, all) = (of("_sum"), of("_count"));
        assert_eq!((sums.len(), all.len()), (1, 1), "{name}");
        assert_eq!(
            counts.last().copied(),
            all.first().map(|all| all.value),
            "{name}"
        );
    }
}

fn is_name(text: &str, colons: bool) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || (colons && c == ':');
    !text.is_empty() && text.chars().all(plain) && !text.starts_with(|c: char| c.is_ascii_digit())
}
