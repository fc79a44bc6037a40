//! The sources of a crate as modules: what each file defines, what it re-exports, and which names it uses.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::visit::{self, Visit};

/// The way to a module or a name from the root of its crate; empty for the root itself.
pub(crate) type Names = Vec<String>;

/// A use of a name: its line, and the name as it is written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Use {
    pub(crate) line: usize,
    pub(crate) path: Names,
    /// A re-export hands a name on, and says nothing of who needs it.
    pub(crate) is_reexport: bool,
    /// Tests of a file may use what the file itself may not.
    pub(crate) in_test: bool,
}

/// One module, that is, one file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Module {
    pub(crate) file: String,
    pub(crate) defines: BTreeSet<String>,
    /// Names that it imports or re-exports, each with the path that it writes.
    pub(crate) imports: BTreeMap<String, Names>,
    pub(crate) globs: Vec<Names>,
    pub(crate) uses: Vec<Use>,
    /// The whole file is a test.
    pub(crate) is_test: bool,
}

/// The modules of one crate.
#[derive(Debug, Clone, Default)]
pub(crate) struct Crate {
    pub(crate) modules: BTreeMap<Names, Module>,
}

impl Crate {
    /// Reads every source below `src`.
    pub(crate) fn read(src: &Path) -> Self {
        let mut files = Vec::new();
        collect(src, src, &mut files);
        let borrowed: Vec<_> = files.iter().map(|(file, text)| (file.as_str(), text.as_str())).collect();
        Self::of(&borrowed)
    }

    /// Takes files, each by its path below `src` with its text.
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let mut modules: BTreeMap<_, _> = files.iter().map(|(file, text)| (module_of(file), module(file, text))).collect();
        let tests: Vec<Names> = test_modules(files);
        for (names, module) in &mut modules {
            module.is_test = tests.iter().any(|test| names.starts_with(test));
        }
        Self { modules }
    }

    /// The module whose file defines what `path` names when `from` writes it; `None` for what is not of this crate.
    pub(crate) fn defining(&self, from: &[String], path: &[String]) -> Option<Names> {
        self.resolve(from, path, 0)
    }

    fn resolve(&self, from: &[String], path: &[String], depth: usize) -> Option<Names> {
        // Imports that lead in a circle are rustc's to refuse; here they only must not hang.
        const DEEPEST: usize = 16;
        let (first, rest) = path.split_first()?;
        let (base, rest) = match first.as_str() {
            "crate" => (Vec::new(), rest),
            "self" => (from.to_vec(), rest),
            "super" => {
                let parent = from.split_last()?.1.to_vec();
                if rest.first().is_some_and(|next| next == "super") {
                    return self.resolve(&parent, rest, depth);
                }
                (parent, rest)
            }
            _ if self.knows(from, first) => (from.to_vec(), path),
            _ => return None,
        };
        let mut module = base;
        for (at, name) in rest.iter().enumerate() {
            let child: Names = module.iter().chain([name]).cloned().collect();
            if self.modules.contains_key(&child) {
                module = child;
                continue;
            }
            let here = self.modules.get(&module)?;
            if here.defines.contains(name) || depth >= DEEPEST {
                return Some(module);
            }
            if let Some(target) = here.imports.get(name) {
                let whole: Names = target.iter().chain(&rest[at + 1..]).cloned().collect();
                return self.resolve(&module, &whole, depth + 1);
            }
            let through = here.globs.iter().find_map(|glob| {
                let whole: Names = glob.iter().chain(&rest[at..]).cloned().collect();
                self.resolve(&module, &whole, depth + 1).filter(|found| self.modules[found].defines.contains(name))
            });
            return Some(through.unwrap_or(module));
        }
        Some(module)
    }

    /// Whether `name` in module `from` begins a path into this crate: a child, or something imported.
    fn knows(&self, from: &[String], name: &String) -> bool {
        let child: Names = from.iter().chain([name]).cloned().collect();
        let here = self.modules.get(from);
        self.modules.contains_key(&child)
            || here.is_some_and(|here| here.imports.get(name).is_some_and(|path| path.as_slice() != std::slice::from_ref(name)))
    }
}

fn collect(src: &Path, dir: &Path, files: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(dir).expect("the directory is there") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            collect(src, &path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let file = path.strip_prefix(src).expect("below src").to_string_lossy().replace('\\', "/");
            files.push((file, fs::read_to_string(&path).expect("a readable source")));
        }
    }
}

/// `a/b.rs` and `a/b/mod.rs` are `a::b`; `lib.rs` is the root.
fn module_of(file: &str) -> Names {
    let stem = file.trim_end_matches(".rs");
    let mut names: Names = stem.split('/').map(str::to_owned).collect();
    if names.last().is_some_and(|last| last == "mod") || stem == "lib" {
        names.pop();
    }
    names
}

fn module(file: &str, text: &str) -> Module {
    let parsed = syn::parse_file(text).unwrap_or_else(|error| panic!("{file}: {error}"));
    let mut reader =
        Reader { module: Module { file: file.to_owned(), ..Module::default() }, in_test: false, depth: 0, inline: 0 };
    reader.visit_file(&parsed);
    reader.module
}

/// Modules that are declared under `#[cfg(test)]`.
fn test_modules(files: &[(&str, &str)]) -> Vec<Names> {
    let declared = |(file, text): &(&str, &str)| {
        let parsed = syn::parse_file(text).expect("parsed before");
        let parent = module_of(file);
        let tests = parsed.items.into_iter().filter_map(move |item| match item {
            syn::Item::Mod(item) if item.content.is_none() && is_test(&item.attrs) => {
                Some(parent.iter().cloned().chain([item.ident.to_string()]).collect())
            }
            _ => None,
        });
        tests.collect::<Vec<Names>>()
    };
    files.iter().flat_map(declared).collect()
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    let says_test = |attribute: &syn::Attribute| {
        attribute.path().is_ident("cfg") && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
    };
    attributes.iter().any(says_test)
}

struct Reader {
    module: Module,
    in_test: bool,
    /// Modules and functions around the current item.
    depth: usize,
    /// Modules around it that have no file of their own: a `super` in one of them stays in the file.
    inline: usize,
}

impl Reader {
    fn uses(&mut self, line: usize, mut path: Names, is_reexport: bool) {
        let supers = path.iter().take(self.inline).take_while(|name| *name == "super").count();
        if supers > 0 {
            path.drain(..supers);
            if path.first().is_none_or(|name| name != "super") {
                path.insert(0, "self".to_owned());
            }
        }
        let in_test = self.in_test;
        self.module.uses.push(Use { line, path, is_reexport, in_test });
    }

    fn tree(&mut self, tree: &syn::UseTree, before: &Names, public: bool) {
        let with = |ident: &syn::Ident| before.iter().cloned().chain([ident.unraw().to_string()]).collect::<Names>();
        match tree {
            syn::UseTree::Path(path) => self.tree(&path.tree, &with(&path.ident), public),
            syn::UseTree::Group(group) => group.items.iter().for_each(|tree| self.tree(tree, before, public)),
            syn::UseTree::Glob(glob) => {
                if self.inline == 0 {
                    self.module.globs.push(before.clone());
                }
                self.uses(glob.star_token.spans[0].start().line, before.clone(), public);
            }
            syn::UseTree::Name(name) => {
                let path = if name.ident == "self" { before.clone() } else { with(&name.ident) };
                self.import(path.last().cloned().unwrap_or_default(), path, name.ident.span().start().line, public);
            }
            syn::UseTree::Rename(rename) => {
                self.import(rename.rename.to_string(), with(&rename.ident), rename.ident.span().start().line, public);
            }
        }
    }

    fn import(&mut self, name: String, path: Names, line: usize, public: bool) {
        if !self.in_test && self.inline == 0 {
            self.module.imports.insert(name, path.clone());
        }
        self.uses(line, path, public);
    }

    /// Paths in what a macro is given: no parser knows its grammar, but a path is a path.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path = Names::new();
        let mut line = 0;
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.path(line, std::mem::take(&mut path));
                        line = ident.span().start().line;
                    }
                    path.push(ident.unraw().to_string());
                    colons = 0;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Group(group) => {
                    self.path(line, std::mem::take(&mut path));
                    self.tokens(group.stream());
                    colons = 0;
                }
                _ => {
                    self.path(line, std::mem::take(&mut path));
                    colons = 0;
                }
            }
        }
        self.path(line, path);
    }

    fn path(&mut self, line: usize, path: Names) {
        if path.len() > 1 {
            self.uses(line, path, false);
        }
    }

    fn inside(&mut self, attributes: &[syn::Attribute], visit: impl FnOnce(&mut Self)) {
        let outer = self.in_test;
        self.in_test |= is_test(attributes);
        self.depth += 1;
        visit(self);
        self.depth -= 1;
        self.in_test = outer;
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let ident = match item {
            syn::Item::Const(item) => Some(&item.ident),
            syn::Item::Enum(item) => Some(&item.ident),
            syn::Item::Fn(item) => Some(&item.sig.ident),
            syn::Item::Macro(item) => item.ident.as_ref(),
            syn::Item::Static(item) => Some(&item.ident),
            syn::Item::Struct(item) => Some(&item.ident),
            syn::Item::Trait(item) => Some(&item.ident),
            syn::Item::Type(item) => Some(&item.ident),
            syn::Item::Union(item) => Some(&item.ident),
            _ => None,
        };
        if let Some(ident) = ident.filter(|_| self.depth == 0) {
            self.module.defines.insert(ident.unraw().to_string());
        }
        match item {
            syn::Item::Mod(inner) => {
                self.inline += 1;
                self.inside(&inner.attrs, |reader| visit::visit_item(reader, item));
                self.inline -= 1;
            }
            syn::Item::Fn(inner) => self.inside(&inner.attrs, |reader| visit::visit_item(reader, item)),
            syn::Item::Impl(inner) => self.inside(&inner.attrs, |reader| visit::visit_item(reader, item)),
            _ => visit::visit_item(self, item),
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let outer = self.in_test;
        self.in_test |= is_test(&item.attrs);
        let public = !matches!(item.vis, syn::Visibility::Inherited);
        self.tree(&item.tree, &Names::new(), public);
        self.in_test = outer;
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names = path.segments.iter().map(|segment| segment.ident.unraw().to_string()).collect();
        let line = path.segments.first().map_or(0, |segment| segment.ident.span().start().line);
        self.path(line, names);
        visit::visit_path(self, path);
    }

    /// `pub(in path)` says who may see an item, and needs nothing of theirs.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.tokens(call.tokens.clone());
        visit::visit_macro(self, call);
    }
}
