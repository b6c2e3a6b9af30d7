package jobs_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
)

// oneDocument is an archive of one resource with the given payload.
func oneDocument(t *testing.T, data []byte) []byte {
	t.Helper()
	id, at := resource.ID("doc:1"), time.Date(2024, 3, 1, 8, 0, 0, 0, time.UTC)
	info := resource.RevisionInfo{
		UID: uuid.New(), ResourceID: id, RevisionID: id.Revision(1), Status: resource.Stable,
		CreatedTime: at, UpdatedTime: at, CreatedBy: "ann", UpdatedBy: "ann",
	}
	meta := resource.Meta{
		CurrentRevisionID: info.RevisionID, ResourceID: id, TotalRevisionCount: 1,
		CreatedTime: at, UpdatedTime: at, CreatedBy: "ann", UpdatedBy: "ann",
	}
	var buf bytes.Buffer
	w := archive.NewWriter(&buf)
	for _, r := range []archive.Record{
		archive.Header{Version: archive.Version},
		archive.ModelStart{Model: "doc"},
		archive.Meta{Meta: meta},
		archive.Revision{Revision: resource.Revision{Info: info, Data: data}},
		archive.ModelEnd{Model: "doc"},
		archive.EOF{},
	} {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestReferencesOfMessages(t *testing.T) {
	dir := t.TempDir()
	whole := oneDocument(t, []byte(`{"of":"an archive"}`))
	for name, b := range map[string][]byte{"whole.acbak": whole, "cut.acbak": whole[:len(whole)-30], "text.acbak": []byte("no archive at all")} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sources := jobs.FileSources{Uploads: dir}
	load := func(l jobs.Load) jobs.Envelope { return jobs.NewLoad("ann", l) }
	for name, tc := range map[string]struct {
		envelope jobs.Envelope
		want     []string
	}{
		"save": {
			jobs.NewSave("doc", "ann",
				manager.Operation{Op: manager.OpUpsert, ResourceID: "doc:1", Data: []byte(`{"a":1}`)},
				manager.Operation{Op: manager.OpUpsert, ResourceID: "doc:2", Payload: []byte("\x81\xa1b\x02")},
				manager.Operation{Op: manager.OpDelete, ResourceID: "doc:3"}),
			[]string{`{"a":1}`, "\x81\xa1b\x02"},
		},
		"load":                        {load(jobs.Load{Source: "upload:whole.acbak"}), []string{`{"of":"an archive"}`}},
		"load of a damaged archive":   {load(jobs.Load{Source: "upload:cut.acbak"}), []string{`{"of":"an archive"}`}},
		"load of no archive":          {load(jobs.Load{Source: "upload:text.acbak"}), nil},
		"load of what is gone":        {load(jobs.Load{Source: "upload:gone.acbak"}), nil},
		"load of what has changed":    {load(jobs.Load{Source: "upload:whole.acbak", Size: opt.Of(int64(1))}), nil},
		"backfill writes no payloads": {jobs.NewBackfill("ann"), nil},
		"migrations write none anew":  {jobs.NewMigrate("ann", jobs.Migrate{Models: []string{"doc"}}), nil},
	} {
		t.Run(name, func(t *testing.T) {
			message, err := tc.envelope.Encode()
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			mark := func(p []byte) {
				if len(p) > 0 {
					got = append(got, string(p))
				}
			}
			if err := jobs.References(t.Context(), message, sources, nil, mark); err != nil {
				t.Fatal(err)
			}
			if !slices.EqualFunc(got, tc.want, sameJSON) {
				t.Errorf("marked are %q, want %q", got, tc.want)
			}
		})
	}
	if err := jobs.References(t.Context(), []byte("no job"), sources, nil, func([]byte) { t.Error("marked") }); err != nil {
		t.Error(err)
	}
}

// sameJSON compares payloads; JSON may be written otherwise on the way.
func sameJSON(a, b string) bool {
	var x, y any
	if errors.Join(json.Unmarshal([]byte(a), &x), json.Unmarshal([]byte(b), &y)) != nil {
		return a == b
	}
	bx, errX := json.Marshal(x)
	by, errY := json.Marshal(y)
	return errX == nil && errY == nil && bytes.Equal(bx, by)
}
