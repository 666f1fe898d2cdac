//! The habits that plain prose avoids.

use super::reading::{Block, Kind, Word, comments, literals, markdown, prose_lines, without_targets};

/// One habit at one line.
pub(super) struct Finding {
    pub(super) line: usize,
    pub(super) habit: String,
}

/// Longest line of a document, in characters.
const LONGEST_LINE: usize = 100;

/// Longest cell of a table, in words.
const LONGEST_CELL: usize = 32;

/// Longest sentence, in words.
const LONGEST_SENTENCE: usize = 25;

/// Longest name of a test, in words.
const LONGEST_NAME: usize = 9;

/// Openers of any sentence that is no question.
const OPENERS: &[&str] = &["who", "whose", "whom", "whoever", "what", "whatever", "of two", "nor"];

/// Openers of a comment.
const COMMENT_OPENERS: &[&str] = &["how many", "how much", "how long", "since when", "nothing"];

/// Openers of a doc comment.
const DOC_OPENERS: &[&str] = &["where", "when", "whether", "how"];

/// Words and phrases with a plain alternative.
const PHRASES: &[&str] = &[
    "anew",
    "meanwhile",
    "lately",
    "of late",
    "by itself",
    "by themselves",
    "any more",
    "whoever",
    "whosever",
    "whom",
    "in the place of",
    "brought in",
    "bringing in",
    "hears",
    "is told",
    "are told",
    "was told",
    "told",
    "is said",
    "there is none",
    "there are none",
    "is none",
    "are none",
    "is no token",
    "he",
    "him",
    "his",
    "himself",
    "she",
    "a place",
    "no place",
    "places",
    "greeting",
    "reception",
    "turnstile",
    "shelf",
    "flights",
    "inquiry",
    "asked upon",
    "but for",
    "beside what",
    "for who",
    "from who",
    "by who",
    "of who",
    "to who",
    "than who",
    "of what",
    "from what",
    "than what",
    "by what",
    "with what",
    "for what",
    "to what",
    "and what",
    "or what",
    "but what",
    "and who",
    "or who",
    "but who",
    "all who",
    "those who",
];

/// Words that a test name does not start with.
const NAME_OPENERS: &[&str] = &["what", "who", "whose", "whom", "whoever", "of", "where", "how"];

/// Words that do not add to the name of an item.
const FILLERS: &[&str] = &["the", "a", "an", "of", "this", "that", "is", "its", "for", "in", "and", "'s"];

/// All findings in the file `name`.
pub(super) fn all(name: &str, text: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    let (_, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let mut blocks = match extension {
        "md" => markdown(text),
        "rs" | "mjs" => comments(text, "//"),
        "sql" => comments(text, "--"),
        "toml" | "yaml" | "py" | "conf" | "ci/run" => comments(text, "#"),
        _ => Vec::new(),
    };
    if extension == "rs" {
        blocks.extend(literals(text).into_iter().filter(|block| block.words.len() > 2));
        names(text, &mut found);
        echoes(text, &mut found);
    }
    for block in &blocks {
        openers(block, &mut found);
        phrases(block, &mut found);
        lengths(block, &mut found);
    }
    if extension == "md" {
        long_lines(text, &mut found);
    }
    found.sort_by_key(|finding| finding.line);
    found
}

fn starts(words: &[Word], opener: &str) -> bool {
    let mut words = words.iter();
    opener.split(' ').all(|part| words.next().is_some_and(|word| word.text == part))
}

fn openers(block: &Block, found: &mut Vec<Finding>) {
    if block.kind == Kind::Literal {
        return;
    }
    for (index, sentence) in block.sentences().enumerate() {
        if sentence.last().is_some_and(|word| word.end == Some('?')) {
            continue;
        }
        let comment = index == 0 && matches!(block.kind, Kind::Comment | Kind::Doc);
        let doc = index == 0 && block.kind == Kind::Doc;
        let lists =
            [Some(OPENERS), comment.then_some(COMMENT_OPENERS), doc.then_some(DOC_OPENERS)].into_iter();
        for opener in lists.flatten().flatten().filter(|opener| starts(sentence, opener)) {
            found.push(Finding { line: sentence[0].line, habit: format!("starts with \"{opener}\"") });
        }
    }
}

fn phrases(block: &Block, found: &mut Vec<Finding>) {
    for sentence in block.sentences() {
        for place in 0..sentence.len() {
            for phrase in PHRASES.iter().filter(|phrase| starts(&sentence[place..], phrase)) {
                found.push(Finding { line: sentence[place].line, habit: format!("\"{phrase}\"") });
            }
        }
    }
}

fn lengths(block: &Block, found: &mut Vec<Finding>) {
    let (longest, noun) = match block.kind {
        Kind::Literal => return,
        Kind::Cell => (LONGEST_CELL, "cell"),
        _ => (LONGEST_SENTENCE, "sentence"),
    };
    for sentence in block.sentences().filter(|sentence| sentence.len() > longest) {
        let habit = format!("{noun} of {} words", sentence.len());
        found.push(Finding { line: sentence[0].line, habit });
    }
}

fn long_lines(text: &str, found: &mut Vec<Finding>) {
    for (line, raw) in prose_lines(text).filter(|(_, raw)| !raw.starts_with('|')) {
        let length = without_targets(raw).chars().count();
        if length > LONGEST_LINE && !raw.starts_with("[") {
            found.push(Finding { line, habit: format!("line of {length} characters") });
        }
    }
}

/// Test names that are no short statements.
fn names(text: &str, found: &mut Vec<Finding>) {
    let mut test = false;
    for (index, line) in text.lines().enumerate() {
        let trimmed = line.trim_start();
        test |= trimmed.starts_with("#[") && trimmed.contains("test") && !trimmed.contains("cfg");
        let Some(name) = declared(trimmed, &["fn"]).filter(|_| test) else { continue };
        test = false;
        let words = name.split('_').collect::<Vec<_>>();
        let mut add = |habit: String| found.push(Finding { line: index + 1, habit });
        if words.len() > LONGEST_NAME {
            add(format!("test name of {} words", words.len()));
        }
        if NAME_OPENERS.contains(&words[0]) || words[0].starts_with('a') && words.contains(&"who") {
            add("test name is no statement".to_owned());
        }
        let spaced = format!(" {} ", words.join(" "));
        for phrase in PHRASES.iter().filter(|phrase| spaced.contains(&format!(" {phrase} "))) {
            add(format!("test name has \"{phrase}\""));
        }
    }
}

/// Doc comments that only repeat the name of their item.
fn echoes(text: &str, found: &mut Vec<Finding>) {
    let lines = text.lines().map(str::trim_start).collect::<Vec<_>>();
    for (index, line) in lines.iter().enumerate() {
        let Some(comment) = line.strip_prefix("/// ") else { continue };
        let alone = index == 0 || !lines[index - 1].starts_with("///");
        let item = lines[index + 1..].iter().find(|next| !next.starts_with("#["));
        let Some(item) = item.filter(|item| alone && !item.starts_with("//")) else { continue };
        let keywords = ["fn", "struct", "enum", "trait", "mod", "type", "const", "static"];
        let name = declared(item, &keywords).unwrap_or_else(|| {
            let item = item.split_once("pub ").map_or(*item, |(_, rest)| rest);
            item.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default().to_owned()
        });
        let name = split(&name);
        let said = comment.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase);
        let mut said = said.filter(|word| word.len() > 1 && !FILLERS.contains(&word.as_str())).peekable();
        if said.peek().is_some() && said.all(|word| name.contains(&word)) {
            found.push(Finding { line: index + 1, habit: "repeats the name".to_owned() });
        }
    }
}

/// The name that a line declares with one of `keywords`.
fn declared(line: &str, keywords: &[&str]) -> Option<String> {
    let mut words = line.split_whitespace();
    words.find(|word| keywords.contains(word))?;
    let name = words.next()?;
    Some(name.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect())
}

/// The words of a name in snake or camel case.
fn split(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for c in name.chars() {
        if c == '_' || c.is_uppercase() {
            words.push(String::new());
        }
        if c != '_' {
            words.last_mut().unwrap().extend(c.to_lowercase());
        }
    }
    words
}
