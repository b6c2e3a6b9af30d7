package model

import (
	"strconv"

	"github.com/specstar-worker/worker/internal/jsonlex"
	"github.com/specstar-worker/worker/internal/msgpack"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource/payload"
)

// BinaryInput is a reference to a blob as it is submitted, and what is stored
// for it: any of the four fields may be there.
type BinaryInput struct {
	FileID      opt.Value[string]
	Size        opt.Value[int64]
	ContentType opt.Value[string]
	// Data is the content in base64 with padding, checked, part of the text that
	// was submitted; nil when there is none.
	Data []byte
}

// binaryFields are the fields of a reference, in order.
var binaryFields = []string{"file_id", "size", "content_type", "data"}

// reference reads a reference to a blob and writes what is stored for it.
func (w *walker) reference(n *node) error {
	if w.Peek() != '{' {
		return w.mismatch(n)
	}
	if err := w.enter(); err != nil {
		return err
	}
	start := w.Pos - 1
	var b BinaryInput
	for done := w.Closes('}'); !done; {
		if err := w.referenceField(n, &b); err != nil {
			return err
		}
		var err error
		if done, err = w.Next('}'); err != nil {
			return err
		}
	}
	w.depth--
	if w.binary != nil {
		stored, err := w.binary(b)
		if err != nil {
			return &ValueError{Offset: start, Reason: err.Error(), cause: err}
		}
		b = stored
	}
	w.writeReference(b)
	return nil
}

func (w *walker) referenceField(n *node, b *BinaryInput) error {
	key, at, err := w.Key()
	if err != nil {
		return err
	}
	name := string(key)
	if err := w.Colon(); err != nil {
		return err
	}
	again := false
	switch name {
	case "file_id":
		again = b.FileID.IsSet()
		err = w.textField(&b.FileID)
	case "size":
		again = b.Size.IsSet()
		err = w.sizeField(&b.Size)
	case "content_type":
		again = b.ContentType.IsSet()
		err = w.textField(&b.ContentType)
	case "data":
		again = b.Data != nil
		err = w.dataField(b)
	default:
		if n.object != nil && n.object.unknown == DropUnknown {
			return w.Skip(payload.MaxDepth - w.depth)
		}
		// A reference with more than its fields would be none.
		return refusedAt(at, "field %s is not declared%s", quote(name), nearest(name, binaryFields))
	}
	if again {
		return repeated(at, name)
	}
	return inField(err, name)
}

func (w *walker) textField(v *opt.Value[string]) error {
	if w.Peek() != '"' {
		return w.mismatch(strNode)
	}
	s, err := w.Str()
	*v = opt.Of(string(s))
	return err
}

func (w *walker) sizeField(v *opt.Value[int64]) error {
	if !w.numberNext() {
		return w.mismatch(intNode)
	}
	start := w.Pos
	digits, integer, err := w.Number()
	if err != nil {
		return err
	}
	n, err := strconv.ParseInt(string(digits), 10, 64)
	if !integer || err != nil {
		return refusedAt(start, "expected int, found the number %.40s", digits)
	}
	*v = opt.Of(n)
	return nil
}

func (w *walker) dataField(b *BinaryInput) error {
	if w.Peek() != '"' {
		return w.mismatch(bytesNode)
	}
	start := w.Pos
	s, err := w.Str()
	if err != nil {
		return err
	}
	ok := false
	if w.swap, ok = decodeBase64(w.swap[:0], s); !ok {
		return refusedAt(start, "expected bytes, found a text that is not base64 with padding: %.40q", s)
	}
	b.Data = w.Stable(start, s)
	return nil
}

// writeReference writes the fields that are set.
func (w *walker) writeReference(b BinaryInput) {
	start, count := w.open('{'), 0
	key := func(name string) {
		count++
		if w.packed {
			w.out = msgpack.AppendString(w.out, name)
		} else {
			w.out = append(jsonlex.AppendText(w.out, name), ':')
		}
	}
	if s, ok := b.FileID.Get(); ok {
		key("file_id")
		w.writeText([]byte(s))
		w.comma()
	}
	if n, ok := b.Size.Get(); ok {
		key("size")
		if w.packed {
			w.out = msgpack.AppendInt(w.out, n)
		} else {
			w.out = strconv.AppendInt(w.out, n, 10)
		}
		w.comma()
	}
	if s, ok := b.ContentType.Get(); ok {
		key("content_type")
		w.writeText([]byte(s))
		w.comma()
	}
	if b.Data != nil {
		key("data")
		w.swap, _ = decodeBase64(w.swap[:0], b.Data) // checked as it was read
		w.writeBytes(w.swap)
		w.comma()
	}
	w.closeMap(start, count)
}
