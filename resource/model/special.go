package model

import (
	"encoding/base64"
	"time"

	"github.com/specstar-worker/worker/internal/msgpack"
	"github.com/specstar-worker/worker/resource/payload"
)

// maxSkip is how deep values may be nested that are only stepped over.
const maxSkip = payload.MaxDepth

// special reads a scalar that JSON has no form of its own for. c is the byte
// that comes next.
func (w *walker) special(n *node, c byte) error {
	if n.kind == kindDecimal && (c == '-' || c >= '0' && c <= '9') {
		start := w.Pos
		digits, _, err := w.Number()
		if err != nil {
			return err
		}
		if string(digits) == "-0" {
			digits = digits[1:] // an integer has no sign
		}
		return w.decimal(n, start, digits)
	}
	if c != '"' {
		return w.mismatch(n)
	}
	start := w.Pos
	s, err := w.Str()
	if err != nil {
		return err
	}
	switch n.kind {
	case kindDatetime:
		return w.datetime(n, start, s)
	case kindDate:
		return w.date(n, start, s)
	case kindTime:
		return w.clock(n, start, s)
	case kindDuration:
		return w.duration(n, start, s)
	case kindUUID:
		return w.uuid(n, start, s)
	case kindDecimal:
		return w.decimal(n, start, s)
	default:
		return w.bytes(n, start, s)
	}
}

// badText refuses a text that is not of the type.
func badText(n *node, start int, s []byte) error {
	return refusedAt(start, "expected %s, found the text %.40q", n.expect, s)
}

func (w *walker) datetime(n *node, start int, s []byte) error {
	t, ok := parseDatetime(s)
	if !ok {
		return badText(n, start, s)
	}
	if w.ranked {
		w.rank = t.rank()
	}
	if !w.packed || t.zone.naive {
		var buf [maxDatetime]byte
		w.writeText(t.append(buf[:0]))
		return nil
	}
	at := t.instant()
	if y := at.Year(); y < 1 || y > 9999 {
		return refusedAt(start, "%.40q is outside of the years 1 to 9999 in UTC, msgpack has no form for it", s)
	}
	w.out = msgpack.AppendTime(w.out, at)
	return nil
}

func (w *walker) date(n *node, start int, s []byte) error {
	if _, ok := parseDate(s); !ok || len(s) != len("2024-01-02") {
		return badText(n, start, s)
	}
	if w.ranked {
		w.rank = rankOfText(s)
	}
	w.writeText(s)
	return nil
}

func (w *walker) clock(n *node, start int, s []byte) error {
	t, ok := parseClock(s)
	if !ok {
		return badText(n, start, s)
	}
	// The time of day stays within its day.
	t.seconds %= secondsOfDay
	if w.ranked {
		w.rank = t.rank()
	}
	var buf [maxDatetime]byte
	w.writeText(t.zone.append(t.appendClock(buf[:0])))
	return nil
}

func (w *walker) duration(n *node, start int, s []byte) error {
	d, ok := parseDuration(s)
	if !ok {
		return badText(n, start, s)
	}
	if w.ranked {
		w.rank = d.rank()
	}
	var buf [maxDuration]byte
	w.writeText(d.append(buf[:0]))
	return nil
}

// uuid reads 32 hex digits with or without hyphens.
func (w *walker) uuid(n *node, start int, s []byte) error {
	var buf [36]byte
	if !canonicalUUID(&buf, s) {
		return badText(n, start, s)
	}
	if w.ranked {
		w.rank = rankOfText(buf[:])
	}
	w.writeText(buf[:])
	return nil
}

func canonicalUUID(to *[36]byte, s []byte) bool {
	hyphens := len(s) == 36
	if !hyphens && len(s) != 32 {
		return false
	}
	from := 0
	for i := range to {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if hyphens {
				if s[from] != '-' {
					return false
				}
				from++
			}
			to[i] = '-'
			continue
		}
		c := s[from]
		switch {
		case c >= 'A' && c <= 'F':
			c += 'a' - 'A'
		case c >= '0' && c <= '9' || c >= 'a' && c <= 'f':
		default:
			return false
		}
		to[i] = c
		from++
	}
	return true
}

// bytes reads base64 with padding. Bits that no byte holds are dropped, as the
// original does.
func (w *walker) bytes(n *node, start int, s []byte) error {
	raw, ok := decodeBase64(w.swap[:0], s)
	if !ok {
		return refusedAt(start, "expected %s, found a text that is not base64 with padding: %.40q", n.expect, s)
	}
	w.swap = raw
	if w.ranked {
		w.rank = rankOfText(raw)
	}
	w.writeBytes(raw)
	return nil
}

func (w *walker) writeBytes(raw []byte) {
	if w.packed {
		w.out = msgpack.AppendBin(w.out, raw)
		return
	}
	w.out = append(w.out, '"')
	w.out = base64.StdEncoding.AppendEncode(w.out, raw)
	w.out = append(w.out, '"')
}

// decodeBase64 appends the bytes of a text to b. Line breaks, which the standard
// library steps over, are refused.
func decodeBase64(b, s []byte) ([]byte, bool) {
	for _, c := range s {
		if c == '\n' || c == '\r' {
			return b, false
		}
	}
	b, err := base64.StdEncoding.AppendDecode(b, s)
	return b, err == nil
}

// decimal reads a decimal number from a text or a JSON number.
func (w *walker) decimal(n *node, start int, s []byte) error {
	d, ok := parseDecimal(s)
	if !ok {
		return badText(n, start, s)
	}
	if w.ranked {
		w.rank = d.rank()
	}
	w.swap = d.append(w.swap[:0])
	w.writeText(w.swap)
	return nil
}

// instant is a point in time as package time has it.
func (t datetime) instant() time.Time {
	return time.Unix(t.days*secondsOfDay+t.seconds-int64(t.zone.seconds), int64(t.micros)*1000).UTC()
}
