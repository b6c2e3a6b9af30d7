package permission

import (
	"cmp"
	"context"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/qb"
	"github.com/specstar-worker/worker/resource"
)

// ACL decides by entries that name users: those about the resource itself, its
// model, or everything. It is made by [NewACL].
type ACL struct{ *StoreBacked[*rules] }

// NewACL returns a checker whose entries are the resources of [ACLModel] in the
// store of c.
func NewACL(c *manager.Catalog, cfg Config) *ACL {
	return &ACL{NewStoreBacked(c, Kind[*rules]{
		Model: ACLModel,
		Paths: []string{"subject", "object", "action", "order"},
		Check: func(data []byte) error {
			v, err := read(data)
			if err == nil {
				_, err = v.entry()
			}
			return err
		},
		Index: indexACL,
	}, cfg)}
}

func indexACL(records Records) (*rules, error) {
	x := newRules()
	if err := x.readAll(records, x.read); err != nil {
		return nil, err
	}
	x.sort()
	return x, nil
}

// readAll takes in all records; what cannot be read is noted.
func (x *rules) readAll(records Records, take func(*Record, values) error) error {
	for r, err := range records {
		if err != nil {
			return err
		}
		v, err := read(r.Data)
		if err == nil {
			err = take(&r, v)
		}
		if err != nil {
			x.cannotRead(&r, v, err)
		}
	}
	return nil
}

// read takes in a record that is an entry.
func (x *rules) read(r *Record, v values) error {
	e, err := v.entry()
	if err == nil {
		x.add(rule{Entry: e, id: r.Meta.ResourceID, created: r.Meta.CreatedTime})
	}
	return err
}

// Check implements [Checker].
func (a *ACL) Check(ctx context.Context, c *Context) (Result, error) {
	if r, own, err := a.Own(c); own {
		return r, err
	}
	x, err := a.Index(ctx, c)
	if err != nil {
		return Deny, err
	}
	return a.decide(x, c)
}

func (a *ACL) decide(x *rules, c *Context) (Result, error) {
	r, err := x.decide(c.User, c, a.policy)
	if err == nil && r == NotApplicable {
		r = a.Otherwise()
	}
	return r, err
}

// Filter implements [Filterer].
func (a *ACL) Filter(ctx context.Context, c *Context) (Filter, error) {
	if _, own, _ := a.Own(c); own {
		return RootOnly{User: a.root}.Filter(ctx, c)
	}
	x, err := a.Index(ctx, c)
	if err != nil {
		return Filter{}, err
	}
	return filterNamed(c, x.named(c.User, c.Model), func(c *Context) (Result, error) { return a.decide(x, c) })
}

// maxNamed is how many resources a filter names; with more, each row is asked about.
const maxNamed = 1000

// filterNamed is the filter of a checker that decides alike about all rows but
// the named ones.
func filterNamed(c *Context, named []resource.ID, decide func(*Context) (Result, error)) (Filter, error) {
	if len(named) > maxNamed {
		return EachRow(), nil
	}
	others, err := decide(c)
	if err != nil {
		return Filter{}, err
	}
	var different []resource.ID
	for _, id := range named {
		row := *c
		row.ResourceID = id
		r, err := decide(&row)
		if err != nil {
			return Filter{}, err
		}
		if (r == Allow) != (others == Allow) {
			different = append(different, id)
		}
	}
	switch {
	case others != Allow:
		return Only(qb.ResourceID().In(different...)), nil
	case len(different) == 0:
		return AllRows(), nil
	}
	return Only(qb.ResourceID().NotIn(different...)), nil
}

// compareOrder puts unset orders first.
func compareOrder(a, b opt.Value[int64]) int {
	m, hasA := a.Get()
	n, hasB := b.Get()
	if hasA != hasB {
		if hasB {
			return -1
		}
		return 1
	}
	return cmp.Compare(m, n)
}
