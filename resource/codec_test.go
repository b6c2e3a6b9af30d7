package resource_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
)

func setIndexed(x resource.Indexed) opt.Value[resource.Indexed] { return opt.Of(x) }

func sampleMeta() resource.Meta {
	return resource.Meta{
		CurrentRevisionID:  "person:p1:2",
		ResourceID:         "person:p1",
		TotalRevisionCount: 2,
		CreatedTime:        time.Date(2024, 1, 2, 3, 4, 5, 678_900_000, time.UTC),
		UpdatedTime:        time.Date(2024, 1, 2, 3, 4, 6, 0, time.UTC),
		CreatedBy:          "alice",
		UpdatedBy:          "bob",
	}
}

func sampleInfo() resource.RevisionInfo {
	return resource.RevisionInfo{
		UID:         uuid.UUID{15: 7},
		ResourceID:  "person:p1",
		RevisionID:  "person:p1:1",
		Status:      resource.Draft,
		CreatedTime: time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC),
		UpdatedTime: time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC),
		CreatedBy:   "alice",
		UpdatedBy:   "bob",
	}
}

func TestMetaJSON(t *testing.T) {
	x, err := resource.NewIndexed(map[string]any{"b": 1, "a": []any{nil, true}})
	if err != nil {
		t.Fatal(err)
	}
	m := sampleMeta()
	m.IndexedData = opt.Of(x)
	m.SchemaVersion = opt.Of("2")
	m.CreatedTime = m.CreatedTime.In(time.FixedZone("", 8*3600))
	m.Rev.Status = opt.Of(resource.Stable)
	m.Rev.UpdatedTime = opt.Of(time.Date(2024, 1, 2, 3, 4, 5, 0, resource.Naive))
	const want = `{"current_revision_id":"person:p1:2","resource_id":"person:p1","schema_version":"2","total_revision_count":2,` +
		`"created_time":"2024-01-02T11:04:05.678900+08:00","updated_time":"2024-01-02T03:04:06Z","created_by":"alice","updated_by":"bob",` +
		`"is_deleted":false,"indexed_data":{"a":[null,true],"b":1},"rev_status":"stable","rev_updated_time":"2024-01-02T03:04:05"}`
	got, err := json.Marshal(m)
	if err != nil || string(got) != want {
		t.Fatalf("%s, %v; want %s", got, err, want)
	}
	var back resource.Meta
	if err := json.Unmarshal(got, &back); err != nil || string(back.Append(resource.JSON, nil)) != want {
		t.Fatalf("read back: %+v, %v", back, err)
	}
}

func TestRevisionInfoForms(t *testing.T) {
	null := opt.Of[*string](nil)
	old := "1"
	for _, tc := range []struct {
		name   string
		change func(*resource.RevisionInfo)
		json   string // behind "revision_id"
	}{
		{"first", func(*resource.RevisionInfo) {}, `"parent_revision_id":null,"schema_version":null,"status":"draft"`},
		{"all", func(i *resource.RevisionInfo) {
			i.ParentRevisionID = opt.Of(resource.RevisionID("person:p1:0"))
			i.ParentSchemaVersion, i.SchemaVersion = opt.Of(&old), opt.Of("2")
			i.DataHash = opt.Of("xxh3_128:00")
		}, `"parent_revision_id":"person:p1:0","parent_schema_version":"1","schema_version":"2","data_hash":"xxh3_128:00","status":"draft"`},
		{
			"migrated from none", func(i *resource.RevisionInfo) { i.ParentSchemaVersion = null },
			`"parent_revision_id":null,"parent_schema_version":null,"schema_version":null,"status":"draft"`,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			info := sampleInfo()
			tc.change(&info)
			text, err := json.Marshal(info)
			if err != nil || !strings.Contains(string(text), `"revision_id":"person:p1:1",`+tc.json+`,"created_time"`) {
				t.Fatalf("%s, %v", text, err)
			}
			var again resource.RevisionInfo
			if err := json.Unmarshal(text, &again); err != nil || !reflect.DeepEqual(again, info) {
				t.Fatalf("read back: %+v, %v", again, err)
			}
			for _, enc := range []resource.Encoding{resource.JSON, resource.Msgpack} {
				b := info.Append(enc, nil)
				back, err := resource.DecodeRevisionInfo(enc, b)
				if err != nil || !reflect.DeepEqual(back, info) {
					t.Fatalf("%s gave %+v, %v; want %+v", enc, back, err, info)
				}
			}
		})
	}
}

// TestExampleBytes pins the beginning of an info as the original writes it.
func TestExampleBytes(t *testing.T) {
	want, err := hex.DecodeString("8aa3756964d92430303030303030302d303030302d303030302d303030302d303030303030303030303037ab7265736f757263655f6964")
	if err != nil {
		t.Fatal(err)
	}
	b := sampleInfo().Append(resource.Msgpack, nil)
	if !bytes.HasPrefix(b, want) {
		t.Fatalf("%x does not begin with %x", b, want)
	}
	if !bytes.Contains(b, []byte("\xaccreated_time\xd6\xff\x65\x93\x7d\x25")) {
		t.Fatalf("%x lacks the short timestamp", b)
	}
}

// TestLenientForms are inputs that differ from what is written but mean a meta.
func TestLenientForms(t *testing.T) {
	m := sampleMeta()
	packed := m.Append(resource.Msgpack, nil)
	text := m.Append(resource.JSON, nil)
	replace := func(b []byte, old, new string) []byte {
		if !bytes.Contains(b, []byte(old)) {
			t.Fatalf("%q lacks %q", b, old)
		}
		return bytes.Replace(b, []byte(old), []byte(new), 1)
	}
	for name, tc := range map[string]struct {
		enc resource.Encoding
		b   []byte
	}{
		"unknown key":           {resource.Msgpack, append(replace(packed, "\x89", "\x8a"), "\xa1x\x93\x01\xc4\x01a\x81\x05\xd4\x01a"...)},
		"long forms":            {resource.Msgpack, replace(replace(packed, "\x89", "\xde\x00\x09"), "\xa5alice", "\xdb\x00\x00\x00\x05alice")},
		"wide count":            {resource.Msgpack, replace(packed, "count\x02", "count\xd3\x00\x00\x00\x00\x00\x00\x00\x02")},
		"time as text":          {resource.Msgpack, replace(packed, "\xd6\xff\x65\x93\x7d\x26", "\xb92024-01-02T11:04:06+08:00")},
		"time in 12 bytes":      {resource.Msgpack, replace(packed, "\xd6\xff\x65\x93\x7d\x26", "\xc7\x0c\xff\x00\x00\x01\xf3\x00\x00\x00\x00\x65\x93\x7d\x26")},
		"no is_deleted":         {resource.JSON, replace(text, `,"is_deleted":false`, "")},
		"no schema_version":     {resource.JSON, replace(text, `"schema_version":null,`, "")},
		"unknown key in JSON":   {resource.JSON, replace(text, `{`, `{"x":{"y":[1,2.5e3,null,"\u00e9"]},`)},
		"white space":           {resource.JSON, replace(replace(text, `{`, "\n{ "), `:2,`, " : 2 ,\r\n\t")},
		"escapes":               {resource.JSON, replace(text, `"alice"`, `"\u0061lic\u0065"`)},
		"last of repeated keys": {resource.JSON, replace(text, `{`, `{"created_by":"eve",`)},
		"time with space":       {resource.JSON, replace(text, "2024-01-02T03:04:06Z", "2024-01-02 03:04:06.0000004z")},
		"time with offset":      {resource.JSON, replace(text, "2024-01-02T03:04:06Z", "2024-01-02t03:04:06-0000")},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := resource.DecodeMeta(tc.enc, tc.b)
			if err != nil {
				t.Fatal(err)
			}
			if again := got.Append(resource.Msgpack, nil); !bytes.Equal(again, packed) {
				t.Fatalf("got %+v", got)
			}
		})
	}
}

func TestUUIDForms(t *testing.T) {
	info := sampleInfo()
	text := string(info.Append(resource.JSON, nil))
	packed := string(info.Append(resource.Msgpack, nil))
	const uid = "00000000-0000-0000-0000-000000000007"
	upper := resource.RevisionInfo{UID: uuid.MustParse("ABCDEF00-0000-0000-0000-000000000007")}.UID
	for name, tc := range map[string]struct {
		enc  resource.Encoding
		b    string
		want uuid.UUID
	}{
		"bare digits": {resource.JSON, strings.Replace(text, uid, strings.ReplaceAll(uid, "-", ""), 1), info.UID},
		"upper case":  {resource.JSON, strings.Replace(text, uid, "ABCDEF00-0000-0000-0000-000000000007", 1), upper},
		"binary":      {resource.Msgpack, strings.Replace(packed, "\xd9\x24"+uid, "\xc4\x10"+string(info.UID[:]), 1), info.UID},
	} {
		got, err := resource.DecodeRevisionInfo(tc.enc, []byte(tc.b))
		if err != nil || got.UID != tc.want {
			t.Errorf("%s: %v, %v", name, got.UID, err)
		}
	}
	for _, bad := range []string{"{" + uid[1:], "urn:uuid:" + uid, "00000000-00000000-0000-0000-000000000", "zz" + uid[2:]} {
		if _, err := resource.DecodeRevisionInfo(resource.JSON, []byte(strings.Replace(text, uid, bad, 1))); err == nil {
			t.Errorf("%s was taken for a UUID", bad)
		}
	}
}
