package resource

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// jsonSource reads a JSON object.
type jsonSource struct {
	r     jsonScanner
	first bool
	key   string
	err   error
}

func newJSONSource(s string) *jsonSource {
	src := &jsonSource{r: jsonScanner{s: s}, first: true}
	src.fail(src.r.expect('{'))
	return src
}

func (s *jsonSource) next() (string, bool) {
	s.key = ""
	if s.err != nil {
		return "", false
	}
	more, err := s.r.more(s.first, '}')
	s.first = false
	if err != nil || !more {
		s.fail(err)
		return "", false
	}
	key, err := s.r.str()
	if err == nil {
		err = s.r.expect(':')
	}
	if err != nil {
		s.fail(err)
		return "", false
	}
	s.key = key
	return key, true
}

// fail keeps the first error, with the field it is about and, unless it has
// one, the offset.
func (s *jsonSource) fail(err error) {
	if err == nil || s.err != nil {
		return
	}
	if _, ok := errors.AsType[*jsonError](err); !ok {
		err = fmt.Errorf("%w at byte %d", err, s.r.off)
	}
	if s.key != "" {
		err = fmt.Errorf("field %s: %w", s.key, err)
	}
	s.err = err
}

func (s *jsonSource) end() error {
	if s.err == nil {
		if s.r.peek(); s.r.off < len(s.r.s) {
			s.fail(s.r.fail("%d bytes are left behind the object", len(s.r.s)-s.r.off))
		}
	}
	return s.err
}

func (s *jsonSource) skip() {
	_, err := s.r.value(1)
	s.fail(err)
}

func (s *jsonSource) null() bool { return s.r.literal("null") }

func (s *jsonSource) str() string {
	v, err := s.r.str()
	s.fail(err)
	return v
}

func (s *jsonSource) bool() bool {
	switch {
	case s.r.literal("true"):
		return true
	case s.r.literal("false"):
	default:
		s.fail(s.r.fail("expected true or false"))
	}
	return false
}

func (s *jsonSource) count() int {
	text, integer, err := s.r.number()
	if err != nil {
		s.fail(err)
		return 0
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || !integer {
		s.fail(s.r.fail("%.40s is not a count", text))
		return 0
	}
	count, err := checkCount(n)
	s.fail(err)
	return count
}

func (s *jsonSource) time() time.Time {
	text, err := s.r.str()
	if err != nil {
		s.fail(err)
		return time.Time{}
	}
	t, err := ParseTime(text)
	s.fail(err)
	return t
}

func (s *jsonSource) uuid() uuid.UUID {
	text, err := s.r.str()
	if err != nil {
		s.fail(err)
		return uuid.UUID{}
	}
	id, err := parseUUID(text)
	s.fail(err)
	return id
}

func (s *jsonSource) indexed() Indexed {
	if s.r.peek() != '{' {
		s.fail(s.r.fail("expected an object"))
		return Indexed{}
	}
	v, err := s.r.object(1)
	if err != nil {
		s.fail(err)
		return Indexed{}
	}
	values, _ := v.(map[string]any)
	x, err := NewIndexed(values)
	s.fail(err)
	return x
}
