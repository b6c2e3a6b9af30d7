package qb

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/google/uuid"
)

// MaxCursor is how many bytes the text of a position has at most. A sort by long
// texts or lists may need more: then there is no cursor, only limit and offset.
const MaxCursor = 64 << 10

// cursorVersion is the first byte of every cursor.
const cursorVersion = 1

// Sizes of a cursor's parts.
const (
	cursorMAC    = 16
	cursorDigest = 8
)

// Cursors makes texts of positions in the metas of one model of a store, and reads
// them. A text is opaque: base64url of a version, what it is bound to, the keys of
// the last meta and a signature.
//
// The signature keeps a text from being used where it does not belong, or damaged: in
// another store, model or order it is refused. It is no secret and gives no right:
// whoever knows the store's id can make cursors, and gets no more by them than by a
// condition. A cursor shows the values that it was sorted by to who has it.
type Cursors struct {
	// Store is the id of the store, Model the name of the model.
	Store uuid.UUID
	Model string
}

// Fault is what is wrong with a cursor.
type Fault int

// The faults.
const (
	// CursorDamaged: the text is none of ours, was changed, or belongs to another store.
	CursorDamaged Fault = iota
	// CursorOtherModel: the text belongs to another model of the store.
	CursorOtherModel
	// CursorOtherOrder: the text or position belongs to another order.
	CursorOtherOrder
	// CursorOtherVersion: the text was made by another release, in a form that is not known
	// here, or its first byte was changed: without knowing the form nobody can tell.
	CursorOtherVersion
	// CursorTooLong: a position whose text would be longer than [MaxCursor].
	CursorTooLong
)

// CursorError says why a cursor is not taken, or cannot be made.
type CursorError struct{ Fault Fault }

// Error names the fault and the way out.
func (e *CursorError) Error() string {
	switch e.Fault {
	case CursorOtherModel:
		return "the cursor belongs to another model: start again without it"
	case CursorOtherOrder:
		return "the cursor belongs to another order: start again without it, or sort as before"
	case CursorOtherVersion:
		return "the cursor is damaged or was made by another release: start again without it"
	case CursorTooLong:
		return fmt.Sprintf("the values that are sorted by are too long for a cursor of %d bytes: use an offset, or sort by something else", MaxCursor)
	}
	return "the cursor is damaged or belongs to another store: start again without it"
}

// Encode returns the text of a position. Errors: CursorTooLong.
func (c Cursors) Encode(p Position) (string, error) {
	b := append(make([]byte, 0, 128), cursorVersion)
	b = append(b, digest("model", c.Model)...)
	b = append(b, digest("order", sortsText(p.sorts))...)
	b = p.append(b)
	b = append(b, c.sign(b)...)
	if base64.RawURLEncoding.EncodedLen(len(b)) > MaxCursor {
		return "", &CursorError{Fault: CursorTooLong}
	}
	return base64.RawURLEncoding.EncodeToString(b), nil
}

// Decode returns the position that a text stands for in the order of sorts. The error
// is a *[CursorError].
func (c Cursors) Decode(text string, sorts []Sort) (Position, error) {
	if len(text) > MaxCursor {
		return Position{}, &CursorError{Fault: CursorDamaged}
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	switch {
	case err != nil || len(b) < 1+2*cursorDigest+cursorMAC:
		return Position{}, &CursorError{Fault: CursorDamaged}
	case b[0] != cursorVersion:
		return Position{}, &CursorError{Fault: CursorOtherVersion}
	}
	signed, mac := b[:len(b)-cursorMAC], b[len(b)-cursorMAC:]
	model, order, keys := signed[1:][:cursorDigest], signed[1+cursorDigest:][:cursorDigest], signed[1+2*cursorDigest:]
	fault := CursorDamaged
	switch {
	case !hmac.Equal(mac, c.sign(signed)):
	case !hmac.Equal(model, digest("model", c.Model)):
		fault = CursorOtherModel
	case !hmac.Equal(order, digest("order", sortsText(sorts))):
		fault = CursorOtherOrder
	default:
		if p, ok := readPosition(string(keys), sorts); ok {
			return p, nil
		}
	}
	return Position{}, &CursorError{Fault: fault}
}

// sign returns the signature of a cursor's bytes.
func (c Cursors) sign(b []byte) []byte {
	h := hmac.New(sha256.New, c.Store[:])
	h.Write(b)
	return h.Sum(nil)[:cursorMAC]
}

// digest tells one model or order from others.
func digest(what, text string) []byte {
	sum := sha256.Sum256([]byte(what + "\x00" + text))
	return sum[:cursorDigest]
}

// sortsText is a text that two orders share exactly when they are equal.
func sortsText(sorts []Sort) string {
	var b strings.Builder
	for _, s := range sorts {
		fmt.Fprintf(&b, "%q %q %t\n", s.attr, s.path, s.desc)
	}
	return b.String()
}
