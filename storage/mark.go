package storage

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/resource"
)

// Origin is where the message of a job was first: in which queue, in which stream of
// that, by when it was made, and its number there. The zero value is unknown.
type Origin struct {
	Queue    uuid.UUID
	Epoch    int64
	Sequence uint64
}

// originBytes is the length of an encoded origin.
const originBytes = 16 + 8 + 8

// Known reports whether it says where a message was.
func (o Origin) Known() bool { return o.Epoch != 0 && o.Sequence != 0 }

// Bytes returns the origin as ledgers keep it, nil when it is unknown.
func (o Origin) Bytes() []byte {
	if !o.Known() {
		return nil
	}
	b := append(make([]byte, 0, originBytes), o.Queue[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(o.Epoch))
	return binary.BigEndian.AppendUint64(b, o.Sequence)
}

// OriginOf returns the origin of Bytes, the zero value for anything else.
func OriginOf(b []byte) Origin {
	if len(b) != originBytes {
		return Origin{}
	}
	return Origin{
		Queue: uuid.UUID(b[:16]), Epoch: int64(binary.BigEndian.Uint64(b[16:])), Sequence: binary.BigEndian.Uint64(b[24:]),
	}
}

// String returns the origin as a header of a message has it: QUEUE/EPOCH/SEQUENCE.
func (o Origin) String() string {
	return o.Queue.String() + "/" + strconv.FormatInt(o.Epoch, 10) + "/" + strconv.FormatUint(o.Sequence, 10)
}

// ParseOrigin reads what String returned.
func ParseOrigin(s string) (Origin, error) {
	parts := strings.Split(s, "/")
	if len(parts) != 3 {
		return Origin{}, fmt.Errorf("%q is not QUEUE/EPOCH/SEQUENCE", s)
	}
	queue, err := uuid.Parse(parts[0])
	if err != nil {
		return Origin{}, fmt.Errorf("queue of %q: %w", s, err)
	}
	epoch, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil {
		return Origin{}, fmt.Errorf("epoch of %q: %w", s, err)
	}
	sequence, err := strconv.ParseUint(parts[2], 10, 63)
	if err != nil {
		return Origin{}, fmt.Errorf("sequence of %q: %w", s, err)
	}
	return Origin{Queue: queue, Epoch: epoch, Sequence: sequence}, nil
}

// First returns where the job's message was first, as far as that is known.
func (j *Job) First() Origin {
	if j.Origin.Known() {
		return j.Origin
	}
	if o := (Origin{Queue: j.Queue, Epoch: j.Epoch, Sequence: j.Sequence}); o.Known() {
		return o
	}
	return Origin{}
}

// Mark says up to where the saves of a resource along one line have come: a line is a
// queue, in which messages have numbers, or the numbers that publishers give.
type Mark struct {
	// Key is the mark's name, see [MarkKey].
	Key uuid.UUID
	// Major and Minor are the place of the last save that was applied: Minor counts
	// where Major is the same.
	Major, Minor int64
	// Time is when that save was submitted. Old marks are removed by it.
	Time time.Time
}

// MarkKey names the mark of a resource along a line. What it is about cannot be told
// from it, so that nothing of a resource that was purged remains.
func MarkKey(model string, id resource.ID, line uuid.UUID) uuid.UUID {
	b := make([]byte, 0, 96)
	b = append(append(b, model...), 0)
	b = append(append(b, id...), 0)
	hash := sha256.Sum256(append(b, line[:]...))
	return uuid.UUID(hash[:16])
}

// Compare tells places apart, whatever the times.
func (m Mark) Compare(other Mark) int {
	return cmp.Or(cmp.Compare(m.Major, other.Major), cmp.Compare(m.Minor, other.Minor))
}

// Highest returns the marks by key, bytewise, of each key the highest one.
func Highest(marks []Mark) []Mark {
	sorted := slices.Clone(marks)
	slices.SortFunc(sorted, func(a, b Mark) int {
		return cmp.Or(slices.Compare(a.Key[:], b.Key[:]), b.Compare(a))
	})
	return slices.CompactFunc(sorted, func(a, b Mark) bool { return a.Key == b.Key })
}
