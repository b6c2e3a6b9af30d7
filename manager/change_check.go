package manager

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/specstar-worker/worker/resource"
)

// rule is what an operation needs and takes.
type rule struct {
	op Op
	// data: whether it needs a payload or a patch; optional: or may have one.
	data, optional bool
}

// rules are the operations of a save.
var rules = []rule{
	{OpCreate, true, false},
	{OpUpdate, true, false},
	{OpUpsert, true, false},
	{OpModify, false, true},
	{OpPatch, true, false},
	{OpSwitch, false, false},
	{OpDelete, false, false},
	{OpRestore, false, false},
	{OpMigrate, false, false},
	{OpPurge, false, false},
}

// checkOperation reports what is wrong with an operation as such, nil for nothing.
func (m *Manager) checkOperation(op *Operation) *RefusedError {
	i := slices.IndexFunc(rules, func(r rule) bool { return r.op == op.Op })
	if i < 0 {
		return m.refuse(op, CodeUnsupport, "operation %.40q is not supported; use %s", op.Op, operationNames())
	}
	if err := op.ResourceID.CheckStored(); err != nil {
		return m.refuse(op, CodeInvalid, "%s: %v", op.Op, err)
	}
	if !utf8.ValidString(op.User) {
		return m.refuse(op, CodeInvalid, "user of %s is not UTF-8", op.ResourceID)
	}
	if err := resource.CheckTime(op.Time); err != nil {
		return m.refuse(op, CodeInvalid, "%s of %s: %v", op.Op, op.ResourceID, err)
	}
	if s, ok := op.Status.Get(); ok && !s.Valid() {
		return m.refuse(op, CodeInvalid, "status %q of %s is not known; use draft or stable", s, op.ResourceID)
	}
	if bad := m.checkData(op, rules[i]); bad != nil {
		return bad
	}
	return m.checkRevisions(op)
}

// checkData reports a payload or patch that is missing or in excess.
func (m *Manager) checkData(op *Operation, r rule) *RefusedError {
	given := op.Payload != nil || len(bytes.TrimSpace(op.Data)) > 0
	switch {
	case op.Patch != nil && op.Op != OpModify:
		return m.refuse(op, CodeInvalid, "%s of %s takes no patch beside its data", op.Op, op.ResourceID)
	case op.Patch != nil && given:
		return m.refuse(op, CodeInvalid, "%s of %s has data and a patch", op.Op, op.ResourceID)
	case op.Op == OpPatch && op.Payload != nil:
		return m.refuse(op, CodeInvalid, "patch of %s needs the patch as JSON text", op.ResourceID)
	case r.data && !given:
		return m.refuse(op, CodeInvalid, "%s of %s has no data", op.Op, op.ResourceID)
	case given && !r.data && !r.optional && string(op.Data) != "null":
		return m.refuse(op, CodeInvalid, "%s of %s takes no data", op.Op, op.ResourceID)
	case op.Data != nil && !given: // white space
		return m.refuse(op, CodeInvalid, "%s of %s has empty data", op.Op, op.ResourceID)
	}
	return nil
}

// checkRevisions reports a revision that is missing or in excess.
func (m *Manager) checkRevisions(op *Operation) *RefusedError {
	switch {
	case op.Op == OpCreate && op.ExpectedRevisionID != "":
		return m.refuse(op, CodeInvalid, "create of %s cannot expect revision %s", op.ResourceID, op.ExpectedRevisionID)
	case op.Op == OpSwitch && op.RevisionID == "":
		return m.refuse(op, CodeInvalid, "switch of %s names no revision to switch to", op.ResourceID)
	case op.Op != OpSwitch && op.Op != OpMigrate && op.RevisionID != "":
		return m.refuse(op, CodeInvalid, "%s of %s takes no revision; only switch and migrate do", op.Op, op.ResourceID)
	}
	return nil
}

func operationNames() string {
	names := make([]string, len(rules))
	for i, r := range rules {
		names[i] = string(r.op)
	}
	return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
}
