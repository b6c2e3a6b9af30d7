package manager_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
)

// oracle is the simplest thing that obeys the rules of operations: it knows no
// stores, no batches and no encodings. Payloads are two fields, the second of which
// is unique and may be absent.
type oracle map[resource.ID]*oracleResource

type oracleResource struct {
	revs    []oracleRevision // by number - 1
	current int              // number
	deleted bool
	by, up  string // creator and last updater
	at, upd time.Time
}

type oracleRevision struct {
	data    fields
	parent  int // 0: none
	status  resource.Status
	by, up  string
	at, upd time.Time
}

// fields is a payload.
type fields struct {
	n    int
	mail string // "" absent
}

func (f fields) text() string {
	if f.mail == "" {
		return fmt.Sprintf(`{"n":%d}`, f.n)
	}
	return fmt.Sprintf(`{"n":%d,"mail":%q}`, f.n, f.mail)
}

// request is an operation together with what it means to the oracle.
type request struct {
	op    manager.Operation
	data  fields               // of an operation with data
	patch func(*fields) string // of a patch: changes the fields and returns "", or why not
}

// current returns the current revision.
func (r *oracleResource) now() *oracleRevision { return &r.revs[r.current-1] }

// holder returns another live resource with the mail.
func (o oracle) holder(id resource.ID, mail string) bool {
	for other, r := range o {
		if other != id && mail != "" && !r.deleted && r.now().data.mail == mail {
			return true
		}
	}
	return false
}

// apply does a request and returns the effect or the code of the refusal.
func (o oracle) apply(q request) (manager.Effect, manager.Code) {
	op, r := q.op, o[q.op.ResourceID]
	kind := op.Op
	if kind == manager.OpUpsert {
		if kind = manager.OpUpdate; r == nil && op.ExpectedRevisionID == "" {
			kind = manager.OpCreate
		}
	}
	switch {
	case kind == manager.OpCreate && r != nil:
		return manager.EffectRefused, manager.CodeExists
	case kind == manager.OpCreate:
		return o.create(q)
	case r == nil:
		return manager.EffectRefused, manager.CodeNotFound
	case op.ExpectedRevisionID != "" && op.ExpectedRevisionID != op.ResourceID.Revision(r.current):
		return manager.EffectRefused, manager.CodeConflict
	case kind == manager.OpPurge:
		delete(o, op.ResourceID)
		return manager.EffectPurged, ""
	case kind == manager.OpRestore && !r.deleted:
		return manager.EffectUnchanged, ""
	case kind == manager.OpRestore && o.holder(op.ResourceID, r.now().data.mail):
		return manager.EffectRefused, manager.CodeNotUnique
	case kind == manager.OpRestore:
		r.deleted, r.up, r.upd = false, op.User, op.Time
		return manager.EffectRestored, ""
	case r.deleted:
		return manager.EffectRefused, manager.CodeDeleted
	case kind == manager.OpDelete:
		r.deleted, r.up, r.upd = true, op.User, op.Time
		return manager.EffectDeleted, ""
	case kind == manager.OpSwitch:
		return o.switchTo(q, r)
	case kind == manager.OpModify:
		return o.modify(q, r)
	}
	data := q.data
	if kind == manager.OpPatch {
		data = r.now().data
		if q.patch(&data) != "" {
			return manager.EffectRefused, manager.CodeInvalid
		}
	}
	return o.update(q, r, data)
}

func (o oracle) create(q request) (manager.Effect, manager.Code) {
	if o.holder(q.op.ResourceID, q.data.mail) {
		return manager.EffectRefused, manager.CodeNotUnique
	}
	r := &oracleResource{by: q.op.User, at: q.op.Time}
	o[q.op.ResourceID] = r
	r.add(q, q.data)
	return manager.EffectCreated, ""
}

func (o oracle) update(q request, r *oracleResource, data fields) (manager.Effect, manager.Code) {
	switch {
	case data == r.now().data:
		return manager.EffectUnchanged, ""
	case data.mail != r.now().data.mail && o.holder(q.op.ResourceID, data.mail):
		return manager.EffectRefused, manager.CodeNotUnique
	}
	r.add(q, data)
	return manager.EffectUpdated, ""
}

// add makes a new revision the current one.
func (r *oracleResource) add(q request, data fields) {
	r.revs = append(r.revs, oracleRevision{
		data: data, parent: r.current, status: q.op.Status.Or(resource.Stable),
		by: q.op.User, up: q.op.User, at: q.op.Time, upd: q.op.Time,
	})
	r.current = len(r.revs)
	r.up, r.upd = q.op.User, q.op.Time
}

func (o oracle) switchTo(q request, r *oracleResource) (manager.Effect, manager.Code) {
	n, _ := q.op.RevisionID.Number()
	switch {
	case n == r.current:
		return manager.EffectUnchanged, ""
	case n < 1 || n > len(r.revs):
		return manager.EffectRefused, manager.CodeNotFound
	case r.revs[n-1].data.mail != r.now().data.mail && o.holder(q.op.ResourceID, r.revs[n-1].data.mail):
		return manager.EffectRefused, manager.CodeNotUnique
	}
	r.current, r.up, r.upd = n, q.op.User, q.op.Time
	return manager.EffectSwitched, ""
}

func (o oracle) modify(q request, r *oracleResource) (manager.Effect, manager.Code) {
	now := r.now()
	status, data := q.op.Status.Or(now.status), now.data
	if q.op.Data != nil || q.op.Patch != nil {
		if now.status != resource.Draft && status != resource.Draft {
			return manager.EffectRefused, manager.CodeNotDraft
		}
		data = q.data
		if q.op.Patch != nil {
			data = now.data
			if q.patch(&data) != "" {
				return manager.EffectRefused, manager.CodeInvalid
			}
		}
	}
	switch {
	case data == now.data && status == now.status:
		return manager.EffectUnchanged, ""
	case data.mail != now.data.mail && o.holder(q.op.ResourceID, data.mail):
		return manager.EffectRefused, manager.CodeNotUnique
	}
	now.data, now.status, now.up, now.upd = data, status, q.op.User, q.op.Time
	r.up, r.upd = q.op.User, q.op.Time
	return manager.EffectModified, ""
}

// describe writes everything that is there, a line for each meta and revision.
func (o oracle) describe() string {
	var lines []string
	for id, r := range o {
		now := r.now()
		lines = append(lines, line("meta", id, r.current, len(r.revs), r.deleted, r.by, r.up, r.at, r.upd,
			now.status, now.by, now.up, now.at, now.upd, now.data.mail, now.data.n))
		for i, v := range r.revs {
			lines = append(lines, line("revision", id, i+1, v.parent, v.status, v.by, v.up, v.at, v.upd, v.data.text()))
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func line(parts ...any) string {
	for i, p := range parts {
		switch p := p.(type) {
		case time.Time:
			parts[i] = p.UTC().Format(time.RFC3339Nano)
		case opt.Value[time.Time]:
			parts[i] = p.Or(time.Time{}).UTC().Format(time.RFC3339Nano)
		}
	}
	return strings.TrimSpace(fmt.Sprintln(parts...))
}
