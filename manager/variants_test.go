package manager_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
)

// verdict is what becomes of an archive: a code and an offset, or accepted with
// the given number of warnings.
type verdict struct {
	code     manager.Code
	offset   int64
	warnings int
}

var variants = map[string]verdict{
	"blob_size_wrong":           {code: archive.CodeCorrupt, offset: 12264},
	"duplicate_meta_in_section": {code: archive.CodeStructure, offset: 470},
	"empty":                     {code: archive.CodeTruncated},
	"garbage_after_eof":         {code: archive.CodeStructure, offset: 15923},
	"header_eof":                {},
	"header_extra_field":        {},
	"header_no_version_field":   {},
	"huge_length_frame":         {code: archive.CodeTruncated, offset: 1002},
	"meta_inner_garbage":        {code: archive.CodeCorrupt, offset: 1002},
	"meta_outside_section":      {code: archive.CodeStructure, offset: 29},
	"missing_last_model_end":    {code: archive.CodeStructure, offset: 15861},
	"model_end_name_mismatch":   {code: archive.CodeStructure, offset: 9077},
	"no_blobs":                  {warnings: 3},
	"no_eof":                    {code: archive.CodeTruncated, offset: 15906},
	// The payload would be taken, though no type takes it; but its hash is that
	// of another one.
	"rev_data_invalid_for_type": {code: archive.CodeCorrupt, offset: 470},
	"rev_inner_garbage":         {code: archive.CodeCorrupt, offset: 1002},
	"revisions_before_metas":    {},
	"revisions_without_meta":    {code: archive.CodeStructure, offset: 71},
	"same_model_twice":          {code: archive.CodeStructure, offset: 9159},
	"second_archive_appended":   {code: archive.CodeStructure, offset: 15923},
	"trunc_after_section1":      {code: archive.CodeTruncated, offset: 9117},
	"trunc_payload":             {code: archive.CodeTruncated, offset: 1505},
	"unknown_model_last":        {},
	"version_3":                 {code: archive.CodeVersion},
	"zero_length_frame":         {code: archive.CodeCorrupt, offset: 1002},
}

func TestVariants(t *testing.T) {
	files, err := filepath.Glob("testdata/variants/*.acbak")
	if err != nil || len(files) != len(variants) {
		t.Fatalf("%d variants, %v; the table has %d", len(files), err, len(variants))
	}
	eachStore(t, func(t *testing.T, open opener) {
		for name, want := range variants {
			t.Run(name, func(t *testing.T) {
				s := open(t)
				b, err := os.ReadFile(filepath.Join("testdata/variants", name+".acbak"))
				if err != nil {
					t.Fatal(err)
				}
				if want.code != "" {
					refused(t, s, b, want)
					return
				}
				plan, err := s.Check(t.Context(), bytes.NewReader(b), manager.LoadOptions{})
				if err != nil || len(plan.Warnings) != want.warnings {
					t.Fatalf("%v, %d warnings, want %d", err, len(plan.Warnings), want.warnings)
				}
				s.load(t, b, manager.LoadOptions{})
			})
		}
	})
}

// refused loads an archive that must be refused and checks that the store is as
// empty as before.
func refused(t *testing.T, s *store, b []byte, want verdict) {
	t.Helper()
	claim := s.claim(t)
	_, err := s.Load(t.Context(), claim, bytes.NewReader(b), manager.LoadOptions{}, nil)
	code, ok := manager.CodeOf(err)
	offset, _ := manager.OffsetOf(err)
	if !ok || code != want.code || offset != want.offset {
		t.Fatalf("got %v (%s at %d), want %s at %d", err, code, offset, want.code, want.offset)
	}
	row, err := s.factory.Ledger().Get(t.Context(), claim.Job)
	if err != nil || row.State != storage.JobRefused || row.ErrorCode != string(want.code) {
		t.Fatalf("the job is %s with %q, %v", row.State, row.ErrorCode, err)
	}
	empty(t, s)
}

// empty checks that the store has no models and no blobs.
func empty(t *testing.T, s *store) {
	t.Helper()
	infos, err := s.Models(t.Context())
	if err != nil || len(infos) != 0 {
		t.Fatalf("models %v, %v, want none", infos, err)
	}
	checkBlobs(t, s, nil)
}

func TestACutAtAnyByteIsRefused(t *testing.T) {
	whole := testdata(t, "small.acbak")
	s := openMemory(t)
	for n := range whole {
		_, err := s.Check(t.Context(), bytes.NewReader(whole[:n]), manager.LoadOptions{})
		bad, ok := errors.AsType[*archive.Error](err)
		if !ok || bad.Code != archive.CodeTruncated || bad.Offset > int64(n) {
			t.Fatalf("cut at %d: %v", n, err)
		}
	}
}

func TestACutArchiveChangesNothing(t *testing.T) {
	whole := testdata(t, "small.acbak")
	eachStore(t, func(t *testing.T, open opener) {
		s := open(t)
		for n := 0; n < len(whole); n += 997 {
			refusedAnyhow(t, s, whole[:n])
		}
		empty(t, s)
	})
}

// refusedAnyhow loads an archive that must be refused, wherever it is bad.
func refusedAnyhow(t *testing.T, s *store, b []byte) {
	t.Helper()
	if _, err := s.LoadArchive(t.Context(), bytes.NewReader(b), manager.LoadOptions{}); err == nil {
		t.Fatalf("an archive of %d bytes was loaded", len(b))
	} else if _, ok := manager.CodeOf(err); !ok {
		t.Fatalf("%d bytes: %v is no refusal", len(b), err)
	}
}

func TestAFlippedByteIsNoticedOrHarmless(t *testing.T) {
	whole := testdata(t, "small.acbak")
	payload := bytes.Index(whole, []byte(`"Ada Lovelace"`))
	b := bytes.Clone(whole)
	b[payload+1] ^= 0x20
	s := openMemory(t)
	_, err := s.Check(t.Context(), bytes.NewReader(b), manager.LoadOptions{})
	if code, _ := manager.CodeOf(err); code != archive.CodeCorrupt {
		t.Fatalf("a changed payload gives %v", err)
	}
}

func TestUnknownModels(t *testing.T) {
	b := testdata(t, "variants/unknown_model_last.acbak")
	s := openMemory(t)
	for _, model := range []string{"person", "document", "sales-order"} {
		if _, err := s.Declare(t.Context(), storage.ModelInfo{Name: model}); err != nil {
			t.Fatal(err)
		}
	}
	_, err := s.Check(t.Context(), bytes.NewReader(b), manager.LoadOptions{StrictModels: true})
	code, _ := manager.CodeOf(err)
	offset, _ := manager.OffsetOf(err)
	if code != manager.CodeModelUnknown || offset != 15906 {
		t.Fatalf("got %v, want model_unknown at 15906", err)
	}
	for _, o := range []manager.LoadOptions{
		{StrictModels: true, AllowUnknownModel: true},
		{StrictModels: true, Models: []string{"person"}},
		{},
	} {
		if _, err := s.Check(t.Context(), bytes.NewReader(b), o); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if _, err := s.Check(t.Context(), bytes.NewReader(b), manager.LoadOptions{Models: []string{"absent"}}); err == nil {
		t.Error("a model that the archive lacks was accepted")
	}
}
