package consumer_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
)

// TestASourceThatChangesBetweenPlanAndChunk: workers read what was planned or nothing,
// and a load without pins is pinned by its plan.
func TestASourceThatChangesBetweenPlanAndChunk(t *testing.T) {
	archive := people(t, 5000, "new")
	for name, tc := range map[string]struct {
		do   func(path string) error
		code string
	}{
		"written again": {func(path string) error { return os.WriteFile(path, people(t, 5000, "old"), 0o600) }, jobs.CodeSourceChanged},
		"exchanged": {func(path string) error {
			if err := os.WriteFile(path+".new", archive, 0o600); err != nil {
				return err
			}
			return os.Rename(path+".new", path)
		}, jobs.CodeSourceChanged},
		"removed": {os.Remove, jobs.CodeSourceNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, stores["sqlite"](t))
			w.divide(archive)
			dir := t.TempDir()
			path := filepath.Join(dir, "x")
			if err := os.WriteFile(path, archive, 0o600); err != nil {
				t.Fatal(err)
			}
			all := jobs.NewSources(jobs.SourceConfig{Places: map[string]jobs.SourcePlace{jobs.SourceUpload: jobs.FileSources{Uploads: dir}}, Idle: -1})
			t.Cleanup(func() { _ = all.Close() })
			w.sources = all
			var once sync.Once
			w.hooked(func() {
				once.Do(func() {
					if err := tc.do(path); err != nil {
						t.Error(err)
					}
				})
			}, func(jobs.Verdict) {})
			w.start()
			row := w.wait(storage.JobRefused, w.load(manager.RaiseError))[0]
			if row.ErrorCode != tc.code {
				t.Errorf("%s: %s", row.ErrorCode, row.ErrorMessage)
			}
			if left, err := w.factory.Ledger().CountChunks(t.Context(), row.ID); err != nil || left != 0 {
				t.Errorf("%d chunks are staged, %v", left, err)
			}
		})
	}
}
