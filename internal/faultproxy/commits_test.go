package faultproxy

import "testing"

// The server has what it needs for COMMIT with the message of it, or with the end of the
// rows that are copied before it.
func TestWhenCommitIsSent(t *testing.T) {
	type message struct {
		kind byte
		body string
	}
	query := func(s string) message { return message{'Q', s + "\x00"} }
	rows, done := message{'d', "PGCOPY"}, message{'c', ""}
	for name, tc := range map[string]struct {
		sent []message
		at   int // the message that is COMMIT, or -1
	}{
		"alone":               {[]message{query("COMMIT")}, 0},
		"behind rows":         {[]message{query("COPY t (a) FROM STDIN BINARY;"), rows, done, query("COMMIT")}, 3},
		"with one COPY":       {[]message{query("BEGIN;COPY t (a) FROM STDIN BINARY;COMMIT"), rows, rows, done}, 3},
		"with two":            {[]message{query("BEGIN;COPY t (a) FROM STDIN BINARY;COPY u (a) FROM STDIN BINARY;COMMIT"), rows, done, rows, done}, 4},
		"no end":              {[]message{query("BEGIN;COPY t (a) FROM STDIN BINARY;COMMIT"), rows}, -1},
		"something else":      {[]message{query("BEGIN"), query("ROLLBACK"), done}, -1},
		"the word in a value": {[]message{query("SELECT 'COMMIT'")}, -1},
	} {
		var c commitSent
		for i, m := range tc.sent {
			if got, want := c.by(m.kind, m.body), i == tc.at; got != want {
				t.Errorf("%s: message %d is COMMIT: %v", name, i, got)
			}
		}
	}
}
