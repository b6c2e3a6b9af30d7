package main

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/specstar-worker/worker/internal/jsonlex"
)

// plainDepth is how deep the data of a plain line may be nested.
const plainDepth = 64

// plainKeys are the keys of a line.
var plainKeys = []string{"op", "resource_id", "data", "user", "time", "status", "expected_revision_id", "revision_id", "order", "id"}

// plainLine reads a line of the form that nearly all have: an object with known keys,
// spelt exactly so, each once and not null. encoding/json takes several times as long,
// but takes the others, too, and says what is wrong: it is asked when this returns false.
func plainLine(text []byte) (l saveLine, ok bool) {
	in := jsonlex.Scanner{B: text}
	if !in.Closes('{') {
		return l, false
	}
	seen := 0
	for done := in.Closes('}'); !done; {
		key, _, err := in.Key()
		if err != nil || in.Colon() != nil {
			return l, false
		}
		i := slices.IndexFunc(plainKeys, func(k string) bool { return k == string(key) })
		if i < 0 || seen&(1<<i) != 0 || !l.readPlain(plainKeys[i], &in) {
			return l, false
		}
		seen |= 1 << i
		if done, err = in.Next('}'); err != nil {
			return l, false
		}
	}
	in.Space()
	return l, in.Pos == len(text)
}

// readPlain reads the value of a key.
func (l *saveLine) readPlain(key string, in *jsonlex.Scanner) bool {
	switch key {
	case "op":
		return plainText(in, &l.Op)
	case "resource_id":
		return plainText(in, &l.ResourceID)
	case "user":
		return plainText(in, &l.User)
	case "status":
		return plainText(in, &l.Status)
	case "expected_revision_id":
		return plainText(in, &l.ExpectedRevisionID)
	case "revision_id":
		return plainText(in, &l.RevisionID)
	case "id":
		return plainText(in, &l.ID)
	}
	if in.Peek() == 'n' {
		return false
	}
	start := in.Pos
	if in.Skip(plainDepth) != nil {
		return false
	}
	raw := in.B[start:in.Pos]
	switch key {
	case "time":
		return l.Time.UnmarshalJSON(raw) == nil
	case "order":
		return json.Unmarshal(raw, &l.Order) == nil
	}
	l.Data = bytes.Clone(raw)
	return true
}

func plainText(in *jsonlex.Scanner, to *string) bool {
	if in.Peek() != '"' {
		return false
	}
	text, err := in.Str()
	*to = string(text)
	return err == nil
}
