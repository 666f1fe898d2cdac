//! Prose out of files: blocks of words, each word with its line.

/// A run of prose: a paragraph, a comment, a cell, a string.
pub(super) struct Block {
    pub(super) kind: Kind,
    pub(super) words: Vec<Word>,
}

/// The kind of a block, which selects the habits that are looked for.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Kind {
    Markdown,
    Cell,
    Doc,
    Comment,
    Literal,
}

/// A word in lower case without its punctuation.
pub(super) struct Word {
    pub(super) text: String,
    pub(super) line: usize,
    /// The punctuation that ends a sentence after this word.
    pub(super) end: Option<char>,
}

impl Block {
    fn new(kind: Kind) -> Self {
        Self { kind, words: Vec::new() }
    }

    /// Adds the words of `text`; code between backticks is one word.
    fn add(&mut self, line: usize, text: &str) {
        let mut code = false;
        for (index, part) in text.split('`').enumerate() {
            if index > 0 {
                code = !code;
            }
            if code {
                self.words.push(Word { text: "`".to_owned(), line, end: None });
                continue;
            }
            for word in part.split_whitespace() {
                self.add_word(line, word);
            }
        }
    }

    fn add_word(&mut self, line: usize, word: &str) {
        let end = word.trim_end_matches(['"', ')', '*', '\'', ']']).chars().last();
        let end = end.filter(|c| matches!(c, '.' | '?' | '!'));
        let text = word.trim_matches(|c: char| !c.is_alphanumeric() && c != '\'').to_lowercase();
        if text.is_empty() {
            if let (Some(end), Some(last)) = (end, self.words.last_mut()) {
                last.end = Some(end);
            }
            return;
        }
        self.words.push(Word { text, line, end });
    }

    /// The sentences of this block.
    pub(super) fn sentences(&self) -> impl Iterator<Item = &[Word]> {
        self.words.split_inclusive(|word| word.end.is_some())
    }
}

/// The paragraphs, list items, headings and cells of a markdown file, without its code.
pub(super) fn markdown(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut current = Block::new(Kind::Markdown);
    for (line, raw) in prose_lines(text) {
        let trimmed = raw.trim_start();
        let starts = trimmed.starts_with(['-', '#', '|', '*', '>'])
            || trimmed.split_once(". ").is_some_and(|(number, _)| number.parse::<u8>().is_ok());
        if starts || trimmed.is_empty() {
            blocks.push(std::mem::replace(&mut current, Block::new(Kind::Markdown)));
        }
        if trimmed.starts_with('|') {
            for cell in trimmed.trim_matches('|').split(" | ") {
                let mut block = Block::new(Kind::Cell);
                block.add(line, &without_targets(cell));
                blocks.push(block);
            }
        } else {
            let item = trimmed.split_once(". ").filter(|(number, _)| number.parse::<u8>().is_ok());
            current.add(line, &without_targets(item.map_or(trimmed, |(_, rest)| rest)));
        }
    }
    blocks.push(current);
    blocks
}

/// The numbered lines outside fenced code.
pub(super) fn prose_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        (!fenced && !fence).then_some((index + 1, line))
    })
}

/// The text without the targets of its links.
pub(super) fn without_targets(text: &str) -> String {
    let mut parts = text.split("](");
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        kept.push(']');
        kept.push_str(part.split_once(')').map_or("", |(_, rest)| rest));
    }
    kept
}

/// The comments of a source file whose comments start with `marker`.
pub(super) fn comments(text: &str, marker: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut open = None;
    let mut fenced = false;
    for (index, line) in text.lines().enumerate() {
        let trimmed = line.trim_start();
        let Some(rest) = trimmed.strip_prefix(marker) else {
            open = None;
            continue;
        };
        let kind = if marker == "//" && rest.starts_with(['/', '!']) { Kind::Doc } else { Kind::Comment };
        let rest = rest.trim_start_matches(['/', '!']).trim_start();
        let item = rest.starts_with(['-', '*']);
        let rest = rest.trim_start_matches(['#', '-', '*']).trim_start();
        fenced ^= rest.starts_with("```");
        if rest.is_empty() || item || open != Some(kind) {
            let mut block = Block::new(if item { Kind::Comment } else { kind });
            block.add(index + 1, rest);
            blocks.push(block);
        } else if !fenced {
            blocks.last_mut().unwrap().add(index + 1, rest);
        }
        open = Some(kind);
    }
    blocks
}

/// The string literals of Rust source.
pub(super) fn literals(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let (mut rest, mut line) = (text, 1);
    while let Some(at) = rest.find(['"', '\'', '/']) {
        let (before, start) = rest.split_at(at);
        line += before.matches('\n').count();
        let length = match start.as_bytes()[0] {
            b'/' if start.starts_with("//") => start.find('\n').unwrap_or(start.len()),
            b'"' if before.ends_with("r#") => start.find("\"#").map_or(start.len(), |end| end + 2),
            b'"' => string_length(start, !before.ends_with('r')),
            b'\'' => character_length(start),
            _ => 1,
        };
        let (token, after) = start.split_at(length);
        if token.starts_with('"') {
            let mut block = Block::new(Kind::Literal);
            for (offset, part) in token.trim_matches(['"', '#']).lines().enumerate() {
                let part = part.trim_end_matches('\\').replace(['{', '}'], "`");
                block.add(line + offset, &part);
            }
            blocks.push(block);
        }
        line += token.matches('\n').count();
        rest = after;
    }
    blocks
}

fn string_length(start: &str, escapes: bool) -> usize {
    let mut escaped = true;
    for (index, byte) in start.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if escapes => escaped = true,
            b'"' => return index + 1,
            _ => {}
        }
    }
    start.len()
}

/// The length of a character literal, or 1 for a lifetime.
fn character_length(start: &str) -> usize {
    if let Some(escaped) = start.strip_prefix("'\\") {
        return escaped.char_indices().skip(1).find(|(_, c)| *c == '\'').map_or(1, |(at, _)| at + 3);
    }
    let mut characters = start.char_indices().skip(2);
    characters.next().filter(|(_, c)| *c == '\'').map_or(1, |(at, _)| at + 1)
}
