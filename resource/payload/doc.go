// Package payload reads and writes the bytes of revisions without knowing
// their type.
//
// A payload is JSON or msgpack. Stored payloads are opaque: the functions here
// only look at them ([Sniff], [Extract], [Binaries], [AppendJSON]). Submitted
// ones arrive as JSON text and are given the bytes the original would have
// stored, see [Canonical]; or as a patch of a stored one, see [ParsePatch].
//
// One walker per encoding turns bytes into events, and each task is a receiver
// of events. The walkers never allocate more than a small multiple of their
// input and refuse malformed or hostile input with a [*SyntaxError].
package payload

import (
	"fmt"
	"strings"

	"github.com/specstar-worker/worker/internal/jsonlex"
	"github.com/specstar-worker/worker/resource"
)

// Limits of a submitted payload, see [Canonical].
const (
	// MaxBytes is the longest JSON text that is taken.
	MaxBytes = 16 << 20
	// MaxDepth is how deep arrays and objects may be nested.
	MaxDepth = 64
	// MaxDigits is the longest integer that is taken; the original's decoder
	// refuses longer ones.
	MaxDigits = jsonlex.MaxDigits
)

// maxStoredDepth bounds the nesting of payloads that are already stored. They
// were written under the original's limit, the recursion limit of Python.
const maxStoredDepth = 1000

// SyntaxError says why bytes are not a payload, and where.
type SyntaxError struct {
	// Offset is the position in the payload, in bytes from its start.
	Offset int
	// Path is the field concerned, "address.lines[2]"; empty for the payload as a
	// whole, and in msgpack. Of a long one the end is kept.
	Path string
	// Reason is what is wrong there.
	Reason string
}

// Error names the offset, the field and what is wrong there.
func (e *SyntaxError) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("payload: byte %d: %s", e.Offset, e.Reason)
	}
	return fmt.Sprintf("payload: byte %d, field %s: %s", e.Offset, e.Path, e.Reason)
}

// maxPath is how much of a path an error keeps, in bytes.
const maxPath = 100

// within puts a step of the path, a key or an index, in front of the place of an error.
func within(step string, err error) error {
	e, ok := err.(*SyntaxError)
	if !ok || strings.HasPrefix(e.Path, "…") {
		return err
	}
	switch {
	case e.Path == "":
		e.Path = step
	case e.Path[0] == '[':
		e.Path = step + e.Path
	default:
		e.Path = step + "." + e.Path
	}
	if cut := len(e.Path) - maxPath; cut > 0 {
		e.Path = "…" + strings.ToValidUTF8(e.Path[cut:], "")
	}
	return err
}

// Sniff returns the encoding of a stored payload. Every msgpack value but the
// integers 0 to 127 begins with a byte above 0x7f and no JSON text does. A
// lone ASCII digit is taken as JSON, as are empty payloads.
func Sniff(p []byte) resource.Encoding {
	switch {
	case len(p) == 0:
		return resource.JSON
	case p[0] > 0x7f:
		return resource.Msgpack
	case len(p) == 1 && (p[0] < '0' || p[0] > '9'):
		return resource.Msgpack
	}
	return resource.JSON
}

// walk sends the events of a stored payload to to.
func walk(p []byte, to events) error {
	if Sniff(p) == resource.Msgpack {
		r := msgpackReader{b: p, to: to}
		return r.document()
	}
	return newJSONReader(p, to, maxStoredDepth, false).document()
}
