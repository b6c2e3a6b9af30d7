package resource

import (
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/internal/msgpack"
)

// msgpackSource reads a msgpack map. All texts it returns are parts of its one
// string.
type msgpackSource struct {
	r    msgpack.Reader[string]
	left int
	key  string
	err  error
}

func newMsgpackSource(s string) *msgpackSource {
	src := &msgpackSource{r: msgpack.NewReader(s)}
	n, err := src.r.MapLen()
	src.left = n
	src.fail(err)
	return src
}

func (s *msgpackSource) next() (string, bool) {
	s.key = ""
	if s.err != nil || s.left == 0 {
		return "", false
	}
	s.left--
	key, err := s.r.Key()
	if err != nil {
		s.fail(err)
		return "", false
	}
	s.key = key
	return key, true
}

// fail keeps the first error, with the field it is about and, unless it has
// one, the offset.
func (s *msgpackSource) fail(err error) {
	if err == nil || s.err != nil {
		return
	}
	if _, ok := errors.AsType[*msgpack.Error](err); !ok {
		err = fmt.Errorf("%w at byte %d", err, s.r.Offset())
	}
	if s.key != "" {
		err = fmt.Errorf("field %s: %w", s.key, err)
	}
	s.err = err
}

func (s *msgpackSource) end() error {
	if s.err == nil {
		s.fail(s.r.End())
	}
	return s.err
}

func (s *msgpackSource) skip()      { s.fail(s.r.Skip()) }
func (s *msgpackSource) null() bool { return s.r.Nil() }

func (s *msgpackSource) str() string {
	v, err := s.r.Str()
	if err != nil {
		s.fail(err)
	}
	return v
}

func (s *msgpackSource) bool() bool {
	v, err := s.r.Bool()
	if err != nil {
		s.fail(err)
	}
	return v
}

func (s *msgpackSource) count() int {
	v, err := s.r.Int()
	s.fail(err)
	n, err := checkCount(v)
	s.fail(err)
	return n
}

func (s *msgpackSource) time() time.Time {
	if s.r.IsStr() {
		t, err := ParseTime(s.str())
		s.fail(err)
		return t
	}
	t, err := s.r.Time()
	if err != nil {
		s.fail(err)
	}
	return t
}

func (s *msgpackSource) uuid() uuid.UUID {
	if !s.r.IsBin() {
		id, err := parseUUID(s.str())
		s.fail(err)
		return id
	}
	b, err := s.r.Bin()
	s.fail(err)
	if len(b) != len(uuid.UUID{}) {
		s.fail(fmt.Errorf("a binary of %d bytes is not a UUID", len(b)))
		return uuid.UUID{}
	}
	return uuid.UUID([]byte(b))
}

func (s *msgpackSource) indexed() Indexed {
	x, err := readIndexed(&s.r)
	s.fail(err)
	return x
}

func checkCount(n int64) (int, error) {
	if n < 0 || int64(int(n)) != n {
		return 0, fmt.Errorf("%d is not a count", n)
	}
	return int(n), nil
}
