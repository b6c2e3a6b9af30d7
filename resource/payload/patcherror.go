package payload

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// PatchError says which part of a patch cannot be applied, and why (RFC 6902 §5).
type PatchError struct {
	// Index is the position of the operation in the patch, from 0; -1 for a merge
	// patch and for what is wrong with the patch as a whole.
	Index int
	// Op is the operation, "merge" for a merge patch; empty when it is not known.
	Op string
	// Path is the place it concerns, a JSON pointer (RFC 6901).
	Path string
	// Reason is what is wrong there.
	Reason string
}

// Error names the operation, the place and what is wrong there: "patch operation 2
// (replace /a/b): there is no such field". Of a long path the end is shown.
func (e *PatchError) Error() string {
	var b strings.Builder
	switch {
	case e.Index >= 0:
		fmt.Fprintf(&b, "patch operation %d", e.Index)
		if e.Op != "" {
			fmt.Fprintf(&b, " (%s %s)", shown(e.Op), shown(e.Path))
		}
	case e.Op != "":
		fmt.Fprintf(&b, "merge patch (%s)", shown(e.Path))
	default:
		b.WriteString("patch")
	}
	b.WriteString(": ")
	b.WriteString(e.Reason)
	return b.String()
}

// shown is a text of the patch as errors show it: of bounded length, in one line,
// and in quotes where it would not be seen.
func shown(s string) string {
	if cut := len(s) - maxPath; cut > 0 {
		s = "…" + strings.ToValidUTF8(s[cut:], "")
	}
	if s == "" || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(s)
	}
	return s
}
