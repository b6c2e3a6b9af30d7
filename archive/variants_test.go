package archive_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/specstar-worker/worker/archive"
)

func wantError(t *testing.T, err error, code string, offset int64) {
	t.Helper()
	e, ok := errors.AsType[*archive.Error](err)
	if !ok {
		t.Fatalf("got %v, want %s at byte %d", err, code, offset)
	}
	if e.Code != code || e.Offset != offset {
		t.Fatalf("got %v, want %s at byte %d", err, code, offset)
	}
}

// readAll reads b to its end or first error.
func readAll(b []byte) (records int, err error) {
	r := archive.NewReader(bytes.NewReader(b), archive.Limits{})
	for {
		if _, err := r.Next(); err == io.EOF {
			return records, nil
		} else if err != nil {
			return records, err
		}
		records++
	}
}

// TestVariants pins what the reader says of every damaged archive. Those it
// reads to the end hold contradictions between records, which are the manager's
// to refuse, or are fine.
func TestVariants(t *testing.T) {
	table := map[string]struct {
		code   string
		offset int64
	}{
		"empty.acbak":                     {archive.CodeTruncated, 0},
		"header_eof.acbak":                {},
		"version_3.acbak":                 {archive.CodeVersion, 0},
		"header_no_version_field.acbak":   {},
		"header_extra_field.acbak":        {},
		"no_eof.acbak":                    {archive.CodeTruncated, 15906},
		"trunc_payload.acbak":             {archive.CodeTruncated, 1505},
		"trunc_after_section1.acbak":      {archive.CodeTruncated, 9117},
		"garbage_after_eof.acbak":         {archive.CodeStructure, 15923},
		"second_archive_appended.acbak":   {archive.CodeStructure, 15923},
		"unknown_model_last.acbak":        {},
		"meta_outside_section.acbak":      {archive.CodeStructure, 29},
		"missing_last_model_end.acbak":    {archive.CodeStructure, 15861},
		"model_end_name_mismatch.acbak":   {archive.CodeStructure, 9077},
		"same_model_twice.acbak":          {},
		"duplicate_meta_in_section.acbak": {},
		"zero_length_frame.acbak":         {archive.CodeCorrupt, 1002},
		"huge_length_frame.acbak":         {archive.CodeTruncated, 1002},
		"meta_inner_garbage.acbak":        {archive.CodeCorrupt, 1002},
		"rev_inner_garbage.acbak":         {archive.CodeCorrupt, 1002},
		"rev_data_invalid_for_type.acbak": {},
		"revisions_without_meta.acbak":    {},
		"revisions_before_metas.acbak":    {},
		"blob_size_wrong.acbak":           {},
		"no_blobs.acbak":                  {},
	}
	files, err := filepath.Glob("testdata/variants/*.acbak")
	if err != nil || len(files) != 25 {
		t.Fatalf("%d variants, %v", len(files), err)
	}
	for _, path := range files {
		name := filepath.Base(path)
		t.Run(name, func(t *testing.T) {
			want, known := table[name]
			if !known {
				t.Fatal("the table does not know this variant")
			}
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			_, err = readAll(b)
			if want.code == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			wantError(t, err, want.code, want.offset)
		})
	}
}

func TestACutAnywhereIsTruncated(t *testing.T) {
	b := plainBytes(t, "small.acbak")
	var starts []int64
	r := archive.NewReader(bytes.NewReader(b), archive.Limits{})
	for _, err := range r.Records() {
		if err != nil {
			t.Fatal(err)
		}
		starts = append(starts, r.Offset())
	}
	frame := 0
	for n := range b {
		if frame+1 < len(starts) && int64(n) >= starts[frame+1] {
			frame++
		}
		_, err := readAll(b[:n])
		wantError(t, err, archive.CodeTruncated, starts[frame])
	}
}

func TestStructure(t *testing.T) {
	start, end := frame("82", "t", "ModelStartRecord", "model_name", "m"), frame("82", "t", "ModelEndRecord", "model_name", "m")
	header, eof := frame("81", "t", "HeaderRecord"), frame("81", "t", "EofRecord")
	for _, tc := range []struct {
		name   string
		frames [][]byte
		bad    int // index of the frame that is refused
	}{
		{"no header", [][]byte{start, end, eof}, 0},
		{"only an end", [][]byte{eof}, 0},
		{"second header", [][]byte{header, header, eof}, 1},
		{"header in a section", [][]byte{header, start, header, end, eof}, 2},
		{"section in a section", [][]byte{header, start, start, end, eof}, 2},
		{"end without start", [][]byte{header, end, eof}, 1},
		{"end in a section", [][]byte{header, start, eof}, 2},
		{"record behind the end", [][]byte{header, eof, eof}, 2},
		{"one byte behind the end", [][]byte{header, eof, {0}}, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := readAll(bytes.Join(tc.frames, nil))
			wantError(t, err, archive.CodeStructure, int64(len(bytes.Join(tc.frames[:tc.bad], nil))))
		})
	}
}
