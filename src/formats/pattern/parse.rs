//! The grammar, by recursive descent with bounded depth.

use super::lex::{Word, words};
use super::{Comparison, DEPTH_MAX, Join, Literal, Observation, Operand, PARTS_MAX, Path, Pattern, PatternError, Qualifier, Step};

pub(super) fn pattern(text: &str) -> Result<Pattern, PatternError> {
    let words = words(text)?;
    let mut parser = Parser { words: &words, end: text.len(), next: 0, depth: 0, parts: 0 };
    let root = parser.observations(Join::FollowedBy)?;
    match parser.peek() {
        None => Ok(Pattern { root }),
        Some(_) => Err(parser.unexpected("the end")),
    }
}

struct Parser<'a> {
    words: &'a [(usize, Word)],
    end: usize,
    next: usize,
    depth: usize,
    parts: usize,
}

impl Join {
    const fn word(self) -> &'static str {
        match self {
            Self::FollowedBy => "FOLLOWEDBY",
            Self::Or => "OR",
            Self::And => "AND",
        }
    }

    /// The join that binds next stronger.
    const fn stronger(self) -> Option<Self> {
        match self {
            Self::FollowedBy => Some(Self::Or),
            Self::Or => Some(Self::And),
            Self::And => None,
        }
    }
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a Word> {
        self.words.get(self.next).map(|(_, word)| word)
    }

    fn at(&self) -> usize {
        self.words.get(self.next).map_or(self.end, |(at, _)| *at)
    }

    fn unexpected(&self, expected: &str) -> PatternError {
        let what = match self.peek() {
            None => format!("{expected} was expected, not the end,"),
            Some(word) => format!("{expected} was expected, not {word},"),
        };
        PatternError::new(self.at(), what)
    }

    fn has_sign(&mut self, sign: &str) -> bool {
        let met = matches!(self.peek(), Some(Word::Sign(found)) if *found == sign);
        self.next += usize::from(met);
        met
    }

    fn has_word(&mut self, keyword: &str) -> bool {
        let met = matches!(self.peek(), Some(Word::Name(found)) if found == keyword);
        self.next += usize::from(met);
        met
    }

    fn sign(&mut self, sign: &str) -> Result<(), PatternError> {
        if self.has_sign(sign) { Ok(()) } else { Err(self.unexpected(&format!("`{sign}`"))) }
    }

    fn keyword(&mut self, keyword: &str) -> Result<(), PatternError> {
        if self.has_word(keyword) { Ok(()) } else { Err(self.unexpected(keyword)) }
    }

    fn deeper<T>(&mut self, inside: impl FnOnce(&mut Self) -> Result<T, PatternError>) -> Result<T, PatternError> {
        if self.depth == DEPTH_MAX {
            return Err(PatternError::new(self.at(), "more than 64 parentheses in each other"));
        }
        self.depth += 1;
        let result = inside(self);
        self.depth -= 1;
        result
    }

    fn part(&mut self) -> Result<(), PatternError> {
        self.parts += 1;
        if self.parts > PARTS_MAX { Err(PatternError::new(self.at(), "more than 10,000 parts")) } else { Ok(()) }
    }

    fn observations(&mut self, join: Join) -> Result<Observation, PatternError> {
        let one = |parser: &mut Self| match join.stronger() {
            Some(stronger) => parser.observations(stronger),
            None => parser.observation(),
        };
        let mut members = vec![one(self)?];
        while self.has_word(join.word()) {
            members.push(one(self)?);
        }
        Ok(flat(
            members,
            |list| Observation::Joined(join, list),
            |member| match member {
                Observation::Joined(inner, list) if inner == join => Ok(list),
                other => Err(other),
            },
        ))
    }

    fn observation(&mut self) -> Result<Observation, PatternError> {
        let mut observation = if self.has_sign("(") {
            let inside = self.deeper(|parser| parser.observations(Join::FollowedBy))?;
            self.sign(")")?;
            inside
        } else if self.has_sign("[") {
            let comparison = self.comparisons(Join::Or)?;
            self.sign("]")?;
            Observation::Test(comparison)
        } else {
            return Err(self.unexpected("`[`"));
        };
        let mut seen = Vec::new();
        loop {
            let at = self.at();
            let Some(qualifier) = self.qualifier()? else { return Ok(observation) };
            let kind = std::mem::discriminant(&qualifier);
            if seen.contains(&kind) {
                return Err(PatternError::new(at, "a second qualifier of the same kind"));
            }
            seen.push(kind);
            observation = Observation::Qualified(Box::new(observation), qualifier);
        }
    }

    fn qualifier(&mut self) -> Result<Option<Qualifier>, PatternError> {
        if self.has_word("WITHIN") {
            let seconds = self.positive(true)?;
            self.keyword("SECONDS")?;
            return Ok(Some(Qualifier::Within(seconds)));
        }
        if self.has_word("REPEATS") {
            let times = self.positive(false)?;
            self.keyword("TIMES")?;
            return Ok(Some(Qualifier::Repeats(times)));
        }
        if self.has_word("START") {
            let start = self.time()?;
            self.keyword("STOP")?;
            return Ok(Some(Qualifier::StartStop(start, self.time()?)));
        }
        Ok(None)
    }

    fn positive(&mut self, fraction: bool) -> Result<String, PatternError> {
        match self.peek() {
            Some(Word::Number(number)) if !number.starts_with('-') && (fraction || !number.contains('.')) => {
                self.next += 1;
                Ok(number.trim_start_matches('+').to_owned())
            }
            _ => Err(self.unexpected("a positive number")),
        }
    }

    fn time(&mut self) -> Result<String, PatternError> {
        match self.peek() {
            Some(Word::Time(time)) => {
                self.next += 1;
                Ok(time.clone())
            }
            _ => Err(self.unexpected("a time like `t'2026-11-22T09:30:00Z'`")),
        }
    }

    fn comparisons(&mut self, join: Join) -> Result<Comparison, PatternError> {
        let one = |parser: &mut Self| match join {
            Join::Or => parser.comparisons(Join::And),
            _ => parser.comparison(),
        };
        let mut members = vec![one(self)?];
        while self.has_word(join.word()) {
            members.push(one(self)?);
        }
        Ok(flat(
            members,
            |list| Comparison::Joined(join, list),
            |member| match member {
                Comparison::Joined(inner, list) if inner == join => Ok(list),
                other => Err(other),
            },
        ))
    }

    fn comparison(&mut self) -> Result<Comparison, PatternError> {
        self.part()?;
        if self.has_sign("(") {
            let inside = self.deeper(|parser| parser.comparisons(Join::Or))?;
            self.sign(")")?;
            return Ok(inside);
        }
        let before = self.has_word("NOT");
        if self.has_word("EXISTS") {
            return Ok(Comparison::Exists { path: self.path()?, negated: before });
        }
        if before {
            return Err(self.unexpected("EXISTS"));
        }
        let path = self.path()?;
        let negated = self.has_word("NOT");
        let at = self.at();
        let (operator, operand) = self.operator()?;
        super::map::check_hash(&path, operator, &operand).map_err(|what| PatternError::new(at, what))?;
        Ok(Comparison::Test { path, negated, operator, operand })
    }

    fn operator(&mut self) -> Result<(&'static str, Operand), PatternError> {
        for sign in ["=", "!="] {
            if self.has_sign(sign) {
                return Ok((sign, Operand::One(self.literal()?)));
            }
        }
        for sign in ["<", ">", "<=", ">="] {
            if self.has_sign(sign) {
                let literal = self.literal()?;
                return match literal {
                    Literal::Truth(_) => Err(self.unexpected("a value that has an order")),
                    ordered => Ok((sign, Operand::One(ordered))),
                };
            }
        }
        if self.has_word("IN") {
            return Ok(("IN", Operand::Set(self.set()?)));
        }
        for word in ["LIKE", "MATCHES", "ISSUBSET", "ISSUPERSET"] {
            if self.has_word(word) {
                return match self.peek() {
                    Some(Word::Text(text)) => {
                        self.next += 1;
                        Ok((word, Operand::One(Literal::Text(text.clone()))))
                    }
                    _ => Err(self.unexpected("a string")),
                };
            }
        }
        Err(self.unexpected("an operator"))
    }

    fn set(&mut self) -> Result<Vec<Literal>, PatternError> {
        self.sign("(")?;
        let mut set = Vec::new();
        if self.has_sign(")") {
            return Ok(set);
        }
        loop {
            self.part()?;
            set.push(self.literal()?);
            if !self.has_sign(",") {
                self.sign(")")?;
                return Ok(set);
            }
        }
    }

    fn literal(&mut self) -> Result<Literal, PatternError> {
        let literal = match self.peek() {
            Some(Word::Text(text)) => Literal::Text(text.clone()),
            Some(Word::Number(number)) => Literal::Number(number.trim_start_matches('+').to_owned()),
            Some(Word::Name(name)) if name == "true" || name == "false" => Literal::Truth(name == "true"),
            Some(Word::Binary(value)) => Literal::Binary(value.clone()),
            Some(Word::Hex(value)) => Literal::Hex(value.to_ascii_lowercase()),
            Some(Word::Time(value)) => Literal::Time(value.clone()),
            _ => return Err(self.unexpected("a value")),
        };
        self.next += 1;
        Ok(literal)
    }

    fn path(&mut self) -> Result<Path, PatternError> {
        let Some(Word::Name(object)) = self.peek() else { return Err(self.unexpected("an object type")) };
        self.next += 1;
        self.sign(":")?;
        let mut steps = vec![self.step()?];
        loop {
            self.part()?;
            if self.has_sign(".") {
                steps.push(self.step()?);
            } else if self.has_sign("[") {
                steps.push(self.index()?);
                self.sign("]")?;
            } else {
                return Ok(Path { object: object.clone(), steps });
            }
        }
    }

    fn step(&mut self) -> Result<Step, PatternError> {
        let name = match self.peek() {
            Some(Word::Text(name)) => name.clone(),
            Some(Word::Name(name)) if !name.contains('-') => name.clone(),
            _ => return Err(self.unexpected("a property (in quotes where it has a hyphen)")),
        };
        self.next += 1;
        Ok(Step::Name(name))
    }

    fn index(&mut self) -> Result<Step, PatternError> {
        let step = match self.peek() {
            Some(Word::Sign("*")) => Step::Any,
            Some(Word::Number(number)) if !number.contains('.') => Step::Index(number.clone()),
            _ => return Err(self.unexpected("an index or `*`")),
        };
        self.next += 1;
        Ok(step)
    }
}

/// One member as it is; several in one list, nested lists of the same join opened, since they mean the same.
fn flat<T>(members: Vec<T>, join: impl FnOnce(Vec<T>) -> T, open: impl Fn(T) -> Result<Vec<T>, T>) -> T {
    let mut list = Vec::with_capacity(members.len());
    for member in members {
        match open(member) {
            Ok(inner) => list.extend(inner),
            Err(other) => list.push(other),
        }
    }
    if list.len() == 1 { list.remove(0) } else { join(list) }
}
