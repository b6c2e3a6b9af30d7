package peertest

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/specstar-worker/worker/internal/pypeer"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/resource"
)

// newShared opens the item model of one store on both sides.
func newShared(t *testing.T, p *pypeer.Peer, c composition) items {
	t.Helper()
	place := c.place(t, "")
	s := items{app: p.MustNew(t, pypeer.Config{Models: pypeer.Item, Store: place}), store: open(t, place)}
	s.manager = declareItem(t, s.store)
	return s
}

var noon = time.Date(2024, 6, 1, 12, 0, 0, 0, time.UTC)

// labelled returns an item whose label says who wrote it.
func labelled(label string, n int) []byte {
	return fmt.Appendf(nil, `{"n":%d,"label":%q,"weight":0.5,"tags":[],"nested":{}}`, n, label)
}

// waves is how many portions edits are done in, see during.
const waves = 4

// during does work again and again, at most so often, while the original does edits,
// which must all succeed. It returns how often. Between the portions of its edits the original
// waits until work was done once more: otherwise, on a busy machine, it may be ready
// before work is.
func (s items) during(t *testing.T, edits []pypeer.Edit, most int, work func(round int)) int {
	t.Helper()
	type answer struct {
		raised []string
		err    error
	}
	done, worked := make(chan answer, 1), make(chan struct{}, 1)
	go func() {
		var a answer
		for wave := range slices.Chunk(edits, (len(edits)+waves-1)/waves) {
			if len(a.raised) > 0 {
				select {
				case <-worked:
				case <-t.Context().Done():
				}
			}
			raised, err := s.app.Apply("item", wave)
			if a.raised, a.err = append(a.raised, raised...), err; err != nil {
				break
			}
		}
		done <- a
	}()
	for round := 0; ; round++ {
		select {
		case a := <-done:
			for i, name := range a.raised {
				if name != "" {
					t.Errorf("%+v raised %s", edits[i], name)
				}
			}
			if a.err != nil {
				t.Error(a.err)
			}
			return round
		default:
		}
		if round == most {
			round--
		} else {
			work(round)
		}
		select {
		case worked <- struct{}{}:
		default: // nobody has taken note of the last one
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// TestAtOnceOnDifferentResources has the original create and update resources while
// bulk saves here do so: every one is there afterwards with all its revisions.
func TestAtOnceOnDifferentResources(t *testing.T) {
	p := pypeer.Start(t)
	eachComposition(t, func(t *testing.T, c composition) {
		s := newShared(t, p, c)
		const theirs, each, bulk = 40, 4, 10
		var edits []pypeer.Edit
		for n := range each {
			for i := range theirs {
				edits = append(edits, pypeer.Edit{
					Op: []string{"create", "update"}[min(n, 1)], ResourceID: resource.ID(fmt.Sprintf("item:theirs-%d", i)), Data: labelled("theirs", n), User: "py", Time: noon,
				})
			}
		}
		rounds := s.during(t, edits, 8, func(round int) {
			for n := range each {
				var ops []manager.Operation
				for i := range bulk {
					ops = append(ops, manager.Operation{
						Op: []manager.Op{manager.OpCreate, manager.OpUpdate}[min(n, 1)], ResourceID: resource.ID(fmt.Sprintf("item:ours-%d-%d", round, i)),
						Data: labelled("ours", n), User: "go", Time: noon,
					})
				}
				s.save(t, ops)
			}
		})
		s.linear(t, theirs+rounds*bulk, each)
		c.same(t, "afterwards", s.app, s.store)
		if rounds < 2 {
			t.Errorf("only %d rounds were done meanwhile", rounds)
		}
	})
}

// save does operations, all of which must have an effect.
func (s items) save(t *testing.T, ops []manager.Operation) []manager.Outcome {
	t.Helper()
	out, err := s.manager.SaveMany(t.Context(), ops)
	if err != nil {
		t.Fatal(err)
	}
	for i, o := range out {
		if o.Effect == manager.EffectRefused {
			t.Fatalf("%s of %s: %s: %s", ops[i].Op, ops[i].ResourceID, o.Code, o.Message)
		}
	}
	return out
}

// linear checks that there are so many resources, each with so many revisions, one
// upon the other.
func (s items) linear(t *testing.T, resources, revisions int) {
	t.Helper()
	stores, err := s.factory.Build(t.Context(), "item")
	if err != nil {
		t.Fatal(err)
	}
	for m, err := range stores.Metas.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		resources--
		var parent resource.RevisionID
		n := 0
		for info, err := range s.manager.Revisions(t.Context(), m.ResourceID) {
			if err != nil {
				t.Fatal(err)
			}
			if n++; info.RevisionID != m.ResourceID.Revision(n) || info.ParentRevisionID.Or("") != parent {
				t.Errorf("%s is number %d, upon %s", info.RevisionID, n, info.ParentRevisionID.Or(""))
			}
			parent = info.RevisionID
		}
		if n != revisions || m.TotalRevisionCount != n || m.CurrentRevisionID != parent {
			t.Errorf("%s has %d revisions, counts %d, is at %s", m.ResourceID, n, m.TotalRevisionCount, m.CurrentRevisionID)
		}
	}
	if resources != 0 {
		t.Errorf("%d resources are missing", resources)
	}
	findings, err := s.catalog.Verify(t.Context())
	if err != nil || !findings.OK {
		t.Errorf("%+v, %v", findings, err)
	}
}

// TestAtOnceOnOneResource has both update one resource at the same time. The original
// writes over what was committed between its reading and its writing; nothing that it
// wrote is lost by us, no number is given twice, and a resource that both leave alone
// afterwards is sound again after the next update. On disk it is another matter: the
// original fails (FileExistsError) when a link is made while it makes the same one.
func TestAtOnceOnOneResource(t *testing.T) {
	p := pypeer.Start(t)
	for _, c := range compositions[:2] {
		t.Run(c.kind, func(t *testing.T) {
			s := newShared(t, p, c)
			s.save(t, []manager.Operation{{Op: manager.OpCreate, ResourceID: "item:a", Data: labelled("go", 0), User: "go", Time: noon}})
			var edits []pypeer.Edit
			for n := range 60 {
				edits = append(edits, pypeer.Edit{Op: "update", ResourceID: "item:a", Data: labelled("py", n), User: "py", Time: noon})
			}
			ours := map[resource.RevisionID]int{}
			s.during(t, edits, 40, func(int) {
				n := len(ours) + 1
				out := s.save(t, []manager.Operation{{Op: manager.OpUpdate, ResourceID: "item:a", Data: labelled("go", n), User: "go", Time: noon}})
				if before, given := ours[out[0].RevisionID]; given {
					t.Errorf("%s was given for %d and %d", out[0].RevisionID, before, n)
				}
				ours[out[0].RevisionID] = n
			})
			last := s.save(t, []manager.Operation{{Op: manager.OpUpdate, ResourceID: "item:a", Data: labelled("go", -1), User: "go", Time: noon}})[0]
			s.checkWriters(t, ours, last.RevisionID, len(edits), c.kind == "postgres")
			if err := s.there(t, []pypeer.Edit{{Op: "update", ResourceID: "item:a", Data: labelled("py", -1), User: "py", Time: noon}})[0]; err != "" {
				t.Errorf("the original cannot go on: %s", err)
			}
			c.same(t, "afterwards", s.app, s.store)
		})
	}
}

// checkWriters looks at who wrote the revisions of item:a: all of the original's
// updates are there, and each of ours unless the original has put its own in its place.
// Payloads in tables that it leaves so are told by verify; files and objects may still
// be on their way to be referred to, as far as that knows, until they are old.
func (s items) checkWriters(t *testing.T, ours map[resource.RevisionID]int, last resource.RevisionID, theirs int, inTables bool) {
	t.Helper()
	replaced, seen := 0, map[int]bool{}
	for info, err := range s.manager.Revisions(t.Context(), "item:a") {
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.manager.Get(t.Context(), "item:a", manager.GetOptions{Revision: info.RevisionID})
		if err != nil {
			t.Fatal(err)
		}
		var item struct {
			N     int
			Label string
		}
		if err := json.Unmarshal(got.Data, &item); err != nil {
			t.Fatal(err)
		}
		n, mine := ours[info.RevisionID]
		switch {
		case item.Label == "py":
			seen[item.N] = true
			if mine {
				replaced++
			}
		case mine && item.N != n:
			t.Errorf("%s is our update %d, not %d", info.RevisionID, item.N, n)
		}
		if info.RevisionID == last && item.N != -1 {
			t.Errorf("%s, our last update, is %s %d", last, item.Label, item.N)
		}
	}
	if len(seen) != theirs {
		t.Errorf("of %d updates of the original's %d are there", theirs, len(seen))
	}
	findings, err := s.catalog.Verify(t.Context())
	if err != nil || !findings.OK {
		t.Errorf("%+v, %v", findings, err)
	}
	t.Logf("of %d updates of ours the original has replaced %d; notes: %+v", len(ours), replaced, findings.Notes)
	if told := len(findings.Notes) == 1 && findings.Notes[0].Code == manager.CodeRowLost; told != (inTables && replaced > 0) {
		t.Errorf("%d were replaced, and verify says %+v", replaced, findings.Notes)
	}
}
