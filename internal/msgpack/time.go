package msgpack

import (
	"encoding/binary"
	"time"
)

// timestampExt is the extension type of timestamps.
const timestampExt = -1

// The seconds of the first and last instant a datetime of the original can be.
const (
	minSeconds = -62135596800 // 0001-01-01T00:00:00Z
	maxSeconds = 253402300799 // 9999-12-31T23:59:59Z
)

// AppendTime appends t as a timestamp in UTC, cut to microseconds, in the first
// of the three forms that holds it: seconds only when there is no fraction and
// they fit 32 bits; else nanoseconds and 34 bits of seconds; else 12 bytes.
func AppendTime(b []byte, t time.Time) []byte {
	sec, ns := t.Unix(), uint64(t.Nanosecond()/1000*1000)
	switch {
	case ns == 0 && sec >= 0 && sec < 1<<32:
		return binary.BigEndian.AppendUint32(append(b, 0xd6, 0xff), uint32(sec))
	case sec >= 0 && sec < 1<<34:
		return binary.BigEndian.AppendUint64(append(b, 0xd7, 0xff), ns<<34|uint64(sec))
	default:
		b = binary.BigEndian.AppendUint32(append(b, 0xc7, 0x0c, 0xff), uint32(ns))
		return binary.BigEndian.AppendUint64(b, uint64(sec))
	}
}

// timestamp reads the body of an extension that must be a timestamp.
func (r *Reader[B]) timestamp(start int, t token) (time.Time, error) {
	if t.ext != timestampExt {
		return time.Time{}, r.fail(start, "extension type %d is not known", t.ext)
	}
	var sec int64
	var ns uint64
	switch t.n {
	case 4:
		sec = int64(r.bigEndian(4))
	case 8:
		n := r.bigEndian(8)
		sec, ns = int64(n&(1<<34-1)), n>>34
	case 12:
		ns = r.bigEndian(4)
		sec = int64(r.bigEndian(8))
	default:
		return time.Time{}, r.fail(start, "timestamp of %d bytes", t.n)
	}
	if ns > 999_999_999 {
		return time.Time{}, r.fail(start, "timestamp with %d nanoseconds", ns)
	}
	micros := (ns + 500) / 1000
	if micros == 1_000_000 {
		sec, micros = sec+1, 0
	}
	if sec < minSeconds || sec > maxSeconds {
		return time.Time{}, r.fail(start, "timestamp outside of the years 1 to 9999")
	}
	return time.Unix(sec, int64(micros)*1000).UTC(), nil
}
