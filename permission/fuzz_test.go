package permission

import (
	"testing"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/resource/payload"
)

// FuzzRecord reads any payload as a record; what is taken reads the same again
// behind its own writer.
func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"subject":"u","object":"doc","action":65,"effect":"deny","order":-3}`))
	f.Add([]byte(`{"type":"RoleMembership","subject":"u","group":"g"}`))
	f.Add([]byte("\x84\xa7subject\xa1u\xa6object\xc0\xa6action\x41\xa6effect\xa5allow"))
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := read(data)
		if err != nil {
			return
		}
		if m, err := v.membership(); err == nil {
			again(t, m.RBAC(), m, values.membership)
		}
		if e, err := v.entry(); err == nil {
			if e.Action > manager.ActionFull {
				t.Errorf("action %d", e.Action)
			}
			again(t, e.ACL(), e, values.entry)
			again(t, e.RBAC(), e, values.entry)
		}
	})
}

func again[R comparable](t *testing.T, data []byte, want R, as func(values) (R, error)) {
	t.Helper()
	p, err := payload.Canonical(resource.JSON, data)
	if err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	v, err := read(p)
	if err != nil {
		t.Fatalf("%s: %v", p, err)
	}
	if got, err := as(v); err != nil || got != want {
		t.Errorf("%s: %+v, %v; want %+v", p, got, err, want)
	}
}
