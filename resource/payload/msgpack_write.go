package payload

import (
	"slices"
	"time"

	"github.com/specstar-worker/worker/internal/msgpack"
)

// msgpackWriter appends events as msgpack in smallest forms. The head of a
// container holds its length, which is known only at its end, so heads are
// inserted there.
type msgpackWriter struct {
	b []byte
	// starts are the offsets of the contents of the open containers.
	starts []int
}

func (w *msgpackWriter) null() error { w.b = msgpack.AppendNil(w.b); return nil }

func (w *msgpackWriter) boolean(v bool) error { w.b = msgpack.AppendBool(w.b, v); return nil }

func (w *msgpackWriter) integer(negative bool, magnitude uint64) error {
	if negative {
		w.b = msgpack.AppendInt(w.b, -int64(magnitude))
	} else {
		w.b = msgpack.AppendUint(w.b, magnitude)
	}
	return nil
}

func (w *msgpackWriter) bigInteger([]byte) error {
	return refusal("the integer needs more than 64 bits, msgpack has no form for it")
}

func (w *msgpackWriter) float(v float64) error { w.b = msgpack.AppendFloat(w.b, v); return nil }

func (w *msgpackWriter) text(s []byte) error { w.b = msgpack.AppendString(w.b, s); return nil }

func (w *msgpackWriter) bytes(v []byte) error { w.b = msgpack.AppendBin(w.b, v); return nil }

func (w *msgpackWriter) timestamp(t time.Time) error { w.b = msgpack.AppendTime(w.b, t); return nil }

func (w *msgpackWriter) key(s []byte) error { return w.text(s) }

func (w *msgpackWriter) beginArray() error { return w.begin() }

func (w *msgpackWriter) beginObject() error { return w.begin() }

func (w *msgpackWriter) begin() error {
	w.starts = append(w.starts, len(w.b))
	return nil
}

func (w *msgpackWriter) endArray(n int) error {
	var head [5]byte
	return w.end(msgpack.AppendArrayHead(head[:0], n))
}

func (w *msgpackWriter) endObject(n int) error {
	var head [5]byte
	return w.end(msgpack.AppendMapHead(head[:0], n))
}

func (w *msgpackWriter) end(head []byte) error {
	last := len(w.starts) - 1
	w.b = slices.Insert(w.b, w.starts[last], head...)
	w.starts = w.starts[:last]
	return nil
}
