package staged

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
)

// formats are all forms, by name.
var formats = map[string]Format{"uids": UIDs, "rows": Rows}

// example returns models; rows says whether a format has them.
func example(rows bool) []Model {
	key := func(id resource.ID, version opt.Value[string]) resource.RevisionKey {
		return resource.RevisionKey{Resource: id, Revision: id.Revision(1), SchemaVersion: version}
	}
	models := []Model{
		{Name: "empty"},
		{
			Name:  "person",
			Metas: [][]byte{[]byte("meta 1"), {}, []byte("meta 3")},
			Entries: []Entry{
				{Key: key("person:1", opt.Value[string]{}), UID: "019e0000-0000-7000-8000-000000000001"},
				{Key: key("person:2", opt.Of("")), UID: "u"},
				{Key: key("person:3", opt.Of("2")), UID: ""},
			},
			Blobs: []string{"a", "b"},
		},
	}
	if rows {
		models[1].Entries = append(models[1].Entries, Entry{Key: key("person:4", opt.Of("2")), Row: 300}, Entry{Key: key("person:5", opt.Of("")), Row: 1 << 40})
	}
	return models
}

func TestRoundTrip(t *testing.T) {
	for name, f := range formats {
		models := example(f.rows)
		got, err := f.Read(f.Append(nil, models))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(fmt.Sprintf("%+v", models), fmt.Sprintf("%+v", got)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// TestFormsStay has a value of each form: stores hold such while a load is staged.
func TestFormsStay(t *testing.T) {
	key := resource.RevisionKey{Resource: "a", Revision: "a:1"}
	for name, want := range map[string]string{
		"uids": "\x01\x01m\x01\x04meta\x02\x01u\x01a\x03a:1\x00\x01v\x01a\x03a:1\x022\x01\x01b",
		"rows": "\x01\x01m\x01\x04meta\x02\x00\x01u\x01a\x03a:1\x00\xac\x02\x01a\x03a:1\x022\x01\x01b",
	} {
		f := formats[name]
		later := Entry{Key: key, UID: "v"}
		if f.rows {
			later = Entry{Key: key, Row: 300}
		}
		later.Key.SchemaVersion = opt.Of("2")
		m := Model{Name: "m", Metas: [][]byte{[]byte("meta")}, Entries: []Entry{{Key: key, UID: "u"}, later}, Blobs: []string{"b"}}
		if got := f.Append(nil, []Model{m}); string(got) != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestDamageIsAnError(t *testing.T) {
	for name, f := range formats {
		models := example(f.rows)
		whole := map[int]bool{} // lengths at which a model ends
		for n := range models {
			whole[len(f.Append(nil, models[:n]))] = true
		}
		b := f.Append(nil, models)
		for n := range b {
			_, err := f.Read(b[:n])
			if (err == nil) != whole[n] || err != nil && !errors.Is(err, ErrDamaged) {
				t.Errorf("%s: the first %d of %d bytes give %v", name, n, len(b), err)
			}
		}
		for _, damaged := range [][]byte{nil, {2}, {version, 0xff}, append([]byte{version}, bytes.Repeat([]byte{0xff}, 11)...)} {
			if _, err := f.Read(damaged); !errors.Is(err, ErrDamaged) {
				t.Errorf("%s: %x gives %v", name, damaged, err)
			}
		}
	}
}

// FuzzRead: what is read without an error is what would be written for it.
func FuzzRead(f *testing.F) {
	for _, form := range formats {
		f.Add(form.Append(nil, example(form.rows)), form.rows)
		f.Add(form.Append(nil, nil), form.rows)
	}
	f.Add([]byte{version, 0xff}, false)
	f.Fuzz(func(t *testing.T, b []byte, rows bool) {
		form := Format{rows}
		models, err := form.Read(b)
		if err != nil {
			return
		}
		again, err := form.Read(form.Append(nil, models))
		if err != nil || fmt.Sprintf("%+v", again) != fmt.Sprintf("%+v", models) {
			t.Errorf("%x is read as %+v, and that again as %+v (%v)", b, models, again, err)
		}
	})
}
