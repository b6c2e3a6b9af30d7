package permission

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
)

// MaxDepth is how many groups may lead from a user to a group, one being a member
// of the next. Deeper ones are an error, which denies.
const MaxDepth = 100

// RBAC decides by entries that name users or groups. First those of the user are
// asked, as [ACL] does; while they say nothing, those of the user's groups, and of
// the groups that those are members of, depth first. Each group is asked once, so
// that a cycle does no harm. It is made by [NewRBAC].
type RBAC struct{ *StoreBacked[*roles] }

// roles are the entries and memberships.
type roles struct {
	*rules
	groups map[string][]member
}

type member struct {
	Membership
	id      resource.ID
	updated time.Time
}

// NewRBAC returns a checker whose entries and memberships are the resources of
// [RBACModel] in the store of c.
func NewRBAC(c *manager.Catalog, cfg Config) *RBAC {
	return &RBAC{NewStoreBacked(c, Kind[*roles]{
		Model: RBACModel,
		Paths: []string{"type", "subject", "object", "action", "group", "order"},
		Check: checkRBAC,
		Index: indexRBAC,
	}, cfg)}
}

func checkRBAC(data []byte) error {
	v, err := read(data)
	if err == nil {
		err = (&roles{rules: newRules(), groups: map[string][]member{}}).read(&Record{}, v)
	}
	return err
}

func indexRBAC(records Records) (*roles, error) {
	x := &roles{rules: newRules(), groups: map[string][]member{}}
	if err := x.readAll(records, x.read); err != nil {
		return nil, err
	}
	x.sort()
	return x, nil
}

// read takes in a record.
func (x *roles) read(r *Record, v values) error {
	switch tag := v["type"]; tag {
	case entryTag:
		return x.rules.read(r, v)
	case membershipTag:
		m, err := v.membership()
		if err == nil {
			x.groups[m.Subject] = append(x.groups[m.Subject], member{m, r.Meta.ResourceID, r.Meta.UpdatedTime})
		}
		return err
	default:
		return fmt.Errorf("type %v is not known; use %s or %s", tag, entryTag, membershipTag)
	}
}

// sort puts rules and groups in order when all are there. Groups are taken from
// the end.
func (x *roles) sort() {
	x.rules.sort()
	for _, ms := range x.groups {
		slices.SortFunc(ms, func(a, b member) int {
			return cmp.Or(compareOrder(a.Order, b.Order), b.updated.Compare(a.updated), strings.Compare(string(a.id), string(b.id)))
		})
	}
}

// walk yields the user and the groups that the user is in, in the order in which
// they are asked.
func (x *roles) walk(user string) iter.Seq2[string, error] {
	type node struct {
		subject string
		depth   int
	}
	return func(yield func(string, error) bool) {
		stack, seen := []node{{user, 0}}, map[string]bool{}
		for len(stack) > 0 {
			n := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			if seen[n.subject] {
				continue
			}
			seen[n.subject] = true
			if n.depth > MaxDepth {
				yield("", fmt.Errorf("group %s is more than %d memberships away from user %s", n.subject, MaxDepth, user))
				return
			}
			if !yield(n.subject, nil) {
				return
			}
			if n.subject == "" {
				continue
			}
			for _, m := range x.groups[n.subject] {
				stack = append(stack, node{m.Group, n.depth + 1})
			}
		}
	}
}

// Check implements [Checker].
func (b *RBAC) Check(ctx context.Context, c *Context) (Result, error) {
	if r, own, err := b.Own(c); own {
		return r, err
	}
	x, err := b.Index(ctx, c)
	if err != nil {
		return Deny, err
	}
	return b.decide(x, c)
}

func (b *RBAC) decide(x *roles, c *Context) (Result, error) {
	for subject, err := range x.walk(c.User) {
		if err != nil {
			return Deny, err
		}
		if r, err := x.decide(subject, c, b.policy); err != nil || r != NotApplicable {
			return r, err
		}
	}
	return b.Otherwise(), nil
}

// Filter implements [Filterer].
func (b *RBAC) Filter(ctx context.Context, c *Context) (Filter, error) {
	if _, own, _ := b.Own(c); own {
		return RootOnly{User: b.root}.Filter(ctx, c)
	}
	x, err := b.Index(ctx, c)
	if err != nil {
		return Filter{}, err
	}
	named := map[resource.ID]bool{}
	for subject, err := range x.walk(c.User) {
		if err != nil {
			// A group nearer to the user may decide: each row is asked about.
			return EachRow(), nil
		}
		for _, id := range x.named(subject, c.Model) {
			named[id] = true
		}
	}
	ids := make([]resource.ID, 0, len(named))
	for id := range named {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return filterNamed(c, ids, func(c *Context) (Result, error) { return b.decide(x, c) })
}
