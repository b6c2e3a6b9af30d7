package outer

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// ErrTaken says that the number of a new revision has an owner already.
var ErrTaken = errors.New("the number of a new revision is taken")

// Config says how a [Writer] writes.
type Config struct {
	// Medium is the part of the model.
	Medium storage.ModelMedium
	// Model is its name, for messages.
	Model string
	// Infos is how infos are written.
	Infos resource.Encoding
	// Check reports why a revision cannot be stored.
	Check func(*resource.RevisionInfo) error
	// Mine are the contents that earlier attempts of the same unit have put. The
	// writer adds to them.
	Mine map[string]storage.Content
	// Adopts lets a unit of work that is done again, because who did it died before
	// the commit, take its own contents over: those with a key that leads there.
	// Claiming that key anew burns no number. What is staged is never shared, for it
	// may be removed again.
	Adopts bool
	// Intend, when not nil, is called with entries before their contents are put, so
	// that what is not committed can be found.
	Intend func(ctx context.Context, entries []storage.Entry) error
}

// Writer writes the revisions of one model to the medium for one unit of work.
type Writer struct {
	c Config

	claims  []storage.Entry   // of keys that nothing led to
	points  []storage.Entry   // of keys that lead elsewhere
	stay    []storage.Entry   // of keys that lead there already
	replace []storage.Content // contents whose own keys lead to them
	claimed []storage.Entry   // those that were made, to be taken back on an error
	adopted []storage.Content // of keys that lead to them and were believed to be free
}

// NewWriter returns a writer.
func NewWriter(c Config) *Writer { return &Writer{c: c} }

// Claims are the entries of keys that nothing led to.
func (w *Writer) Claims() []storage.Entry { return w.claims }

// Points are the entries of keys that lead elsewhere as yet.
func (w *Writer) Points() []storage.Entry { return w.points }

// Put stores the contents of revisions where nobody finds them, and decides how their
// keys will lead there. New are those whose keys are believed to be free.
func (w *Writer) Put(ctx context.Context, revisions []resource.Revision, isNew func(resource.RevisionKey) bool) error {
	last := make(map[resource.RevisionKey]int, len(revisions))
	var bad storage.RecordErrors
	for i := range revisions {
		if err := bad.Add(w.c.Check(&revisions[i].Info)); err != nil {
			return err
		}
		last[revisions[i].Info.Key()] = i
	}
	if err := bad.Err(); err != nil {
		return err
	}
	var keys []resource.RevisionKey
	var contents []storage.Content
	taken := map[string]bool{}
	for i := range revisions {
		r := &revisions[i]
		if last[r.Info.Key()] != i { // of a repeated key the last one counts
			continue
		}
		c := storage.Content{UID: r.Info.UID.String(), Info: r.Info.Append(w.c.Infos, nil), Data: notNil(r.Data)}
		if taken[c.UID] {
			c.UID = uuid.NewString()
		}
		taken[c.UID] = true
		keys, contents = append(keys, r.Info.Key()), append(contents, c)
	}
	leads, err := w.lookup(ctx, keys, isNew)
	if err != nil {
		return err
	}
	return w.store(ctx, keys, contents, leads)
}

// notNil returns b, or bytes of no length for nil.
func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// lookup returns where keys lead; those that are new are not asked for.
func (w *Writer) lookup(ctx context.Context, keys []resource.RevisionKey, isNew func(resource.RevisionKey) bool) ([]string, error) {
	leads := make([]string, len(keys))
	var asked []resource.RevisionKey
	var at []int
	for i, k := range keys {
		if !isNew(k) {
			asked, at = append(asked, k), append(at, i)
		}
	}
	if len(asked) == 0 {
		return leads, nil
	}
	found, err := w.c.Medium.Lookup(ctx, asked)
	for i, uid := range found {
		leads[at[i]] = uid
	}
	return leads, err
}

// store puts contents. A uid that is taken is that of the key itself, when it leads
// there, or of an earlier attempt; else the content gets another.
func (w *Writer) store(ctx context.Context, keys []resource.RevisionKey, contents []storage.Content, leads []string) error {
	var fresh []int
	for i := range contents {
		if had, ok := w.c.Mine[contents[i].UID]; ok && same(had, contents[i]) {
			continue
		}
		fresh = append(fresh, i)
	}
	for round := 0; len(fresh) > 0; round++ {
		if round == 3 {
			return fmt.Errorf("model %s: no uid is free", w.c.Model) // three random ones in a row
		}
		stored, err := w.put(ctx, keys, contents, fresh)
		if err != nil {
			return err
		}
		var taken []int
		for i, at := range fresh {
			switch {
			case stored[i]:
				w.c.Mine[contents[at].UID] = contents[at]
			case leads[at] == contents[at].UID:
				w.replace = append(w.replace, contents[at])
			default:
				taken = append(taken, at)
			}
		}
		if fresh, err = w.adopt(ctx, keys, contents, leads, taken); err != nil {
			return err
		}
		for _, at := range fresh {
			contents[at].UID = uuid.NewString()
		}
	}
	for i, k := range keys {
		e := storage.Entry{Key: k, UID: contents[i].UID}
		switch leads[i] {
		case "":
			w.claims = append(w.claims, e)
		case e.UID:
			w.stay = append(w.stay, e)
		default:
			w.points = append(w.points, e)
		}
	}
	return nil
}

// put stores some of the contents, and reports for each whether its uid was free.
func (w *Writer) put(ctx context.Context, keys []resource.RevisionKey, contents []storage.Content, which []int) ([]bool, error) {
	list := make([]storage.Content, len(which))
	entries := make([]storage.Entry, len(which))
	for i, at := range which {
		list[i], entries[i] = contents[at], storage.Entry{Key: keys[at], UID: contents[at].UID}
	}
	if w.c.Intend != nil {
		if err := w.c.Intend(ctx, entries); err != nil {
			return nil, err
		}
	}
	return w.c.Medium.Put(ctx, list)
}

// adopt takes over contents whose uids are taken where a key that was believed to be
// free leads to the uid, and returns the places of the others. The uid of a job's
// revision follows from the job, the key and the parent.
func (w *Writer) adopt(ctx context.Context, keys []resource.RevisionKey, contents []storage.Content, leads []string, taken []int) (others []int, err error) {
	var asked []resource.RevisionKey
	for _, at := range taken {
		asked = append(asked, keys[at])
	}
	if len(asked) == 0 || !w.c.Adopts {
		return taken, nil
	}
	owners, err := w.c.Medium.Lookup(ctx, asked)
	if err != nil {
		return nil, err
	}
	for i, at := range taken {
		if leads[at] == "" && owners[i] == contents[at].UID {
			w.adopted = append(w.adopted, contents[at])
		} else {
			others = append(others, at)
		}
	}
	return others, nil
}

func same(a, b storage.Content) bool {
	return bytes.Equal(a.Info, b.Info) && bytes.Equal(a.Data, b.Data)
}
