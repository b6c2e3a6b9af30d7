package peertest

import (
	"path/filepath"
	"testing"

	"github.com/specstar-worker/worker/internal/pypeer"
	"github.com/specstar-worker/worker/manager"
)

// TestMigratedResourcesGoThereAndBack loads what the original's migration
// leaves: revisions stored under two schema versions with one uid, hashes of the
// bytes before, metas of both versions side by side.
func TestMigratedResourcesGoThereAndBack(t *testing.T) {
	p := pypeer.Start(t)
	old := p.MustNew(t, pypeer.Config{Models: pypeer.Cat})
	if _, err := old.Run(7, 300); err != nil {
		t.Fatal(err)
	}
	before := filepath.Join(t.TempDir(), "before.acbak")
	if err := old.Dump(before); err != nil {
		t.Fatal(err)
	}
	app := p.MustNew(t, pypeer.Config{Models: pypeer.Cat2})
	if _, err := app.Load(before, "raise_error"); err != nil {
		t.Fatal(err)
	}
	n, err := app.Migrate("cat", 8)
	if err != nil {
		t.Fatal(err)
	}
	if n < 10 {
		t.Fatalf("only %d resources were migrated", n)
	}
	s := source{config: pypeer.Config{Models: pypeer.Cat2}, app: app, archive: filepath.Join(t.TempDir(), "migrated.acbak")}
	if err := app.Dump(s.archive); err != nil {
		t.Fatal(err)
	}
	s.state = app.MustState(t)
	for _, b := range backends {
		t.Run(b.name, func(t *testing.T) {
			ours := b.open(t)
			ours.load(t, s.archive, manager.LoadOptions{})
			equal(t, "loaded here", s.state, ours.state(t))
			back := s.loadInPython(t, p, ours.dump(t), b.encoding)
			equal(t, "dumped here, loaded by the original", s.state, back.MustState(t))
		})
	}
}
