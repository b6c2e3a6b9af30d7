package main

import (
	"maps"
	"slices"
	"strings"
)

// signature is a declaration of a symbol, with the platforms that have it.
type signature struct {
	Text  string   `json:"text"`
	Archs []string `json:"archs"`
	Since string   `json:"since"`
}

// symbol is the payload of a go-symbol revision: what is known of an exported
// symbol as of a release.
type symbol struct {
	Package    string      `json:"package"`
	OS         string      `json:"os"`
	Name       string      `json:"name"`
	Kind       string      `json:"kind"`
	Signatures []signature `json:"signatures"`
	Since      string      `json:"since"`
	Release    string      `json:"release"`
	Deprecated *string     `json:"deprecated"`
}

// id returns the symbol's resource id: slashes of the package become "~", and a
// system stands behind an "@".
func (s symbol) id() string {
	at := ""
	if s.OS != "" {
		at = "@" + s.OS
	}
	return "go-symbol:" + strings.ReplaceAll(s.Package, "/", "~") + at + "." + s.Name
}

// apply returns the symbol as it is after the facts of a release.
func (s symbol) apply(version string, facts []entry) symbol {
	s.Release = version
	if s.Since == "" {
		s.Since = version
	}
	s.Signatures = slices.Clone(s.Signatures)
	for _, e := range facts {
		s.Package, s.OS, s.Name, s.Kind = e.Package, e.OS, e.Name, e.Kind
		if e.Deprecated {
			s.Deprecated = &version
			continue
		}
		s.Signatures = declare(s.Signatures, version, e)
	}
	return s
}

// declare adds a declaration on an architecture to the known ones.
func declare(known []signature, version string, e entry) []signature {
	archs := []string{}
	if e.Arch != "" {
		archs = append(archs, e.Arch)
	}
	i := slices.IndexFunc(known, func(k signature) bool { return k.Text == e.Text })
	if i < 0 {
		return append(known, signature{Text: e.Text, Archs: archs, Since: version})
	}
	all := append(slices.Clone(known[i].Archs), archs...)
	slices.Sort(all)
	known[i].Archs = slices.Compact(all)
	return known
}

// pack is the payload of a go-package revision: how large a package is as of a
// release.
type pack struct {
	Package    string `json:"package"`
	Release    string `json:"release"`
	Since      string `json:"since"`
	Symbols    int    `json:"symbols"`
	Added      int    `json:"added"`
	Changed    int    `json:"changed"`
	Deprecated int    `json:"deprecated"`
}

func (p pack) id() string { return "go-package:" + strings.ReplaceAll(p.Package, "/", "~") }

// summary is the payload of a go-release revision: what a release did.
type summary struct {
	Version    string `json:"version"`
	Released   string `json:"released"`
	Packages   int    `json:"packages"`
	Symbols    int    `json:"symbols"`
	Added      int    `json:"added"`
	Changed    int    `json:"changed"`
	Deprecated int    `json:"deprecated"`
}

func (s summary) id() string { return "go-release:" + s.Version }

// history is every symbol, package and release with its revisions in order.
type history struct {
	symbols  map[string][]symbol
	packages map[string][]pack
	releases []summary
}

func newHistory() *history {
	return &history{symbols: map[string][]symbol{}, packages: map[string][]pack{}}
}

// add continues the history with the facts of the next release.
func (h *history) add(r release, es []entry) {
	facts := map[string][]entry{}
	for _, e := range es {
		id := symbol{Package: e.Package, OS: e.OS, Name: e.Name}.id()
		facts[id] = append(facts[id], e)
	}
	counts := map[string]pack{}
	for id, about := range facts {
		old := h.symbols[id]
		var last symbol
		if len(old) > 0 {
			last = old[len(old)-1]
		}
		next := last.apply(r.Version, about)
		h.symbols[id] = append(old, next)
		counts[next.Package] = counts[next.Package].count(last, next)
	}
	h.sum(r, counts)
}

// count adds what happened to one symbol.
func (p pack) count(last, next symbol) pack {
	switch {
	case last.Since == "":
		p.Added++
	case last.Deprecated == nil && next.Deprecated != nil:
		p.Deprecated++
	default:
		p.Changed++
	}
	return p
}

// sum appends a revision to each package that changed, and the release.
func (h *history) sum(r release, counts map[string]pack) {
	total := summary{Version: r.Version, Released: r.Date}
	if n := len(h.releases); n > 0 {
		total.Symbols = h.releases[n-1].Symbols
	}
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		c := counts[name]
		old := h.packages[name]
		c.Package, c.Release, c.Since, c.Symbols = name, r.Version, r.Version, c.Added
		if len(old) > 0 {
			c.Since = old[0].Since
			c.Symbols += old[len(old)-1].Symbols
		}
		h.packages[name] = append(old, c)
		total.Added += c.Added
		total.Changed += c.Changed
		total.Deprecated += c.Deprecated
	}
	total.Symbols += total.Added
	total.Packages = len(h.packages)
	h.releases = append(h.releases, total)
}
