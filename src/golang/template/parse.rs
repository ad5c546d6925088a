//! The template parser, with the error texts of Go's `text/template/parse`.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::super::quote;
use super::super::quoting::unquote;
use super::lex::{Item, Kind, Lexed, lex};
use super::literal::{Literal, number};
use super::node::{Branch, Command, Node, Operand, OperandKind, Pipe, TemplateCall, Tree};
use super::{GoVersion, ParseError};

/// How deep parentheses and controls may nest; Go's own limit is in the thousands.
const MAX_DEPTH: usize = 150;

/// So many variables may be in scope at once.
const MAX_VARIABLES: usize = 1_000;

/// What ended a list of nodes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Else,
    End,
}

impl Ending {
    /// The node as Go writes it back.
    fn text(self) -> &'static str {
        match self {
            Self::Else => "{{else}}",
            Self::End => "{{end}}",
        }
    }
}

enum Parsed {
    Node(Node),
    Ending(Ending),
}

/// What a definition has of its own while it is parsed.
struct Frame<'t> {
    /// Look-ahead, as in Go: the tokens peeked at, newest first.
    tokens: [Item<'t>; 3],
    peeked: usize,
    variables: Vec<Arc<str>>,
    range_depth: usize,
    action_line: usize,
}

struct Parser<'t, 'f> {
    parse_name: Arc<str>,
    source: Arc<str>,
    lexed: Lexed<'t>,
    next_item: usize,
    frame: Frame<'t>,
    known: &'f dyn Fn(&str) -> bool,
    version: GoVersion,
    depth: usize,
    trees: Vec<Tree>,
    tree_index: FxHashMap<Arc<str>, usize>,
}

type Result<T> = std::result::Result<T, ParseError>;

/// Parses a text into the definitions it holds; the text's own comes last.
pub(super) fn parse(name: &str, text: &str, known: &dyn Fn(&str) -> bool, version: GoVersion) -> Result<Vec<Tree>> {
    let mut parser = Parser {
        parse_name: name.into(),
        source: text.into(),
        lexed: lex(text, version),
        next_item: 0,
        frame: Frame::new(),
        known,
        version,
        depth: 0,
        trees: Vec::new(),
        tree_index: FxHashMap::default(),
    };
    let root = parser.top_level()?;
    parser.add(name.into(), root)?;
    Ok(parser.trees)
}

impl Frame<'_> {
    fn new() -> Self {
        let none = Item { kind: Kind::Eof, pos: 0, text: "", line: 0 };
        Self { tokens: [none; 3], peeked: 0, variables: vec!["$".into()], range_depth: 0, action_line: 0 }
    }
}

impl<'t> Parser<'t, '_> {
    fn lex_next(&mut self) -> Item<'t> {
        // The list ends with Eof or Error, which stay.
        let last = self.lexed.items.len() - 1;
        let item = self.lexed.items[self.next_item.min(last)];
        self.next_item += 1;
        item
    }

    fn next(&mut self) -> Item<'t> {
        if self.frame.peeked > 0 {
            self.frame.peeked -= 1;
        } else {
            self.frame.tokens[0] = self.lex_next();
        }
        self.frame.tokens[self.frame.peeked]
    }

    fn backup(&mut self) {
        self.frame.peeked += 1;
    }

    fn backup2(&mut self, first: Item<'t>) {
        self.frame.tokens[1] = first;
        self.frame.peeked = 2;
    }

    fn backup3(&mut self, first: Item<'t>, second: Item<'t>) {
        self.frame.tokens[1] = second;
        self.frame.tokens[2] = first;
        self.frame.peeked = 3;
    }

    fn peek(&mut self) -> Item<'t> {
        if self.frame.peeked == 0 {
            self.frame.peeked = 1;
            self.frame.tokens[0] = self.lex_next();
        }
        self.frame.tokens[self.frame.peeked - 1]
    }

    fn next_non_space(&mut self) -> Item<'t> {
        loop {
            let item = self.next();
            if item.kind != Kind::Space {
                return item;
            }
        }
    }

    fn peek_non_space(&mut self) -> Item<'t> {
        let item = self.next_non_space();
        self.backup();
        item
    }

    fn error<T>(&self, message: impl std::fmt::Display) -> Result<T> {
        let line = self.frame.tokens[0].line;
        Err(ParseError { message: format!("template: {}:{line}: {message}", self.parse_name), line })
    }

    fn unexpected<T>(&self, item: Item<'_>, context: &str) -> Result<T> {
        if item.kind == Kind::Error {
            let line = self.frame.action_line;
            let mut extra = String::new();
            if line != 0 && line != item.line {
                let action = if self.lexed.error.ends_with(" action") { "" } else { " in action" };
                extra = format!("{action} started at {}:{line}", self.parse_name);
            }
            return self.error(format!("{}{extra}", self.lexed.error));
        }
        self.error(format!("unexpected {} in {context}", show(item)))
    }

    fn expect(&mut self, kind: Kind, context: &str) -> Result<Item<'t>> {
        let item = self.next_non_space();
        if item.kind == kind { Ok(item) } else { self.unexpected(item, context) }
    }

    fn enter(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH { self.error("max expression depth exceeded") } else { Ok(()) }
    }

    fn add(&mut self, name: Arc<str>, root: Vec<Node>) -> Result<()> {
        let tree = Tree { name, parse_name: Arc::clone(&self.parse_name), source: Arc::clone(&self.source), root };
        match self.tree_index.get(&tree.name).copied() {
            None => {
                self.tree_index.insert(Arc::clone(&tree.name), self.trees.len());
                self.trees.push(tree);
            }
            Some(i) if self.trees[i].is_empty() => self.trees[i] = tree,
            Some(_) if tree.is_empty() => {}
            Some(_) => return self.error(format!("template: multiple definition of template {}", quote(&tree.name))),
        }
        Ok(())
    }

    fn top_level(&mut self) -> Result<Vec<Node>> {
        let mut root = Vec::new();
        while self.peek().kind != Kind::Eof {
            if self.peek().kind == Kind::LeftDelim {
                let delim = self.next();
                if self.next_non_space().kind == Kind::Define {
                    let outer = std::mem::replace(&mut self.frame, Frame::new());
                    self.definition()?;
                    self.frame = outer;
                    continue;
                }
                self.backup2(delim);
            }
            match self.text_or_action()? {
                Parsed::Node(node) => root.push(node),
                Parsed::Ending(ending) => return self.error(format!("unexpected {}", ending.text())),
            }
        }
        Ok(root)
    }

    fn definition(&mut self) -> Result<()> {
        let context = "define clause";
        let item = self.next_non_space();
        if !matches!(item.kind, Kind::String | Kind::RawString) {
            return self.unexpected(item, context);
        }
        let Ok(name) = unquote(item.text) else {
            return self.error("invalid syntax");
        };
        self.expect(Kind::RightDelim, context)?;
        let (root, ending) = self.item_list()?;
        if ending != Ending::End {
            return self.error(format!("unexpected {} in {context}", ending.text()));
        }
        self.add(name.into(), root)
    }

    fn item_list(&mut self) -> Result<(Vec<Node>, Ending)> {
        let mut list = Vec::new();
        while self.peek_non_space().kind != Kind::Eof {
            match self.text_or_action()? {
                Parsed::Node(node) => list.push(node),
                Parsed::Ending(ending) => return Ok((list, ending)),
            }
        }
        self.error("unexpected EOF")
    }

    fn text_or_action(&mut self) -> Result<Parsed> {
        let item = self.next_non_space();
        match item.kind {
            Kind::Text => Ok(Parsed::Node(Node::Text { text: item.text.into() })),
            Kind::LeftDelim => {
                self.frame.action_line = item.line;
                let parsed = self.action()?;
                self.frame.action_line = 0;
                Ok(parsed)
            }
            _ => self.unexpected(item, "input"),
        }
    }

    fn action(&mut self) -> Result<Parsed> {
        let item = self.next_non_space();
        let node = match item.kind {
            Kind::Block => self.block()?,
            Kind::Break => self.loop_control("break", Node::Break)?,
            Kind::Continue => self.loop_control("continue", Node::Continue)?,
            Kind::Else => {
                let next = self.peek_non_space().kind;
                if next != Kind::If && !(next == Kind::With && self.version == GoVersion::Current) {
                    self.expect(Kind::RightDelim, "else")?;
                }
                return Ok(Parsed::Ending(Ending::Else));
            }
            Kind::End => {
                self.expect(Kind::RightDelim, "end")?;
                return Ok(Parsed::Ending(Ending::End));
            }
            Kind::If => Node::If { branch: self.control(Kind::If)? },
            Kind::With => Node::With { branch: self.control(Kind::With)? },
            Kind::Range => Node::Range { branch: self.control(Kind::Range)? },
            Kind::Template => self.template_call()?,
            _ => {
                self.backup();
                Node::Action { pipe: self.pipeline("command", Kind::RightDelim)? }
            }
        };
        Ok(Parsed::Node(node))
    }

    fn loop_control(&mut self, word: &str, node: Node) -> Result<Node> {
        let item = self.next_non_space();
        if item.kind != Kind::RightDelim {
            return self.unexpected(item, &format!("{{{{{word}}}}}"));
        }
        if self.frame.range_depth == 0 {
            return self.error(format!("{{{{{word}}}}} outside {{{{range}}}}"));
        }
        Ok(node)
    }

    fn control(&mut self, kind: Kind) -> Result<Branch> {
        self.enter()?;
        let scope = self.frame.variables.len();
        let context = match kind {
            Kind::If => "if",
            Kind::With => "with",
            _ => "range",
        };
        let pipe = self.pipeline(context, Kind::RightDelim)?;
        let in_range = usize::from(kind == Kind::Range);
        self.frame.range_depth += in_range;
        let (list, ending) = self.item_list()?;
        self.frame.range_depth -= in_range;
        let mut else_list = None;
        if ending == Ending::Else {
            // "else if" leaves the "if" pending; its {{end}} is ours as well.
            if kind != Kind::Range && self.peek().kind == kind {
                self.next();
                let branch = self.control(kind)?;
                let node = if kind == Kind::If { Node::If { branch } } else { Node::With { branch } };
                else_list = Some(vec![node]);
            } else {
                let (list, ending) = self.item_list()?;
                if ending != Ending::End {
                    return self.error(format!("expected end; found {}", ending.text()));
                }
                else_list = Some(list);
            }
        }
        self.frame.variables.truncate(scope);
        self.depth -= 1;
        Ok(Branch { pipe, list, else_list })
    }

    fn block(&mut self) -> Result<Node> {
        let context = "block clause";
        let item = self.next_non_space();
        let name = self.template_name(item, context)?;
        let pipe = self.pipeline(context, Kind::RightDelim)?;
        self.enter()?;
        let outer = std::mem::replace(&mut self.frame, Frame::new());
        let (root, ending) = self.item_list()?;
        let inner = std::mem::replace(&mut self.frame, outer);
        self.depth -= 1;
        if ending != Ending::End {
            return self.error(format!("unexpected {} in {context}", ending.text()));
        }
        // A second definition is reported where the inner one ends.
        let outer = std::mem::replace(&mut self.frame, inner);
        self.add(Arc::clone(&name), root)?;
        self.frame = outer;
        Ok(Node::Template(TemplateCall { pos: item.pos, name, pipe: Some(pipe) }))
    }

    fn template_call(&mut self) -> Result<Node> {
        let context = "template clause";
        let item = self.next_non_space();
        let name = self.template_name(item, context)?;
        let mut pipe = None;
        if self.next_non_space().kind != Kind::RightDelim {
            self.backup();
            pipe = Some(self.pipeline(context, Kind::RightDelim)?);
        }
        Ok(Node::Template(TemplateCall { pos: item.pos, name, pipe }))
    }

    fn template_name(&mut self, item: Item<'t>, context: &str) -> Result<Arc<str>> {
        if !matches!(item.kind, Kind::String | Kind::RawString) {
            return self.unexpected(item, context);
        }
        unquote(item.text).map_or_else(|e| self.error(e), |name| Ok(name.into()))
    }

    fn pipeline(&mut self, context: &str, end: Kind) -> Result<Pipe> {
        self.enter()?;
        let pos = self.peek_non_space().pos;
        let mut pipe = Pipe { pos, assigns: false, variables: Vec::new(), commands: Vec::new() };
        self.declarations(&mut pipe, context)?;
        loop {
            let item = self.next_non_space();
            match item.kind {
                kind if kind == end => break,
                Kind::Bool
                | Kind::CharConstant
                | Kind::Complex
                | Kind::Dot
                | Kind::Field
                | Kind::Identifier
                | Kind::Number
                | Kind::Nil
                | Kind::RawString
                | Kind::String
                | Kind::Variable
                | Kind::LeftParen => {
                    self.backup();
                    let command = self.command()?;
                    pipe.commands.push(command);
                }
                _ => return self.unexpected(item, context),
            }
        }
        if pipe.commands.is_empty() {
            return self.error(format!("missing value for {context}"));
        }
        let fixed = |c: &Command| {
            matches!(
                c.args[0].kind,
                OperandKind::Bool(_)
                    | OperandKind::Dot
                    | OperandKind::Nil
                    | OperandKind::Number(_)
                    | OperandKind::Str { .. }
            )
        };
        if let Some(i) = pipe.commands.iter().skip(1).position(fixed) {
            return self.error(format!("non executable command in pipeline stage {}", i + 2));
        }
        self.depth -= 1;
        Ok(pipe)
    }

    /// `$x :=`, `$x =` and, for range, `$i, $x :=` in front of a pipeline.
    fn declarations(&mut self, pipe: &mut Pipe, context: &str) -> Result<()> {
        loop {
            let variable = self.peek_non_space();
            if variable.kind != Kind::Variable {
                return Ok(());
            }
            self.next();
            // "$x foo" against "$x := foo": three tokens of look-ahead, as blanks are tokens.
            let adjacent = self.peek();
            let next = self.peek_non_space();
            if matches!(next.kind, Kind::Assign | Kind::Declare) {
                pipe.assigns = next.kind == Kind::Assign;
                self.next_non_space();
                self.declare(pipe, variable)?;
                return Ok(());
            }
            if next.kind == Kind::Char && next.text == "," {
                self.next_non_space();
                self.declare(pipe, variable)?;
                if context == "range" && pipe.variables.len() < 2 {
                    match self.peek_non_space().kind {
                        Kind::Variable | Kind::RightDelim | Kind::RightParen => continue,
                        _ => return self.error("range can only initialize variables"),
                    }
                }
                return self.error(format!("too many declarations in {context}"));
            }
            if adjacent.kind == Kind::Space {
                self.backup3(variable, adjacent);
            } else {
                self.backup2(variable);
            }
            return Ok(());
        }
    }

    fn declare(&mut self, pipe: &mut Pipe, variable: Item<'_>) -> Result<()> {
        if self.frame.variables.len() > MAX_VARIABLES {
            return self.error("too many variables");
        }
        let name: Arc<str> = variable.text.into();
        pipe.variables.push(Arc::clone(&name));
        self.frame.variables.push(name);
        Ok(())
    }

    fn command(&mut self) -> Result<Command> {
        let mut command = Command { pos: self.peek_non_space().pos, args: Vec::new() };
        loop {
            self.peek_non_space();
            if let Some(operand) = self.operand()? {
                command.args.push(operand);
            }
            let item = self.next();
            match item.kind {
                Kind::Space => continue,
                Kind::RightDelim | Kind::RightParen => self.backup(),
                Kind::Pipe => {}
                _ => return self.unexpected(item, "operand"),
            }
            break;
        }
        if command.args.is_empty() { self.error("empty command") } else { Ok(command) }
    }

    fn operand(&mut self) -> Result<Option<Operand>> {
        let Some(node) = self.term()? else {
            return Ok(None);
        };
        if self.peek().kind != Kind::Field {
            return Ok(Some(node));
        }
        let pos = self.peek().pos;
        let mut fields: Vec<Arc<str>> = Vec::new();
        while self.peek().kind == Kind::Field {
            fields.push(self.next().text[1..].into());
        }
        let kind = match node.kind {
            OperandKind::Field(mut first) => {
                first.append(&mut fields);
                OperandKind::Field(first)
            }
            OperandKind::Variable { name, fields: mut first } => {
                first.append(&mut fields);
                OperandKind::Variable { name, fields: first }
            }
            OperandKind::Bool(_)
            | OperandKind::Str { .. }
            | OperandKind::Number(_)
            | OperandKind::Nil
            | OperandKind::Dot => {
                return self.error(format!("unexpected . after term {}", quote(&node.to_string())));
            }
            OperandKind::Identifier(_) | OperandKind::Pipe(_) | OperandKind::Chain { .. } => {
                OperandKind::Chain { node: Box::new(node), fields }
            }
        };
        Ok(Some(Operand { pos, kind }))
    }

    fn term(&mut self) -> Result<Option<Operand>> {
        let item = self.next_non_space();
        let kind = match item.kind {
            Kind::Identifier => {
                if !(self.known)(item.text) {
                    return self.error(format!("function {} not defined", quote(item.text)));
                }
                OperandKind::Identifier(item.text.into())
            }
            Kind::Dot => OperandKind::Dot,
            Kind::Nil => OperandKind::Nil,
            Kind::Variable => {
                let name = item.text;
                if !self.frame.variables.iter().any(|v| **v == *name) {
                    return self.error(format!("undefined variable {}", quote(name)));
                }
                OperandKind::Variable { name: name.into(), fields: Vec::new() }
            }
            Kind::Field => OperandKind::Field(vec![item.text[1..].into()]),
            Kind::Bool => OperandKind::Bool(item.text == "true"),
            Kind::CharConstant | Kind::Complex | Kind::Number => match number(item.text, literal(item.kind)) {
                Ok(number) => OperandKind::Number(number),
                Err(e) => return self.error(e),
            },
            Kind::LeftParen => {
                let pipe = self.pipeline("parenthesized pipeline", Kind::RightParen)?;
                return Ok(Some(Operand { pos: pipe.pos, kind: OperandKind::Pipe(Box::new(pipe)) }));
            }
            Kind::String | Kind::RawString => match unquote(item.text) {
                Ok(text) => OperandKind::Str { quoted: item.text.into(), text: text.into() },
                Err(e) => return self.error(e),
            },
            _ => {
                self.backup();
                return Ok(None);
            }
        };
        Ok(Some(Operand { pos: item.pos, kind }))
    }
}

/// A token as Go's error texts show it.
fn show(item: Item<'_>) -> String {
    match item.kind {
        Kind::Eof => "EOF".to_owned(),
        kind if kind.is_keyword() => format!("<{}>", item.text),
        // The limit counts bytes, the cut characters.
        _ if item.text.len() > 10 => format!("{}...", quote(&item.text.chars().take(10).collect::<String>())),
        _ => quote(item.text),
    }
}

fn literal(kind: Kind) -> Literal {
    match kind {
        Kind::CharConstant => Literal::Character,
        Kind::Complex => Literal::Complex,
        _ => Literal::Plain,
    }
}
