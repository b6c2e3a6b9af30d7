package faulttest

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/specstar-worker/worker/internal/pgtest"
	"github.com/specstar-worker/worker/jobs"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/postgres"
)

// TestBadRecordIsRefusedAlone puts one record that cannot be held among 499 others.
func TestBadRecordIsRefusedAlone(t *testing.T) {
	t.Parallel()
	f := open(t, postgres.Config{DSN: pgtest.Database(t)})
	m, err := manager.NewCatalog(f, nil, manager.Options{}).Declare(t.Context(), storage.ModelInfo{Name: "indexed", IndexedPaths: []string{"name", "job"}})
	if err != nil {
		t.Fatal(err)
	}
	x := newExecutor(f, nil)
	for n, c := range []struct {
		name, data, user string
		field            string // what the message names; empty: it is held
	}{
		{"NUL in an indexed value", `{"name":"a\u0000b"}`, "ann", "name"},
		{"lone surrogate in an indexed value", `{"name":"\ud800"}`, "ann", "name"},
		{"bad UTF-8 in an indexed value", "{\"name\":\"a\xff\"}", "ann", "name"},
		{"NUL in the user", `{"name":"a"}`, "a\x00", "user"},
		{"bad UTF-8 in the user", `{"name":"a"}`, "a\xff", "user"},
		{"long user", `{"name":"a"}`, strings.Repeat("u", 3000), "user"},
		{"long indexed value", `{"name":"` + strings.Repeat("long ", 200_000) + `"}`, "ann", ""},
		{"NUL in a value that is not indexed", `{"other":"a\u0000b"}`, "ann", ""},
		{"number beyond all columns", `{"name":1e400}`, "ann", "name"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ops := make([]manager.Operation, 500)
			for k := range ops {
				ops[k] = job(fmt.Sprint(n, k), manager.OpUpsert, id(1000*n+k)).Operations[0]
			}
			ops[250].Payload, ops[250].User = []byte(c.data), c.user
			out, err := m.SaveMany(t.Context(), ops)
			if err != nil {
				t.Fatal(err)
			}
			saved := 0
			for _, o := range out {
				if o.Effect == manager.EffectCreated {
					saved++
				}
			}
			bad := out[250]
			if want := 500 - min(1, len(c.field)); saved != want {
				t.Errorf("%d saved; want %d: %+v", saved, want, bad)
			}
			if c.field != "" && (bad.Effect != manager.EffectRefused || !strings.Contains(bad.Message, c.field) && !strings.Contains(bad.Message, strings.Replace(c.field, "user", "created_by", 1))) {
				t.Errorf("%+v; want a refusal that names %s", bad, c.field)
			}
			if text := c.user + c.data; strings.Contains(text, "\x00") || !utf8.ValidString(text) || len(c.user) > 1000 {
				return // no queue delivers it: the envelope is refused
			}
			var ds []jobs.Delivery
			for k := range 500 {
				d := message{100_000 + 1000*n + k, 1}.delivery(1 << 30)
				d.Body = fmt.Appendf(nil, `{"schema":1,"kind":"save","model":"indexed","user":"ann","args":{"op":"upsert","resource_id":"queued:%d:%d","data":{"name":"x"}}}`, n, k)
				if k == 250 {
					d.Body = fmt.Appendf(nil, `{"schema":1,"kind":"save","model":"indexed","user":"ann","args":{"op":"upsert","resource_id":"queued:%d:%d","data":%s}}`, n, k, c.data)
				}
				ds = append(ds, d)
			}
			for k, v := range x.Execute(t.Context(), ds) {
				want := storage.JobDone
				if k == 250 && c.field != "" {
					if want = storage.JobRefused; v.Action == jobs.ActionBury { // the envelope is not even JSON that anybody takes
						continue
					}
				}
				if v.Action != jobs.ActionAck || v.State != want {
					t.Errorf("job %d is to be %s and %s: %v", k, v.Action, v.State, v.Err)
				}
			}
		})
	}
}
