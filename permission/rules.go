package permission

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/specstar-worker/worker/resource"
)

// rule is an entry as stored.
type rule struct {
	Entry
	id      resource.ID
	created time.Time
}

// place is where the rules about an object are found.
type place struct{ subject, object string }

// rules are all rules by subject and object, in their order.
type rules struct {
	at map[place][]rule
	// objects are the objects of each subject's rules.
	objects map[string][]string
	// broken says why the records of a subject, or with "" those of nobody in
	// particular, cannot be read.
	broken map[string]error
}

func newRules() *rules {
	return &rules{at: map[place][]rule{}, objects: map[string][]string{}, broken: map[string]error{}}
}

// add takes in an entry.
func (x *rules) add(r rule) {
	object, ok := r.Object.Get()
	if !ok {
		return
	}
	p := place{r.Subject, object}
	if len(x.at[p]) == 0 {
		x.objects[r.Subject] = append(x.objects[r.Subject], object)
	}
	x.at[p] = append(x.at[p], r)
}

// cannotRead takes in a record that says nothing. Nobody whom it may concern is
// allowed anything while it is there.
func (x *rules) cannotRead(r *Record, v values, err error) {
	subject, _ := v["subject"].(string)
	if x.broken[subject] == nil {
		x.broken[subject] = fmt.Errorf("entry %s cannot be read: %w", r.Meta.ResourceID, err)
	}
}

// sort puts the rules in order when all are there.
func (x *rules) sort() {
	for _, rs := range x.at {
		slices.SortFunc(rs, func(a, b rule) int {
			return cmp.Or(
				compareOrder(a.Order, b.Order), a.created.Compare(b.created), strings.Compare(string(a.id), string(b.id)),
			)
		})
	}
}

// readable returns why decisions about a subject cannot be taken.
func (x *rules) readable(subject string) error { return cmp.Or(x.broken[""], x.broken[subject]) }

// decide returns what the rules of one subject say about c, [NotApplicable] when
// they say nothing.
func (x *rules) decide(subject string, c *Context, p Policy) (Result, error) {
	if subject == "" {
		return NotApplicable, x.broken[""]
	}
	if err := x.readable(subject); err != nil {
		return Deny, err
	}
	result := NotApplicable
	for _, object := range objectsOf(c) {
		for _, r := range x.at[place{subject, object}] {
			switch {
			case !r.Action.Has(c.Action) || r.Effect == NotApplicable:
			case r.Effect == Deny && p.has(DenyOverrides), r.Effect == Allow && p.has(AllowOverrides):
				return r.Effect, nil
			case result != Deny: // a deny wins where nothing overrides
				result = r.Effect
			}
		}
	}
	return result, nil
}

// objectsOf returns the objects by which an entry can be about c, the most
// particular first.
func objectsOf(c *Context) []string {
	objects := make([]string, 0, 4)
	if id := string(c.ResourceID); id != "" {
		objects = append(objects, c.Model+"/"+id)
		if strings.HasPrefix(id, c.Model+":") {
			objects = append(objects, id)
		}
	}
	return append(objects, c.Model, "*")
}

// named returns the resources of a model that a subject's rules name.
func (x *rules) named(subject, model string) []resource.ID {
	var ids []resource.ID
	for _, object := range x.objects[subject] {
		if id, ok := strings.CutPrefix(object, model+"/"); ok {
			ids = append(ids, resource.ID(id))
		} else if strings.HasPrefix(object, model+":") {
			ids = append(ids, resource.ID(object))
		}
	}
	return ids
}
