package resource_test

import (
	"strings"
	"testing"
	"time"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
)

func TestWhatCannotBeReadAgainIsNotStored(t *testing.T) {
	late := time.Date(9999, 12, 31, 23, 0, 0, 0, time.FixedZone("", -2*3600)) // 10000 in UTC
	bad := "a\xff"
	for field, change := range map[string]func(*resource.Meta){
		"":                     func(*resource.Meta) {},
		"is not UTF-8":         func(m *resource.Meta) { m.ResourceID = resource.ID(bad) },
		"is empty":             func(m *resource.Meta) { m.ResourceID = "" },
		"current_revision_id":  func(m *resource.Meta) { m.CurrentRevisionID = resource.RevisionID(bad) },
		"schema_version":       func(m *resource.Meta) { m.SchemaVersion = opt.Of(bad) },
		"total_revision_count": func(m *resource.Meta) { m.TotalRevisionCount = -1 },
		"created_time":         func(m *resource.Meta) { m.CreatedTime = late },
		"updated_time":         func(m *resource.Meta) { m.UpdatedTime = late.UTC() },
		"created_by":           func(m *resource.Meta) { m.CreatedBy = bad },
		"updated_by":           func(m *resource.Meta) { m.UpdatedBy = bad },
		"rev_status":           func(m *resource.Meta) { m.Rev.Status = opt.Of(resource.Status("x")) },
		"rev_created_by":       func(m *resource.Meta) { m.Rev.CreatedBy = opt.Of(bad) },
		"rev_updated_time":     func(m *resource.Meta) { m.Rev.UpdatedTime = opt.Of(late) },
	} {
		m := sampleMeta()
		change(&m)
		wantCheck(t, "meta", field, m.Check())
	}
	for field, change := range map[string]func(*resource.RevisionInfo){
		"":                      func(*resource.RevisionInfo) {},
		"is empty":              func(i *resource.RevisionInfo) { i.ResourceID = "" },
		"revision_id":           func(i *resource.RevisionInfo) { i.RevisionID = resource.RevisionID(bad) },
		"parent_revision_id":    func(i *resource.RevisionInfo) { i.ParentRevisionID = opt.Of(resource.RevisionID(bad)) },
		"parent_schema_version": func(i *resource.RevisionInfo) { i.ParentSchemaVersion = opt.Of(&bad) },
		"schema_version":        func(i *resource.RevisionInfo) { i.SchemaVersion = opt.Of(bad) },
		"data_hash":             func(i *resource.RevisionInfo) { i.DataHash = opt.Of(bad) },
		"status":                func(i *resource.RevisionInfo) { i.Status = "" },
		"created_time":          func(i *resource.RevisionInfo) { i.CreatedTime = late },
		"updated_by":            func(i *resource.RevisionInfo) { i.UpdatedBy = bad },
	} {
		i := sampleInfo()
		change(&i)
		wantCheck(t, "info", field, i.Check())
	}
}

func wantCheck(t *testing.T, what, field string, err error) {
	t.Helper()
	if field == "" && err != nil || field != "" && (err == nil || !strings.Contains(err.Error(), field)) {
		t.Errorf("%s: error is %v, want one about %q", what, err, field)
	}
}
