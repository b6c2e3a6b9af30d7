package jobs

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/specstar-worker/worker/internal/jsonlex"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
)

// args decodes the arguments, which were stepped over before the kind was known.
func (d *decoder) args(raw rawArgs) (Args, error) {
	d.in, d.base, d.path = jsonlex.Scanner{B: raw.body}, raw.offset, append(d.path[:0], step{key: "args"})
	switch raw.kind {
	case KindLoad:
		return d.load()
	case KindBackfill:
		return d.backfill()
	case KindMigrate:
		return d.migrate()
	case KindDump:
		return d.dump()
	case KindVerify:
		return d.verify()
	case KindChunk:
		return d.chunk()
	default:
		return d.save()
	}
}

// save decodes one operation, or an object that lists operations and nothing else.
func (d *decoder) save() (Args, error) {
	var s Save
	var one manager.Operation
	listed, single := false, false
	err := d.object(func(key string) error {
		if key == "operations" {
			listed = true
			return d.operations(&s.Operations)
		}
		switch key {
		case "on_error":
			return d.oneOf(&s.OnError, OnErrorRefuse, OnErrorFail)
		case "order":
			return d.value(&s.Order)
		}
		single = true
		return d.operationField(key, &one)
	})
	switch {
	case err != nil:
		return nil, err
	case listed && single:
		return nil, d.errorf("holds one operation and a list; use one of them")
	case s.OnError != "" && !listed:
		return nil, d.fieldErrorf("on_error", "belongs to a list of operations")
	case listed && len(s.Operations) == 0:
		return nil, d.fieldErrorf("operations", "is empty")
	case listed:
		return s, nil
	}
	one.Order = s.Order
	if err := d.checkOperation(&one); err != nil {
		return nil, err
	}
	return Save{Operations: []manager.Operation{one}}, nil
}

// expectedOperations bounds for how many operations there is room made before they are
// read.
const expectedOperations = 1000

func (d *decoder) operations(ops *[]manager.Operation) error {
	return d.array(MaxOperations, func(i int) error {
		from := d.in.Pos
		*ops = append(*ops, manager.Operation{})
		o := &(*ops)[i]
		err := d.object(func(key string) error { return d.operationField(key, o) })
		if err == nil {
			err = d.checkOperation(o)
		}
		if i == 0 && err == nil { // as many as the first one lets expect
			*ops = slices.Grow(*ops, min((len(d.in.B)-d.in.Pos)/(d.in.Pos-from), expectedOperations))
		}
		return err
	})
}

func (d *decoder) operationField(key string, o *manager.Operation) error {
	switch key {
	case "op":
		return d.word((*string)(&o.Op))
	case "resource_id":
		return d.text((*string)(&o.ResourceID))
	case "data":
		return d.once(&o.Data, d.json)
	case "data_base64":
		return d.once(&o.Payload, d.base64)
	case "patch":
		return d.once(&o.Patch, d.json)
	case "data_size":
		return d.once(&o.Data, d.jsonPayload)
	case "payload_size":
		return d.once(&o.Payload, d.payload)
	case "patch_size":
		return d.once(&o.Patch, d.jsonPayload)
	case "status":
		return d.status(&o.Status)
	case "revision_id":
		return d.text((*string)(&o.RevisionID))
	case "expected_revision_id":
		return d.text((*string)(&o.ExpectedRevisionID))
	case "user":
		return d.word(&o.User)
	case "time":
		return d.time(&o.Time)
	case "order":
		return d.value(&o.Order)
	}
	return d.unknown()
}

// once reads a payload, which may stand in the head or behind it, not both.
func (d *decoder) once(b *[]byte, read func(*[]byte) error) error {
	if *b != nil {
		return d.errorf("says again what the operation has already")
	}
	return read(b)
}

// checkOperation checks the form of an operation. Whether it is known and
// allowed is the manager's to say, for each operation by itself.
func (d *decoder) checkOperation(o *manager.Operation) error {
	if field, wrong := operationFault(o); wrong != nil {
		return d.fieldErrorf(field, "%w", wrong)
	}
	return nil
}

// operationFault returns what is wrong with the form of an operation, and with which
// field of it.
func operationFault(o *manager.Operation) (field string, wrong error) {
	other := func(r rune) bool { return (r < 'a' || r > 'z') && r != '_' }
	switch {
	case o.Op == "":
		return "op", errors.New("is missing")
	case strings.IndexFunc(string(o.Op), other) >= 0:
		return "op", fmt.Errorf("%s is not lower-case letters", quoted(o.Op))
	case o.ResourceID == "" && o.Op != manager.OpCreate:
		return "resource_id", errors.New("is missing")
	case len(o.ResourceID) > resource.MaxIDBytes:
		return "resource_id", fmt.Errorf("of %d bytes is longer than %d", len(o.ResourceID), resource.MaxIDBytes)
	case o.Data != nil && o.Payload != nil:
		return "data_base64", errors.New("and data exclude each other")
	}
	return "", nil
}

func (d *decoder) base64(b *[]byte) error {
	var s string
	if err := d.text(&s); err != nil {
		return err
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil {
		return d.wrap(err)
	}
	*b = append([]byte{}, raw...)
	return nil
}

func (d *decoder) status(v *opt.Value[resource.Status]) error {
	var s resource.Status
	if err := d.text((*string)(&s)); err != nil {
		return err
	}
	if !s.Valid() {
		return d.errorf("%s is not known; use draft or stable", quoted(s))
	}
	*v = opt.Of(s)
	return nil
}

func (d *decoder) load() (Args, error) {
	var l Load
	err := d.object(func(key string) error {
		switch key {
		case "source":
			return d.text(&l.Source)
		case "size":
			return d.size64(&l.Size)
		case "modified":
			return d.instant(&l.Modified)
		case "etag":
			return d.text(&l.ETag)
		case "on_duplicate":
			return d.oneOf(&l.OnDuplicate, "raise_error", "skip", "overwrite", "newer")
		case "models":
			return d.texts(&l.Models, MaxModels)
		case "allow":
			return d.array(2, func(int) error {
				var s string
				err := d.oneOf(&s, "missing_revision", "unknown_model")
				l.Allow = append(l.Allow, s)
				return err
			})
		}
		return d.unknown()
	})
	if err == nil && l.Source == "" {
		err = d.fieldErrorf("source", "is missing")
	}
	if err == nil {
		if _, _, serr := SplitSource(l.Source); serr != nil {
			err = d.fieldErrorf("source", "%w", serr)
		}
	}
	return l, err
}

func (d *decoder) size64(v *opt.Value[int64]) error {
	n, err := d.integer()
	if err != nil {
		return err
	}
	if n < 0 {
		return d.errorf("is negative")
	}
	*v = opt.Of(n)
	return nil
}

func (d *decoder) backfill() (Args, error) {
	b := Backfill{What: RevisionMeta}
	err := d.object(func(key string) error {
		switch key {
		case "kind":
			return d.oneOf(&b.What, RevisionMeta, IndexedData)
		case "models":
			return d.texts(&b.Models, MaxModels)
		}
		return d.going(key, &b.Going)
	})
	return b, err
}

func (d *decoder) migrate() (Args, error) {
	var m Migrate
	err := d.object(func(key string) error {
		switch key {
		case "models":
			return d.texts(&m.Models, MaxModels)
		case "history":
			return d.value(&m.History)
		}
		return d.going(key, &m.Going)
	})
	if err == nil && len(m.Models) == 0 {
		err = d.fieldErrorf("models", "names no model")
	}
	return m, err
}

// going reads a field of a backfill or migration that says how it goes about it.
func (d *decoder) going(key string, g *Going) error {
	switch key {
	case "rate":
		n, err := d.number(1, MaxRate)
		g.Rate = int(n)
		return err
	case "dry_run":
		return d.value(&g.DryRun)
	}
	return d.unknown()
}

func (d *decoder) oneOf(s *string, allowed ...string) error {
	if err := d.text(s); err != nil {
		return err
	}
	if !slices.Contains(allowed, *s) {
		return d.errorf("%s is not one of %q", quoted(*s), allowed)
	}
	return nil
}
