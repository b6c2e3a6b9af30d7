package main

import (
	"fmt"
	"regexp"
	"strings"
)

// entry is one line of an api file: a fact about one exported symbol.
type entry struct {
	Package string
	// OS is the system the line is about, empty for all; Arch is the rest of the
	// platform, "386-cgo".
	OS, Arch string
	// Name is the symbol within its package: "Reader", "Reader.Close", "File.Name".
	Name string
	Kind string
	// Text is the line's declaration, "func Clone([]uint8) []uint8".
	Text string
	// Deprecated lines say that the symbol is deprecated; they carry no declaration.
	Deprecated bool
}

// The shapes of lines, tried in this order. Generic parameters ("[$0 any]") are
// not part of a name.
var (
	lineShape = regexp.MustCompile(`^pkg (\S+)(?: \(([a-z0-9]+)-([^)]+)\))?, (.*)$`)
	proposal  = regexp.MustCompile(`\s+#\d+$`)
	mark      = regexp.MustCompile(`\s*//deprecated$`)

	shapes = []struct {
		kind string
		re   *regexp.Regexp
	}{
		{"method", regexp.MustCompile(`^method \(\*?(\w+)(?:\[[^\]]*\])?\) (\w+)`)},
		{"type", regexp.MustCompile(`^type (\w+)(?:\[.*\])? interface, unexported methods$`)},
		{"method", regexp.MustCompile(`^type (\w+)(?:\[.*\])? interface, (\w+)`)},
		{"field", regexp.MustCompile(`^type (\w+)(?:\[.*\])? struct, embedded \*?(?:\w+\.)?(\w+)`)},
		{"field", regexp.MustCompile(`^type (\w+)(?:\[.*\])? struct, (\w+)`)},
		{"const", regexp.MustCompile(`^const (\w+)`)},
		{"func", regexp.MustCompile(`^func (\w+)`)},
		{"type", regexp.MustCompile(`^type (\w+)`)},
		{"var", regexp.MustCompile(`^var (\w+)`)},
	}
)

// parseLine reads one line of an api file; ok is false for comments and blank
// lines.
func parseLine(line string) (e entry, ok bool, err error) {
	line = strings.TrimSpace(line)
	if line == "" || strings.HasPrefix(line, "#") {
		return entry{}, false, nil
	}
	m := lineShape.FindStringSubmatch(line)
	if m == nil {
		return entry{}, false, fmt.Errorf("not a line of an api file: %q", line)
	}
	text := proposal.ReplaceAllString(m[4], "")
	e = entry{Package: m[1], OS: m[2], Arch: m[3], Text: mark.ReplaceAllString(text, "")}
	e.Deprecated = e.Text != text
	for _, s := range shapes {
		if m := s.re.FindStringSubmatch(e.Text); m != nil {
			e.Kind, e.Name = s.kind, strings.Join(m[1:], ".")
			return e, true, nil
		}
	}
	return entry{}, false, fmt.Errorf("no known declaration: %q", line)
}
