package manager

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/bits"

	"github.com/zeebo/xxh3"

	"github.com/specstar-worker/worker/resource"
)

// Digest is the sum, modulo 2^128, of the hashes of records. It does not depend on
// their order, so digests of the parts of an archive add up to that of the whole.
// It tells what was read from what was checked; it is no protection against
// somebody who chooses records on purpose.
type Digest struct{ hi, lo uint64 }

// Add returns the digest of the records of both.
func (d Digest) Add(o Digest) Digest {
	lo, carry := bits.Add64(d.lo, o.lo, 0)
	hi, _ := bits.Add64(d.hi, o.hi, carry)
	return Digest{hi, lo}
}

// sub returns the digest without the records of o.
func (d Digest) sub(o Digest) Digest {
	lo, borrow := bits.Sub64(d.lo, o.lo, 0)
	hi, _ := bits.Sub64(d.hi, o.hi, borrow)
	return Digest{hi, lo}
}

// String returns 32 lower-case hex digits.
func (d Digest) String() string { return fmt.Sprintf("%016x%016x", d.hi, d.lo) }

// MarshalText implements [encoding.TextMarshaler]: what String returns.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (d *Digest) UnmarshalText(text []byte) error {
	var b [16]byte
	if len(text) != hex.EncodedLen(len(b)) {
		return fmt.Errorf("digest %.40q has not 32 digits", text)
	}
	if _, err := hex.Decode(b[:], text); err != nil {
		return fmt.Errorf("digest %q: %w", text, err)
	}
	*d = Digest{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
	return nil
}

// digester makes digests of records in one piece of memory.
type digester struct{ scratch []byte }

// meta returns the digest of a meta as archives hold it.
func (d *digester) meta(m *resource.Meta) Digest {
	d.scratch = m.Append(resource.Msgpack, d.scratch[:0])
	return digestOf(d.scratch)
}

// revision returns the digest of an info as archives hold it and of its payload.
func (d *digester) revision(r *resource.Revision) Digest {
	d.scratch = r.Info.Append(resource.Msgpack, d.scratch[:0])
	return digestRevision(d.scratch, r.Data)
}

// digestRevision returns the digest of an encoded info and of the payload that belongs
// to it.
func digestRevision(info, data []byte) Digest {
	of, content := xxh3.Hash128(info).Bytes(), xxh3.Hash128(data).Bytes()
	return digestOf(append(of[:], content[:]...))
}

func digestOf(b []byte) Digest {
	sum := xxh3.Hash128(b)
	return Digest{sum.Hi, sum.Lo}
}
