package peertest

import (
	"bytes"
	"os"
	"testing"

	"github.com/specstar-worker/worker/internal/pypeer"
	"github.com/specstar-worker/worker/manager"
)

// TestTheOriginalsDataGoThereAndBack loads the archive of a random application
// here, compares every meta, revision, payload and blob, and has the original
// load what we dump.
func TestTheOriginalsDataGoThereAndBack(t *testing.T) {
	p := pypeer.Start(t)
	for _, b := range backends {
		t.Run(b.name, func(t *testing.T) {
			eachSeed(t, p, 8, 250, func(t *testing.T, s source) {
				ours := b.open(t)
				loaded := ours.load(t, s.archive, manager.LoadOptions{})
				for _, m := range s.app.Models {
					if l := loaded[m.Name]; l.Loaded != l.Total || l.Skipped != 0 {
						t.Errorf("%s: %+v", m.Name, l)
					}
				}
				want := s.in(t, p, b)
				equal(t, "loaded here", want, ours.state(t))

				dumped := ours.dump(t)
				back := s.loadInPython(t, p, dumped, b.encoding)
				equal(t, "dumped here, loaded by the original", want, back.MustState(t))
				sameAgain(t, ours, b.open(t), dumped)
			})
		})
	}
}

// sameAgain checks that equal content gives equal archives: ours dumped a second
// time, and other after loading the dump.
func sameAgain(t *testing.T, ours, other store, dumped string) {
	t.Helper()
	want, err := os.ReadFile(dumped)
	if err != nil {
		t.Fatal(err)
	}
	other.load(t, dumped, manager.LoadOptions{})
	for what, s := range map[string]store{"a second dump": ours, "a load and dump": other} {
		got, err := os.ReadFile(s.dump(t))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(want, got) {
			t.Fatalf("%s gave other bytes: %d, %d", what, len(want), len(got))
		}
	}
}

// TestLoadingTwiceChangesNothing loads the same archive once more in every way
// that allows it.
func TestLoadingTwiceChangesNothing(t *testing.T) {
	p := pypeer.Start(t)
	s := randomSource(t, p, 5, 250)
	for _, b := range backends {
		t.Run(b.name, func(t *testing.T) {
			ours := b.open(t)
			ours.load(t, s.archive, manager.LoadOptions{})
			for _, d := range []manager.OnDuplicate{manager.Skip, manager.Overwrite, manager.Newer} {
				ours.load(t, s.archive, manager.LoadOptions{OnDuplicate: d})
				equal(t, string(d), s.state, ours.state(t))
			}
			data, err := os.ReadFile(s.archive)
			if err != nil {
				t.Fatal(err)
			}
			_, err = ours.tryLoad(t.Context(), data, manager.LoadOptions{})
			if code, ok := manager.CodeOf(err); !ok || code != manager.CodeDuplicate {
				t.Fatalf("raise_error on existing resources gave %v", err)
			}
			equal(t, "after the refusal", s.state, ours.state(t))
		})
	}
}
