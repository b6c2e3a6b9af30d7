package postgres

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
)

func stagedExample() []stagedModel {
	key := func(id resource.ID, version opt.Value[string]) resource.RevisionKey {
		return resource.RevisionKey{Resource: id, Revision: id.Revision(1), SchemaVersion: version}
	}
	return []stagedModel{
		{model: "empty"},
		{
			model: "person",
			metas: [][]byte{[]byte("meta 1"), {}, []byte("meta 3")},
			entries: []stagedEntry{
				{key: key("person:1", opt.Value[string]{}), uid: "019e0000-0000-7000-8000-000000000001"},
				{key: key("person:2", opt.Of("")), uid: "u"},
				{key: key("person:3", opt.Of("2")), uid: ""},
			},
			blobs: []string{"a", "b"},
		},
	}
}

func TestStagedRoundTrip(t *testing.T) {
	models := stagedExample()
	b := appendStaged(nil, models)
	got, err := readStaged(b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(fmt.Sprintf("%+v", models), fmt.Sprintf("%+v", got)); diff != "" {
		t.Error(diff)
	}
}

func TestDamagedStagedIsAnError(t *testing.T) {
	models := stagedExample()
	whole := map[int]bool{} // lengths at which a model ends
	for n := range models {
		whole[len(appendStaged(nil, models[:n]))] = true
	}
	b := appendStaged(nil, models)
	for n := range b {
		_, err := readStaged(b[:n])
		if (err == nil) != whole[n] || err != nil && !errors.Is(err, errStaged) {
			t.Errorf("the first %d of %d bytes give %v", n, len(b), err)
		}
	}
	for _, damaged := range [][]byte{nil, {2}, {stagedVersion, 0xff}, append([]byte{stagedVersion}, bytes.Repeat([]byte{0xff}, 11)...)} {
		if _, err := readStaged(damaged); !errors.Is(err, errStaged) {
			t.Errorf("%x gives %v", damaged, err)
		}
	}
}

// FuzzReadStaged: what is read without an error is what would be written for it.
func FuzzReadStaged(f *testing.F) {
	f.Add(appendStaged(nil, stagedExample()))
	f.Add(appendStaged(nil, nil))
	f.Add([]byte{stagedVersion, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		models, err := readStaged(b)
		if err != nil {
			return
		}
		again, err := readStaged(appendStaged(nil, models))
		if err != nil || fmt.Sprintf("%+v", again) != fmt.Sprintf("%+v", models) {
			t.Errorf("%x is read as %+v, and that again as %+v (%v)", b, models, again, err)
		}
	})
}
