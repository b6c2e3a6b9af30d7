package resource_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/resource"
)

// TestRefusedMetas changes one place of a good meta. The error must name the
// field, where there is one, and an offset.
func TestRefusedMetas(t *testing.T) {
	m := sampleMeta()
	packed, text := string(m.Append(resource.Msgpack, nil)), string(m.Append(resource.JSON, nil))
	for _, tc := range []struct {
		name     string
		enc      resource.Encoding
		old, new string
		field    string
	}{
		{"count is negative", resource.Msgpack, "count\x02", "count\xff", "total_revision_count"},
		{"count is a float", resource.Msgpack, "count\x02", "count\xcb\x40\x00\x00\x00\x00\x00\x00\x00", "total_revision_count"},
		{"count is over 64 bits", resource.Msgpack, "count\x02", "count\xcf\xff\xff\xff\xff\xff\xff\xff\xff", "total_revision_count"},
		{"id is binary", resource.Msgpack, "\xa9person:p1", "\xc4\x09person:p1", "resource_id"},
		{"id is not UTF-8", resource.Msgpack, "\xa9person:p1", "\xa9person:p\xff", "resource_id"},
		{"key is binary", resource.Msgpack, "\xabresource_id", "\xc4\x0bresource_id", ""},
		{"time is an int", resource.Msgpack, "updated_time\xd6\xff\x65\x93\x7d\x26", "updated_time\x05", "updated_time"},
		{"time is another ext", resource.Msgpack, "\xd6\xff\x65\x93\x7d\x26", "\xd6\x01\x65\x93\x7d\x26", "updated_time"},
		{"time has 10^9 ns", resource.Msgpack, "\xd6\xff\x65\x93\x7d\x26", "\xd7\xff\xee\x6b\x28\x00\x00\x00\x00\x05", "updated_time"},
		{"time is in year 10^8", resource.Msgpack, "\xd6\xff\x65\x93\x7d\x26", "\xc7\x0c\xff\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00", "updated_time"},
		{"deleted is an int", resource.Msgpack, "is_deleted\xc2", "is_deleted\x00", "is_deleted"},
		{"field is missing", resource.Msgpack, "\xaacreated_by", "\xaacreated_bX", "created_by"},
		{"trailing byte", resource.Msgpack, "is_deleted\xc2", "is_deleted\xc2\xc0", ""},
		{"not a map", resource.Msgpack, packed, "\x93\x01\x02\x03", ""},
		{"empty", resource.Msgpack, packed, "", ""},
		{"count is a float", resource.JSON, ":2,", ":2.0,", "total_revision_count"},
		{"count is negative", resource.JSON, ":2,", ":-1,", "total_revision_count"},
		{"count has a zero in front", resource.JSON, ":2,", ":02,", ""},
		{"time has no seconds", resource.JSON, "03:04:06Z", "03:04Z", "updated_time"},
		{"time has a short offset", resource.JSON, "03:04:06Z", "03:04:06+08", "updated_time"},
		{"time is a leap second", resource.JSON, "03:04:06Z", "03:04:60Z", "updated_time"},
		{"day is not there", resource.JSON, "2024-01-02T03:04:06Z", "2024-02-30T03:04:06Z", "updated_time"},
		{"year is zero", resource.JSON, "2024-01-02T03:04:06Z", "0000-01-02T03:04:06Z", "updated_time"},
		{"rounds to year 10000", resource.JSON, "2024-01-02T03:04:06Z", "9999-12-31T23:59:59.9999999Z", "updated_time"},
		{"fraction without digit", resource.JSON, "03:04:06Z", "03:04:06.Z", "updated_time"},
		{"half a surrogate pair", resource.JSON, `"alice"`, `"\ud800"`, "created_by"},
		{"raw tab", resource.JSON, `"alice"`, "\"a\tb\"", "created_by"},
		{"not UTF-8", resource.JSON, `"alice"`, "\"\xff\"", "created_by"},
		{"null user", resource.JSON, `"alice"`, "null", "created_by"},
		{"deleted is a text", resource.JSON, "false", `"false"`, "is_deleted"},
		{"trailing comma", resource.JSON, "false}", "false,}", ""},
		{"trailing text", resource.JSON, "false}", "false}x", ""},
		{"cut off", resource.JSON, "false}", "fal", "is_deleted"},
		{"unknown status", resource.JSON, "false}", `false,"rev_status":"final"}`, "rev_status"},
		{"null status", resource.JSON, "false}", `false,"rev_status":null}`, "rev_status"},
		{"null indexed data", resource.JSON, "false}", `false,"indexed_data":null}`, "indexed_data"},
		{"integer over 64 bits", resource.JSON, "false}", `false,"indexed_data":{"a":18446744073709551616}}`, "indexed_data"},
		{"float out of range", resource.JSON, "false}", `false,"indexed_data":{"a":1e999}}`, "indexed_data"},
		{"too deep", resource.JSON, "false}", `false,"indexed_data":{"a":` + strings.Repeat("[", 99) + strings.Repeat("]", 99) + `}}`, "indexed_data"},
		{"unknown key too deep", resource.JSON, "false}", `false,"x":` + strings.Repeat("[", 99) + strings.Repeat("]", 99) + `}`, "x"},
	} {
		t.Run(fmt.Sprint(tc.enc, " ", tc.name), func(t *testing.T) {
			good := packed
			if tc.enc == resource.JSON {
				good = text
			}
			if !strings.Contains(good, tc.old) {
				t.Fatalf("%q lacks %q", good, tc.old)
			}
			_, err := resource.DecodeMeta(tc.enc, []byte(strings.Replace(good, tc.old, tc.new, 1)))
			if err == nil {
				t.Fatal("it was accepted")
			}
			if !strings.Contains(err.Error(), "at byte ") || !strings.Contains(err.Error(), tc.field) {
				t.Fatalf("%q does not name field %q and a byte", err, tc.field)
			}
		})
	}
}

func TestEveryCutIsRefused(t *testing.T) {
	for _, enc := range []resource.Encoding{resource.JSON, resource.Msgpack} {
		meta, info := sampleMeta().Append(enc, nil), sampleInfo().Append(enc, nil)
		for n := range meta {
			if _, err := resource.DecodeMeta(enc, meta[:n]); err == nil {
				t.Fatalf("%s meta cut at %d was accepted", enc, n)
			}
		}
		for n := range info {
			if _, err := resource.DecodeRevisionInfo(enc, info[:n]); err == nil {
				t.Fatalf("%s info cut at %d was accepted", enc, n)
			}
		}
	}
}

func TestUnknownEncoding(t *testing.T) {
	if _, err := resource.DecodeMeta("yaml", ""); err == nil {
		t.Fatal("yaml was accepted")
	}
	if _, err := resource.DecodeRevisionInfo("", bytes.Clone(nil)); err == nil {
		t.Fatal("no encoding was accepted")
	}
}
