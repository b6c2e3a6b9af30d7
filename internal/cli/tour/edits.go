// Package tour holds what the demo does with the data set of package goapi: a
// stream of edits that is the same each time.
package tour

import (
	"bytes"
	"fmt"
	"io"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/examples/goapi"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
)

// Model is the model that is edited.
const Model = "go-symbol"

// Edits is how many edits there are, and oneIn how many symbols lie between two
// that are edited.
const (
	Edits = 2400
	oneIn = 10
)

// began is when the first edit happened; the others follow by the second.
var began = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// reviewers make the edits in turn.
var reviewers = []string{"alice", "bob", "carol", "dave"}

// NewEdits returns the edits as jobs: a review note on every tenth symbol, each
// fourth as a draft. Ids, times and content are the same each time, so that an
// edit that was done before is recognised.
func NewEdits() ([]jobs.Envelope, error) {
	z, err := zstd.NewReader(bytes.NewReader(goapi.Archive()))
	if err != nil {
		return nil, fmt.Errorf("open data set: %w", err)
	}
	defer z.Close()
	return edits(z)
}

func edits(r io.Reader) ([]jobs.Envelope, error) {
	all := make([]jobs.Envelope, 0, Edits)
	current := map[resource.ID]resource.RevisionID{}
	section, seen := "", 0
	for rec, err := range archive.NewReader(r, archive.Limits{}).Records() {
		if err != nil {
			return nil, fmt.Errorf("read data set: %w", err)
		}
		switch rec := rec.(type) {
		case archive.ModelStart:
			section = rec.Model
		case archive.Meta:
			if section == Model {
				if seen%oneIn == 0 {
					current[rec.Meta.ResourceID] = rec.Meta.CurrentRevisionID
				}
				seen++
			}
		case archive.Revision:
			info := rec.Revision.Info
			if section == Model && current[info.ResourceID] == info.RevisionID {
				all = append(all, edit(len(all), info.ResourceID, rec.Revision.Data))
			}
		}
		if len(all) == Edits {
			break
		}
	}
	return all, nil
}

// edit returns the n-th edit: the payload with one more field.
func edit(n int, id resource.ID, payload []byte) jobs.Envelope {
	who := reviewers[n%len(reviewers)]
	data := fmt.Appendf(bytes.TrimSuffix(bytes.TrimSpace(payload), []byte("}")), `,"review":"read by %s"}`, who)
	status := resource.Stable
	if n%4 == 0 {
		status = resource.Draft
	}
	e := jobs.NewSave(Model, who, manager.Operation{Op: manager.OpUpdate, ResourceID: id, Data: data, Status: opt.Of(status)})
	e.ID = fmt.Sprintf("demo-edit-%04d", n)
	e.Time = began.Add(time.Duration(n) * time.Second)
	return e
}
