package payload

import (
	"bytes"
	"fmt"
	"math"

	"github.com/specstar-worker/worker/internal/jsonlex"
)

// MaxOperations is how many operations a patch may have, see [ParsePatch].
const MaxOperations = 10_000

// maxPatchedBytes is the longest stored payload that is patched: positions in it
// and in what a patch adds are kept in 32 bits.
const maxPatchedBytes = math.MaxUint32 / 4

// PatchDoc is a patch that was read and checked: operations (RFC 6902) or a merge
// patch (RFC 7386). It never changes, so one can be applied many times, and by
// several goroutines at once.
type PatchDoc struct {
	// canon is the patch in the form of [Canonical]; values are parts of it.
	canon []byte
	// merge is set for a merge patch, which has no operations.
	merge bool
	ops   []operation
}

// ParsePatch reads a patch: an array of operations (RFC 6902 §3), or an object,
// which is a merge patch (RFC 7386 §2). Merge patches that are no objects, which
// replace the whole value, are not taken: an array could be either.
//
// A text that [Canonical] would refuse gives a [*SyntaxError]: the limits
// [MaxBytes], [MaxDepth] (for the values of operations as for a merge patch) and
// [MaxDigits] hold here, and a repeated key is an error (RFC 6902 §A.13). An
// operation that is incomplete or malformed, or one too many ([MaxOperations]),
// gives a [*PatchError]. Members that an operation does not have are ignored
// (RFC 6902 §4).
func ParsePatch(jsonText []byte) (*PatchDoc, error) {
	canon, err := canonicalPatch(jsonText)
	if err != nil {
		return nil, fmt.Errorf("read patch: %w", err)
	}
	switch canon[0] {
	case '{':
		return &PatchDoc{canon: canon, merge: true}, nil
	case '[':
		ops, err := parseOperations(canon)
		if err != nil {
			return nil, err
		}
		return &PatchDoc{canon: canon, ops: ops}, nil
	}
	return nil, fmt.Errorf("read patch: %w", &SyntaxError{Reason: "a patch is an array of operations or an object"})
}

// canonicalPatch is Canonical with the nesting that the operations around the
// values of a patch need.
func canonicalPatch(jsonText []byte) ([]byte, error) {
	if len(jsonText) > MaxBytes {
		return nil, &SyntaxError{Offset: MaxBytes, Reason: fmt.Sprintf("the text is longer than %d bytes", MaxBytes)}
	}
	depth := MaxDepth
	if s := (jsonlex.Scanner{B: jsonText}); s.Peek() == '[' {
		depth += 2
	}
	w := jsonWriter{b: make([]byte, 0, len(jsonText)), first: true}
	if err := newJSONReader(jsonText, &w, depth, true).document(); err != nil {
		return nil, err
	}
	return w.b, nil
}

// Apply applies the patch to a stored payload and returns the new one, in the
// encoding of the stored one: another would alter what the patch does not touch.
// All or nothing is applied (RFC 6902 §5).
//
// What the patch does not touch keeps its bytes: the order of keys, the digits and
// kinds of numbers, in msgpack bytes, timestamps and the width of numbers. Objects
// and arrays with a changed part are written anew around it, without insignificant
// spaces. New values take the form of [Canonical]. A new key comes last in its
// object, a replaced value keeps its place. Of a key that a stored payload repeats
// the last one counts, and all are removed.
//
// The test operation compares the meaning as JSON (RFC 6902 §4.6), as [AppendJSON]
// renders msgpack: bytes equal their base64, timestamps their RFC 3339 text,
// infinities null. Numbers are equal when their decimals are, 1 and 1.0, floats
// being the shortest decimals that read back equal.
//
// A patch that does not fit the payload gives a [*PatchError], as does one whose
// result is longer than [MaxBytes], places a value deeper than [MaxDepth] or, for
// msgpack, has integers beyond 64 bits. All values copied by one patch are together
// at most [MaxBytes] long, and elements are shifted in arrays a bounded number of
// times. A damaged payload gives a [*SyntaxError].
func (p *PatchDoc) Apply(stored []byte) ([]byte, error) {
	if len(stored) > maxPatchedBytes {
		return nil, fmt.Errorf("patch stored payload: %w",
			&SyntaxError{Offset: maxPatchedBytes, Reason: fmt.Sprintf("longer than %d bytes", maxPatchedBytes)})
	}
	if err := walk(stored, ignore{}); err != nil {
		return nil, fmt.Errorf("patch stored payload: %w", err)
	}
	t := newPatchTree(stored, p.canon)
	before := t.root.span
	if err := p.apply(t); err != nil {
		return nil, err
	}
	if t.root.span == before && t.root.clean() {
		return bytes.Clone(stored), nil
	}
	n := t.size(&t.root)
	if n > MaxBytes {
		return nil, &PatchError{Index: -1, Reason: fmt.Sprintf("the result is longer than %d bytes", MaxBytes)}
	}
	return t.append(make([]byte, 0, n), &t.root), nil
}

func (p *PatchDoc) apply(t *patchTree) error {
	if p.merge {
		_, err := t.merge(&t.root, &jsonlex.Scanner{B: p.canon})
		return err
	}
	for i := range p.ops {
		if err := t.operate(&p.ops[i]); err != nil {
			return p.ops[i].failed(i, err)
		}
	}
	return nil
}

// Patch applies a patch, as JSON text, to a stored payload: [ParsePatch] and
// [PatchDoc.Apply].
func Patch(stored, patch []byte) ([]byte, error) {
	p, err := ParsePatch(patch)
	if err != nil {
		return nil, err
	}
	return p.Apply(stored)
}
