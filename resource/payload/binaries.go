package payload

import (
	"bytes"
	"math"
	"time"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
)

// Binaries returns the blob references of a stored payload in the order they
// occur, repeats included. They are found by shape, in any model: a map of
// exactly file_id (text), size (integer, not negative) and optionally
// content_type (text). Of a damaged payload those before the damage are
// returned. A payload without the bytes "file_id" costs one scan.
func Binaries(p []byte) []resource.Binary {
	if !bytes.Contains(p, []byte("file_id")) {
		return nil
	}
	var f binaryFinder
	_ = walk(p, &f) // what was found before the damage still counts
	return f.found
}

// binaryFinder holds one candidate for each open container.
type binaryFinder struct {
	found []resource.Binary
	open  []candidate
}

// candidate is a container that may be a reference.
type candidate struct {
	binary         resource.Binary
	field          binaryField // of the value that comes next
	hasID, hasSize bool
	// other is set when it holds anything that a reference does not.
	other bool
}

type binaryField int

const (
	otherField binaryField = iota
	fileIDField
	sizeField
	contentTypeField
)

// take returns the innermost candidate and which of its fields comes now; nil
// outside of containers.
func (f *binaryFinder) take() (*candidate, binaryField) {
	if len(f.open) == 0 {
		return nil, otherField
	}
	c := &f.open[len(f.open)-1]
	return c, c.field
}

// miss takes a value that no reference holds.
func (f *binaryFinder) miss() error {
	if c, _ := f.take(); c != nil {
		c.other = true
	}
	return nil
}

func (f *binaryFinder) null() error               { return f.miss() }
func (f *binaryFinder) boolean(bool) error        { return f.miss() }
func (f *binaryFinder) bigInteger([]byte) error   { return f.miss() }
func (f *binaryFinder) float(float64) error       { return f.miss() }
func (f *binaryFinder) bytes([]byte) error        { return f.miss() }
func (f *binaryFinder) timestamp(time.Time) error { return f.miss() }

func (f *binaryFinder) integer(negative bool, magnitude uint64) error {
	c, field := f.take()
	if field != sizeField || negative || magnitude > math.MaxInt64 {
		return f.miss()
	}
	c.binary.Size, c.hasSize = int64(magnitude), true
	return nil
}

func (f *binaryFinder) text(s []byte) error {
	c, field := f.take()
	switch field {
	case fileIDField:
		c.binary.FileID, c.hasID = string(s), true
	case contentTypeField:
		c.binary.ContentType = opt.Of(string(s))
	default:
		return f.miss()
	}
	return nil
}

func (f *binaryFinder) key(s []byte) error {
	c, _ := f.take()
	switch string(s) {
	case "file_id":
		c.field = fileIDField
	case "size":
		c.field = sizeField
	case "content_type":
		c.field = contentTypeField
	default:
		c.field, c.other = otherField, true
	}
	return nil
}

func (f *binaryFinder) beginArray() error  { return f.begin() }
func (f *binaryFinder) beginObject() error { return f.begin() }

func (f *binaryFinder) begin() error {
	_ = f.miss() // a reference holds no containers
	f.open = append(f.open, candidate{})
	return nil
}

func (f *binaryFinder) endArray(int) error { return f.pop() }

func (f *binaryFinder) endObject(int) error {
	if c, _ := f.take(); c.hasID && c.hasSize && !c.other {
		f.found = append(f.found, c.binary)
	}
	return f.pop()
}

func (f *binaryFinder) pop() error {
	f.open = f.open[:len(f.open)-1]
	return nil
}
