package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
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

// maxLine bounds one line of operations: what fits into a message.
const maxLine = jobs.MaxMessageBytes

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
	Order              json.RawMessage `json:"order"`
	ID                 string          `json:"id"`
}

// saveJob is a line on its way to the queue, or the reason why it is not.
type saveJob struct {
	line     int
	envelope jobs.Envelope
	// hash is that of the message, by which the ledger tells two jobs of one id apart.
	hash [sha256.Size]byte
	err  *lineError
}

// lineError is why an operation was not done.
type lineError struct {
	Line    int    `json:"line"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// saveJobs reads operations line by line. A line that makes no sense is returned
// with its reason; the error is for reading. Empty lines are passed over.
func saveJobs(r io.Reader, model, user string, rulesOff bool) iter.Seq2[saveJob, error] {
	return func(yield func(saveJob, error) bool) {
		lines := bufio.NewScanner(r)
		lines.Buffer(make([]byte, 64<<10), maxLine)
		n := 0
		for lines.Scan() {
			n++
			text := bytes.TrimSpace(lines.Bytes())
			if len(text) == 0 {
				continue
			}
			if !yield(newSaveJob(n, text, model, user, rulesOff), nil) {
				return
			}
		}
		if err := lines.Err(); err != nil {
			if errors.Is(err, bufio.ErrTooLong) {
				err = fmt.Errorf("it is longer than %d bytes", maxLine)
			}
			yield(saveJob{}, fmt.Errorf("read operations: line %d: %w", n+1, err))
		}
	}
}

func newSaveJob(n int, text []byte, model, user string, rulesOff bool) saveJob {
	j := saveJob{line: n}
	var l saveLine
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	err := dec.Decode(&l)
	if err == nil && dec.More() {
		err = errors.New("more follows behind the operation")
	}
	if err != nil {
		j.err = &lineError{n, string(manager.CodeInvalid), "not an operation: " + err.Error()}
		return j
	}
	if j.err = l.unsupported(n); j.err != nil {
		return j
	}
	j.envelope = l.envelope(model, user, rulesOff)
	message, err := j.envelope.Encode()
	if err != nil {
		j.err = &lineError{n, string(manager.CodeInvalid), err.Error()}
		return j
	}
	j.hash = sha256.Sum256(message)
	return j
}

// unsupported refuses fields that would otherwise be ignored.
func (l *saveLine) unsupported(n int) *lineError {
	if len(l.Order) > 0 && string(l.Order) != "null" && string(l.Order) != `"none"` {
		return &lineError{n, string(manager.CodeUnsupport), "order is not supported by this version; operations apply in the order of their lines"}
	}
	return nil
}

func (l *saveLine) envelope(model, user string, rulesOff bool) jobs.Envelope {
	op := manager.Operation{
		Op: manager.Op(l.Op), ResourceID: resource.ID(l.ResourceID), Data: l.Data,
		ExpectedRevisionID: resource.RevisionID(l.ExpectedRevisionID), RevisionID: resource.RevisionID(l.RevisionID),
	}
	if l.Status != "" {
		op.Status = opt.Of(resource.Status(l.Status))
	}
	e := jobs.NewSave(model, user, op)
	if l.User != "" {
		e.User = l.User
	}
	// Without a time the queue's counts: a line with an id and no time then stays
	// the same job when it is submitted again.
	e.Time, e.RulesOff = l.Time, rulesOff
	if l.ID != "" {
		e.ID = l.ID
	}
	return e
}
