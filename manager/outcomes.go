package manager

import (
	"encoding/json"
	"strings"
)

// saveOutcome is the outcome of a save job in the ledger.
type saveOutcome struct {
	Outcomes []Outcome `json:"outcomes"`
}

// encodeOutcomes returns the outcome of a save job in JSON. Nearly all texts in it need no
// escape, and are written without the library.
func encodeOutcomes(outcomes []Outcome) ([]byte, error) {
	const field = 64
	b := append(make([]byte, 0, field+len(outcomes)*4*field), `{"outcomes":[`...)
	for i := range outcomes {
		o := &outcomes[i]
		if !plain(string(o.Effect), string(o.ResourceID), string(o.RevisionID), string(o.Code), o.Message) {
			return json.Marshal(saveOutcome{Outcomes: outcomes})
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, `{"effect":"`...), o.Effect...)
		b = append(append(b, `","resource_id":"`...), o.ResourceID...)
		b = appendGiven(b, `","revision_id":"`, string(o.RevisionID))
		b = appendGiven(b, `","code":"`, string(o.Code))
		b = appendGiven(b, `","message":"`, o.Message)
		b = append(b, `"}`...)
	}
	return append(b, `]}`...), nil
}

// appendGiven appends a field that is left out when it is empty.
func appendGiven(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	return append(append(b, name...), value...)
}

// plain reports whether texts are ASCII and need no escape in JSON, nor in a page that it
// is put into.
func plain(texts ...string) bool {
	for _, s := range texts {
		for i := range len(s) {
			if !isPlain[s[i]] {
				return false
			}
		}
	}
	return true
}

// isPlain are the bytes of texts that are plain.
var isPlain = func() (is [256]bool) {
	for c := byte(' '); c <= '~'; c++ {
		is[c] = strings.IndexByte(`"\<>&`, c) < 0
	}
	return is
}()
