package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
)

// maxLine bounds one line of operations: what a message by claim check may have.
const maxLine = jobs.MaxContentBytes

// saveLine is one operation as a line of NDJSON.
type saveLine struct {
	Op                 string          `json:"op"`
	ResourceID         string          `json:"resource_id"`
	Data               json.RawMessage `json:"data"`
	User               string          `json:"user"`
	Time               time.Time       `json:"time"`
	Status             string          `json:"status"`
	ExpectedRevisionID string          `json:"expected_revision_id"`
	RevisionID         string          `json:"revision_id"`
	Order              manager.Order   `json:"order"`
	ID                 string          `json:"id"`
}

// readLine is a line as it was read: an operation, or the reason why it is none.
type readLine struct {
	number int
	// size is how long the line is, in bytes.
	size int
	op   manager.Operation
	// id is that of the operation's job; empty when the line does not say.
	id  string
	err *lineError
}

// lineError is why an operation was not done.
type lineError struct {
	Line    int    `json:"line"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// readLines reads operations line by line. A line that makes no sense is returned
// with its reason; the error is for reading. Empty lines are passed over.
func readLines(r io.Reader) iter.Seq2[readLine, error] {
	return func(yield func(readLine, error) bool) {
		lines := bufio.NewScanner(r)
		lines.Buffer(make([]byte, 64<<10), maxLine)
		n := 0
		for lines.Scan() {
			n++
			text := bytes.TrimSpace(lines.Bytes())
			if len(text) == 0 {
				continue
			}
			if !yield(newReadLine(n, text), nil) {
				return
			}
		}
		if err := lines.Err(); err != nil {
			if errors.Is(err, bufio.ErrTooLong) {
				err = fmt.Errorf("it is longer than %d bytes", maxLine)
			}
			yield(readLine{}, fmt.Errorf("read operations: line %d: %w", n+1, err))
		}
	}
}

func newReadLine(n int, text []byte) readLine {
	r := readLine{number: n, size: len(text)}
	l, plain := plainLine(text)
	if !plain {
		var err error
		if l, err = anyLine(text); err != nil {
			r.err = &lineError{n, string(manager.CodeInvalid), "not an operation: " + err.Error()}
			return r
		}
	}
	r.op, r.id = l.operation(), l.ID
	return r
}

// anyLine reads a line of any form.
func anyLine(text []byte) (l saveLine, err error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&l); err != nil {
		return l, err
	}
	if dec.More() {
		return l, errors.New("more follows behind the operation")
	}
	return l, nil
}

// operation returns what the line says. Without a time the queue's counts: a line
// with an id and no time then stays the same job when it is submitted again.
func (l *saveLine) operation() manager.Operation {
	op := manager.Operation{
		Op: manager.Op(l.Op), ResourceID: resource.ID(l.ResourceID), Data: l.Data, User: l.User, Time: l.Time,
		ExpectedRevisionID: resource.RevisionID(l.ExpectedRevisionID), RevisionID: resource.RevisionID(l.RevisionID), Order: l.Order,
	}
	if l.Status != "" {
		op.Status = opt.Of(resource.Status(l.Status))
	}
	return op
}
