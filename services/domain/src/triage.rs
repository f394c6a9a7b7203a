//! Log lines to templates, by the parse tree of Drain (He et al., "Drain: An Online Log Parsing Approach with Fixed Depth
//! Tree", ICWS 2017): lines with as many words and the same first words are compared word by word, and where enough of
//! them agree they are one template, with a wildcard for each word that differs.

use std::collections::HashMap;

/// Stands for any word.
pub const WILDCARD: &str = "<*>";
/// Words that lead down the tree.
const DEPTH: usize = 2;
/// The share of words that must agree for a line to belong to a template; the paper's choice for most of its logs.
const SIMILAR: f64 = 0.5;
/// Words of a line that are looked at.
const MAX_WORDS: usize = 64;
/// Characters of a word that are looked at.
const MAX_WORD_CHARS: usize = 64;

/// A template among those of a [`Miner`].
pub type TemplateId = usize;

/// Templates that grow with the lines that are shown to it.
#[derive(Debug, Clone, Default)]
pub struct Miner {
    templates: Vec<Vec<String>>,
    /// By the number of words and the first of them.
    leaves: HashMap<(usize, Vec<String>), Vec<TemplateId>>,
}

/// What a line told a miner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mined {
    /// It is like those before.
    Known(TemplateId),
    /// The template has another wildcard since.
    Widened(TemplateId),
    New(TemplateId),
}

impl Mined {
    #[must_use]
    pub fn id(self) -> TemplateId {
        match self {
            Self::Known(id) | Self::Widened(id) | Self::New(id) => id,
        }
    }
}

impl Miner {
    /// Goes on with templates that an earlier one had, in the same order.
    #[must_use]
    pub fn with(templates: impl IntoIterator<Item = String>) -> Self {
        let mut miner = Self::default();
        for template in templates {
            miner.add(template.split_whitespace().map(str::to_owned).collect());
        }
        miner
    }

    /// The template as text.
    #[must_use]
    pub fn template(&self, id: TemplateId) -> Option<String> {
        self.templates.get(id).map(|words| words.join(" "))
    }

    /// How many templates there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.templates.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.templates.is_empty()
    }

    /// Finds or makes the template of a log: of its last line that is not empty, which is where programs say why they
    /// gave up. `None` for a log without one.
    pub fn mine(&mut self, log: &str) -> Option<Mined> {
        let line = log.lines().rev().find(|line| !line.trim().is_empty())?;
        let words: Vec<String> = line.split_whitespace().take(MAX_WORDS).map(masked).collect();
        let best = self.leaves.get(&leaf(&words)).into_iter().flatten().map(|id| (*id, self.agreeing(*id, &words)));
        // The first of those that agree best: the same lines in the same order make the same templates.
        let best = best.max_by_key(|(id, agreeing)| (*agreeing, std::cmp::Reverse(*id)));
        match best.filter(|(_, agreeing)| is_similar(*agreeing, words.len())) {
            Some((id, agreeing)) if agreeing == words.len() => Some(Mined::Known(id)),
            Some((id, _)) => Some(if self.widen(id, &words) { Mined::Widened(id) } else { Mined::Known(id) }),
            None => Some(Mined::New(self.add(words))),
        }
    }

    /// Words that are the same; what a wildcard stands for does not count.
    fn agreeing(&self, id: TemplateId, words: &[String]) -> usize {
        self.templates[id].iter().zip(words).filter(|(one, other)| one == other).count()
    }

    fn widen(&mut self, id: TemplateId, words: &[String]) -> bool {
        let mut widened = false;
        for (word, other) in self.templates[id].iter_mut().zip(words) {
            if word != other && word != WILDCARD {
                WILDCARD.clone_into(word);
                widened = true;
            }
        }
        widened
    }

    fn add(&mut self, words: Vec<String>) -> TemplateId {
        let id = self.templates.len();
        self.leaves.entry(leaf(&words)).or_default().push(id);
        self.templates.push(words);
        id
    }
}

fn leaf(words: &[String]) -> (usize, Vec<String>) {
    (words.len(), words.iter().take(DEPTH).cloned().collect())
}

#[expect(clippy::cast_precision_loss, reason = "at most MAX_WORDS")]
fn is_similar(agreeing: usize, words: usize) -> bool {
    agreeing as f64 >= SIMILAR * words as f64
}

/// Numbers, addresses and names with numbers in them are what differs from vehicle to vehicle.
fn masked(word: &str) -> String {
    if word.bytes().any(|byte| byte.is_ascii_digit()) {
        return WILDCARD.to_owned();
    }
    let plain: String = word.chars().filter(|c| !c.is_control()).take(MAX_WORD_CHARS).collect();
    // A template that is read again must have as many words as before.
    if plain.is_empty() { WILDCARD.to_owned() } else { plain }
}
