package archive

import (
	"bytes"
	"reflect"
	"testing"
	"time"

	"github.com/specstar-worker/worker/internal/msgpack"
	"github.com/specstar-worker/worker/resource"
)

func revisionOf(user string) resource.Revision {
	at := time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)
	return resource.Revision{
		Info: resource.RevisionInfo{
			ResourceID: "p", RevisionID: "p:1", Status: resource.Draft, CreatedTime: at, UpdatedTime: at, CreatedBy: user, UpdatedBy: "u",
		},
		Data: []byte("{}"),
	}
}

// TestTheQuickWayIsNotFooled puts the bytes that the quick way looks for into
// places where they mean something else.
func TestTheQuickWayIsNotFooled(t *testing.T) {
	want := revisionOf("a\u00e8raw_data\u00e8raw_data\x00")
	info := want.Info.Append(resource.Msgpack, nil)
	raw := msgpack.AppendBin(msgpack.AppendString(nil, "raw_data"), want.Data)
	for name, data := range map[string][]byte{
		"as written":    bytes.Join([][]byte{[]byte("\x82\xa4info"), info, raw}, nil),
		"other order":   bytes.Join([][]byte{{0x82}, raw, []byte("\xa4info"), info}, nil),
		"extra field":   bytes.Join([][]byte{[]byte("\x83\xa4info"), info, []byte("\xa1x\xc0"), raw}, nil),
		"repeated data": bytes.Join([][]byte{[]byte("\x83\xa4info"), info, []byte("\xa8raw_data\xc4\x01x"), raw}, nil),
		"extra in info": bytes.Join([][]byte{[]byte("\x82\xa4info"), {info[0] + 1}, []byte("\xa8raw_data\xc4\x02xx"), info[1:], raw}, nil),
	} {
		rec, err := revisionRecord(data, false)
		if got, ok := rec.(Revision); err != nil || !ok || !reflect.DeepEqual(got.Revision, want) {
			t.Errorf("%s: %+v, %v", name, rec, err)
		}
	}
}

func TestRevisionDataIsStrict(t *testing.T) {
	want := revisionOf("a")
	info := want.Info.Append(resource.Msgpack, nil)
	for name, data := range map[string][]byte{
		"no raw_data":    append([]byte("\x81\xa4info"), info...),
		"no info":        []byte("\x81\xa8raw_data\xc4\x00"),
		"raw_data text":  append(append([]byte("\x82\xa4info"), info...), "\xa8raw_data\xa1x"...),
		"info is nil":    []byte("\x82\xa4info\xc0\xa8raw_data\xc4\x00"),
		"trailing bytes": append(append([]byte("\x82\xa4info"), info...), "\xa8raw_data\xc4\x00\xc0"...),
		"not a map":      []byte("\x92\xc0\xc0"),
	} {
		if rec, err := revisionRecord(data, false); err == nil {
			t.Errorf("%s: %+v", name, rec)
		}
	}
}

// TestRecordsOwnTheirMemory overwrites the frame a record was decoded from.
func TestRecordsOwnTheirMemory(t *testing.T) {
	var enc encoder
	want := Revision{Revision: revisionOf("a")}
	e, err := enc.encode(want)
	if err != nil {
		t.Fatal(err)
	}
	frame := append(bytes.Clone(e.head), e.bulk...)
	got, err := decodeRecord(frame, false)
	if err != nil {
		t.Fatal(err)
	}
	clear(frame)
	if !reflect.DeepEqual(got, Record(want)) {
		t.Fatalf("got %+v, want %+v", got, want)
	}
}
