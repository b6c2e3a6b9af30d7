package check

import (
	"regexp"
	"strings"
)

// pattern draws a regular expression: one of those that people write, or pieces.
func (d *drawing) pattern() *regexp.Regexp {
	text := pick(d.src, []string{"^a", "b$", "(?i)ALICE", "l.c", "^$", "[0-9]+", "", "^", "$", `\d`, `^\s*$`, "(a|b)+", "é", `\bli`, `(?i)é`, `(?i)s|k`, `^.$`, `^..$`, `(?s)^.*$`, `(?m)^b$`})
	if flip(d.src) {
		text = d.alternatives(2)
	}
	p, err := regexp.Compile(text)
	if err != nil {
		return regexp.MustCompile(regexp.QuoteMeta(text))
	}
	return p
}

// alternatives draws one or more sequences of atoms.
func (d *drawing) alternatives(depth int) string {
	return strings.Join(generated(1+d.src.IntN(2), func() string {
		return strings.Join(generated(1+d.src.IntN(3), func() string {
			return d.atom(depth) + pick(d.src, []string{"", "", "", "*", "+", "?", "*?", "{2}", "{1,2}", "{0}", "{0,3}?"})
		}), "")
	}), "|")
}

func (d *drawing) atom(depth int) string {
	if depth > 0 && d.src.IntN(4) == 0 {
		return pick(d.src, []string{"(", "(?:", "(?i:", "(?s:", "(?P<n>", "(?-i:", "(?m:"}) + d.alternatives(depth-1) + ")"
	}
	if d.src.IntN(3) == 0 {
		return regexp.QuoteMeta(d.piece())
	}
	return pick(d.src, []string{
		".", "^", "$", `\A`, `\z`, `\b`, `\B`, "[a-c]", "[^a]", "[A-Z]", "[]a]", "[^-a]", `[\d_]`, `[\W]`, "[[:alpha:]]", `\w`, `\W`, `\d`, `\D`, `\s`, `\S`, `\p{L}`, `\P{Lu}`, `\pN`,
		`\x{4e2d}`, `\x41`, `\Qa.b\E`, `\.`, `\\`, `\'`, `"`, "%", "_", "'", "-", "é", "[é-ü]", "(?i)k", "(?i)[k-s]", "\\\x00", "[^\x00]", `\n`, "中", "(?:)", "a", "b", "1",
	})
}
