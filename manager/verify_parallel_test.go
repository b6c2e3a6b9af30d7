package manager_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// What is found, and its order, does not depend on how many goroutines look.
func TestAVerificationIsTheSameAtAnyParallelism(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		loadWide(t, s)
		damage(t, s, "wide", "wide:003", "wide:500", "wide:699")
		want, err := s.Verify(t.Context())
		if err != nil || want.OK || want.Count < 3 {
			t.Fatalf("%+v, %v", want, err)
		}
		for _, n := range parallels {
			var last storage.Progress
			got, err := s.VerifyWith(t.Context(), manager.VerifyOptions{Parallel: n, Progress: func(p storage.Progress) { last = p }})
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Errorf("by %d goroutines: %v\n%s", n, err, diff)
			}
			if last.Done != last.Total || last.Done < 2700 {
				t.Errorf("the last progress is %+v", last)
			}
		}
	})
}

// Chosen models are verified and no others.
func TestAVerificationOfSomeModels(t *testing.T) {
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		loadWide(t, s)
		damage(t, s, "wide", "wide:003")
		for model, ok := range map[string]bool{"wide": false, "person": true} {
			f, err := s.VerifyWith(t.Context(), manager.VerifyOptions{Models: []string{model}})
			if err != nil || f.OK != ok {
				t.Errorf("%s: %+v, %v", model, f, err)
			}
		}
		_, err := s.VerifyWith(t.Context(), manager.VerifyOptions{Models: []string{"person", "absent"}})
		if code, _ := manager.CodeOf(err); code != manager.CodeModelUnknown {
			t.Errorf("a model that is not there: %v", err)
		}
	})
}

// damage makes resources point to revisions that are nowhere.
func damage(t *testing.T, s *store, model string, ids ...resource.ID) {
	t.Helper()
	stores, err := s.factory.Build(t.Context(), model)
	if err != nil {
		t.Fatal(err)
	}
	metas, err := stores.Metas.GetMany(t.Context(), ids)
	if err != nil || len(metas) != len(ids) {
		t.Fatalf("%d metas, %v", len(metas), err)
	}
	for i := range metas {
		metas[i].CurrentRevisionID = metas[i].ResourceID.Revision(99)
	}
	if err := stores.Metas.SaveMany(t.Context(), metas); err != nil {
		t.Fatal(err)
	}
}
