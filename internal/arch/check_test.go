package arch

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
)

// rule says what the packages it is about may import. Packages of this module
// are named by their directory; "x/..." means x and all below it. What test files
// import is free.
type rule struct {
	// packages are what the rule is about. The first rule that names a package
	// is the one that counts.
	packages []string
	// ours are the packages of this module that may be imported; nil means all
	// but those that nobody imports.
	ours []string
	// not are import paths, or beginnings of them, that may not be imported.
	not []string
}

// policy is all the rules of a module.
type policy struct {
	module string
	rules  []rule
	// private packages are imported by nobody; testOnly ones by tests and
	// each other alone.
	private, testOnly []string
}

// imports are the import paths of one package's production files, and where
// each first occurs.
type imports map[string]string

// violations returns what breaks the policy in the tree, one line each.
func (p policy) violations(tree fs.FS) ([]string, error) {
	packages, err := scan(tree)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, pkg := range slices.Sorted(maps.Keys(packages)) {
		i := slices.IndexFunc(p.rules, func(r rule) bool { return matchesAny(r.packages, pkg) })
		if i < 0 {
			found = append(found, fmt.Sprintf("%s: no rule says what this package may import", pkg))
			continue
		}
		for _, imp := range slices.Sorted(maps.Keys(packages[pkg])) {
			if why := p.objection(p.rules[i], pkg, imp); why != "" {
				found = append(found, fmt.Sprintf("%s: %s may not import %s: %s", packages[pkg][imp], pkg, imp, why))
			}
		}
	}
	return found, nil
}

// objection says why pkg may not import imp, or nothing.
func (p policy) objection(r rule, pkg, imp string) string {
	for _, prefix := range r.not {
		if imp == prefix || strings.HasPrefix(imp, prefix+"/") {
			return "it knows nothing of " + prefix
		}
	}
	own, ok := strings.CutPrefix(imp, p.module+"/")
	switch {
	case !ok || own == pkg:
		return ""
	case matchesAny(p.private, own):
		return "nobody imports it"
	case matchesAny(p.testOnly, own) && !matchesAny(p.testOnly, pkg):
		return "it is for tests"
	case r.ours != nil && !matchesAny(r.ours, own):
		return "imports go one way"
	}
	return ""
}

// matchesAny reports whether one of the patterns names pkg.
func matchesAny(patterns []string, pkg string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		if base, ok := strings.CutSuffix(pattern, "/..."); ok {
			return pkg == base || strings.HasPrefix(pkg, base+"/")
		}
		return pkg == pattern
	})
}

// scan reads the imports of all packages of the module whose root is tree.
func scan(tree fs.FS) (map[string]imports, error) {
	packages := map[string]imports{}
	err := fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if skipped(tree, name) {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		return scanFile(tree, name, packages)
	})
	return packages, err
}

// skipped reports whether a directory holds nothing of the module: test data,
// hidden files or another module.
func skipped(tree fs.FS, dir string) bool {
	if dir == "." {
		return false
	}
	base := path.Base(dir)
	if base == "testdata" || base == "vendor" || base[0] == '.' || base[0] == '_' {
		return true
	}
	_, err := fs.Stat(tree, path.Join(dir, "go.mod"))
	return err == nil
}

func scanFile(tree fs.FS, name string, packages map[string]imports) error {
	src, err := fs.ReadFile(tree, name)
	if err != nil {
		return err
	}
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, src, parser.ImportsOnly)
	if err != nil {
		return err
	}
	pkg := path.Dir(name)
	if packages[pkg] == nil {
		packages[pkg] = imports{}
	}
	for _, spec := range file.Imports {
		imp, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if packages[pkg][imp] == "" {
			packages[pkg][imp] = fset.Position(spec.Pos()).String()
		}
	}
	return nil
}
