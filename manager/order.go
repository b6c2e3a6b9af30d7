package manager

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// Order says by what a full-value save is older or newer than others of its resource.
// The zero value is its place in the queue. Orders of different kinds, and places in
// different queues, are never compared.
type Order struct {
	kind   orderKind
	number int64
}

type orderKind uint8

const (
	byPlace orderKind = iota
	byNumber
	unordered
)

// Unordered is the order of a save that applies as it arrives, and tells later ones
// nothing.
var Unordered = Order{kind: unordered}

// Numbered is the order of a save whose publisher numbers the states of a resource: a
// higher number is newer, equal ones apply as they arrive.
func Numbered(n int64) Order { return Order{kind: byNumber, number: n} }

// Number returns the publisher's number, when it gave one.
func (o Order) Number() (int64, bool) { return o.number, o.kind == byNumber }

// Equal reports whether both are the same order.
func (o Order) Equal(other Order) bool { return o == other }

// String returns the order as it is written: a number, "none", or nothing for the
// place in the queue.
func (o Order) String() string {
	switch o.kind {
	case byNumber:
		return strconv.FormatInt(o.number, 10)
	case unordered:
		return "none"
	default:
		return ""
	}
}

// MarshalJSON returns the order as a field of a message has it; null is the place in
// the queue.
func (o Order) MarshalJSON() ([]byte, error) {
	switch o.kind {
	case byNumber:
		return strconv.AppendInt(nil, o.number, 10), nil
	case unordered:
		return []byte(`"none"`), nil
	default:
		return []byte("null"), nil
	}
}

// UnmarshalJSON reads what MarshalJSON writes; the error says what may be written.
func (o *Order) UnmarshalJSON(b []byte) error {
	text := string(bytes.TrimSpace(b))
	switch text {
	case "null":
		*o = Order{}
		return nil
	case `"none"`:
		*o = Unordered
		return nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return errors.New(`an order is an integer of 64 bits or "none"`)
	}
	*o = Numbered(n)
	return nil
}

// numberLine is the line of numbers that publishers give. Queues are lines by their ids.
var numberLine = uuid.MustParse("0e0b1b5a-5a0c-4f0e-9c65-1d2f6f0a7c11")

// clockSlack is by how much the times of a stream may go back from one message to the
// next: its server takes them before it numbers the messages, another one after an
// election has another clock.
const clockSlack = 100 * time.Millisecond

// rank is how a change stands in the order of the saves of its resource. The zero
// value stands in none.
type rank struct {
	mark storage.Mark // the mark's name, and its place when the change is applied
	// stands: an older one than the last applied is superseded. One with a condition
	// of its own, such as that there is no resource, only raises the mark.
	stands bool
	// witness: the time must say so, too. Two streams of one queue may be taken for
	// one by a worker that did not see the first one end.
	witness bool
}

// rankOf returns how a change stands that was submitted at a time, from a place that
// may be unknown. again: its message was published anew, so its time is later than
// that of its place.
func (c *change) rankOf(model string, from storage.Origin, submitted time.Time, again bool) rank {
	if c.refused != nil || !c.fullValue() {
		return rank{}
	}
	r := rank{stands: c.op.Op != OpCreate && c.op.ExpectedRevisionID == ""}
	line := from.Queue
	switch {
	case c.op.Order.kind == byNumber:
		line, r.mark.Major = numberLine, c.op.Order.number
	case c.op.Order.kind == unordered || !from.Known():
		return rank{}
	default:
		r.mark.Major, r.mark.Minor, r.witness = from.Epoch, int64(from.Sequence), !again
	}
	r.mark.Key, r.mark.Time = storage.MarkKey(model, c.op.ResourceID, line), storedTime(submitted)
	return r
}

// fullValue reports whether the change gives its resource a whole new value, which
// does not depend on the one before.
func (c *change) fullValue() bool {
	switch c.op.Op {
	case OpCreate, OpUpdate, OpUpsert:
		return true
	case OpModify:
		return c.patch == nil && (c.op.Data != nil || c.op.Payload != nil)
	}
	return false
}

// ranked reports whether the change stands in an order.
func (r *rank) ranked() bool { return r.mark.Key != uuid.Nil }

// appendMark adds the name of the mark that a change looks at or raises.
func appendMark(marks []uuid.UUID, c *change) []uuid.UUID {
	if !c.rank.ranked() {
		return marks
	}
	return append(marks, c.rank.mark.Key)
}

// markNow returns a mark of a resource as it is by now.
func (e *editor) markNow(cl *cell, key uuid.UUID) (storage.Mark, bool) {
	for _, m := range cl.marks {
		if m.Key == key {
			return m, true
		}
	}
	return e.view.Mark(key)
}

// superseded reports whether a newer save of the resource was applied before.
func (e *editor) superseded(cl *cell, r rank) bool {
	if !r.stands || !r.ranked() {
		return false
	}
	last, there := e.markNow(cl, r.mark.Key)
	return there && r.mark.Compare(last) < 0 && (!r.witness || !r.mark.Time.After(last.Time.Add(clockSlack)))
}

// raise notes that a change was applied.
func (e *editor) raise(cl *cell, r rank) {
	if !r.ranked() {
		return
	}
	if last, there := e.markNow(cl, r.mark.Key); there && r.mark.Compare(last) <= 0 {
		return
	}
	for i := range cl.marks {
		if cl.marks[i].Key == r.mark.Key {
			cl.marks[i] = r.mark
			return
		}
	}
	cl.marks = append(cl.marks, r.mark)
}

// superseding is the outcome of a change that came too late.
func superseding(c *change) Outcome {
	why := "a save that the queue took later"
	if n, ok := c.op.Order.Number(); ok {
		why = fmt.Sprintf("a save with a higher order than %d", n)
	}
	return Outcome{
		Effect: EffectSuperseded, ResourceID: c.op.ResourceID, Code: CodeSuperseded,
		Message: fmt.Sprintf("%s of %s: %s was applied before", c.op.Op, c.op.ResourceID, why),
	}
}
