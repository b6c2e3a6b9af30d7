package resource

import (
	"fmt"
	"time"
	"unicode/utf8"
)

// Check reports why m cannot be stored, nil when it can: its id is none (see
// [ID.CheckStored]), or something in it could be written but not be read again.
func (m Meta) Check() error {
	if err := m.ResourceID.CheckStored(); err != nil {
		return err
	}
	var c checks
	c.text("current_revision_id", string(m.CurrentRevisionID))
	c.text("schema_version", m.SchemaVersion.Or(""))
	if m.TotalRevisionCount < 0 {
		c.fail("total_revision_count", "%d is not a count", m.TotalRevisionCount)
	}
	c.facts("", m.CreatedTime, m.UpdatedTime, m.CreatedBy, m.UpdatedBy)
	if s, ok := m.Rev.Status.Get(); ok {
		c.status("rev_status", s)
	}
	c.facts("rev_", m.Rev.CreatedTime.Or(m.CreatedTime), m.Rev.UpdatedTime.Or(m.UpdatedTime), m.Rev.CreatedBy.Or(""), m.Rev.UpdatedBy.Or(""))
	if c.err != nil {
		return fmt.Errorf("meta of resource %s: %w", m.ResourceID, c.err)
	}
	return nil
}

// Check reports why i cannot be stored, by the rules of [Meta.Check].
func (i RevisionInfo) Check() error {
	if err := i.ResourceID.CheckStored(); err != nil {
		return err
	}
	var c checks
	c.text("revision_id", string(i.RevisionID))
	c.text("parent_revision_id", string(i.ParentRevisionID.Or("")))
	if v := i.ParentSchemaVersion.Or(nil); v != nil {
		c.text("parent_schema_version", *v)
	}
	c.text("schema_version", i.SchemaVersion.Or(""))
	c.text("data_hash", i.DataHash.Or(""))
	c.status("status", i.Status)
	c.facts("", i.CreatedTime, i.UpdatedTime, i.CreatedBy, i.UpdatedBy)
	if c.err != nil {
		return fmt.Errorf("info of revision %q: %w", string(i.RevisionID), c.err)
	}
	return nil
}

// Times between firstSure and lastSure, in seconds since 1970, are in the years 2 to
// 9998 in UTC, so that no zone makes a difference.
var (
	firstSure = time.Date(2, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	lastSure  = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
)

// CheckTime reports why no encoding can hold t: its year is not from 1 to 9999,
// in its own zone or in UTC.
func CheckTime(t time.Time) error {
	if s := t.Unix(); s > firstSure && s < lastSure {
		return nil
	}
	for _, y := range [2]int{t.Year(), t.UTC().Year()} {
		if y < 1 || y > 9999 {
			return fmt.Errorf("time %v is outside of the years 1 to 9999", t)
		}
	}
	return nil
}

// checks keeps the first thing that is wrong.
type checks struct{ err error }

func (c *checks) fail(field, format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("field %s: %w", field, fmt.Errorf(format, args...))
	}
}

func (c *checks) text(field, s string) { c.prefixed("", field, s) }

// prefixed is text of a field whose name is put together only when it is needed.
func (c *checks) prefixed(prefix, field, s string) {
	if !utf8.ValidString(s) {
		c.fail(prefix+field, "%w", errNotUTF8)
	}
}

func (c *checks) status(field string, s Status) {
	if !s.Valid() {
		c.fail(field, "status %.40q is neither draft nor stable", string(s))
	}
}

// facts checks who made something and when.
func (c *checks) facts(prefix string, created, updated time.Time, createdBy, updatedBy string) {
	if err := CheckTime(created); err != nil {
		c.fail(prefix+"created_time", "%w", err)
	}
	if err := CheckTime(updated); err != nil {
		c.fail(prefix+"updated_time", "%w", err)
	}
	c.prefixed(prefix, "created_by", createdBy)
	c.prefixed(prefix, "updated_by", updatedBy)
}
