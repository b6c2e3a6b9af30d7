package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// errTaken says that the number of a new revision has an owner already.
var errTaken = errors.New("the number of a new revision is taken")

// outerWriter writes the revisions of one model to the medium for one unit of work.
type outerWriter struct {
	m     storage.ModelMedium
	names tables
	enc   resource.Encoding
	// mine are the contents that earlier attempts of the same unit have put.
	mine map[string]storage.Content

	claims  []storage.Entry   // of keys that nothing led to
	points  []storage.Entry   // of keys that lead elsewhere
	stay    []storage.Entry   // of keys that lead there already
	replace []storage.Content // contents whose own keys lead to them
	claimed []storage.Entry   // those that were made, to be taken back on an error
	// adopts lets a unit of work that is done again, because who did it died before
	// the commit, take its own contents over: adopted are those with a key that leads
	// there. Claiming that key anew burns no number. What is staged is never shared,
	// for it may be removed again.
	adopts  bool
	adopted []storage.Content
}

func (f *Factory) newOuterWriter(names tables, mine map[string]storage.Content) *outerWriter {
	return &outerWriter{m: f.medium.Model(names.model), names: names, enc: f.infoEncoding(), mine: mine}
}

// put stores the contents of revisions where nobody finds them, and decides how their
// keys will lead there. New are those whose keys are believed to be free.
func (w *outerWriter) put(ctx context.Context, revisions []resource.Revision, isNew func(resource.RevisionKey) bool) error {
	last := make(map[resource.RevisionKey]int, len(revisions))
	for i := range revisions {
		if err := checkRevision(w.names, &revisions[i].Info); err != nil {
			return err
		}
		last[revisions[i].Info.Key()] = i
	}
	var keys []resource.RevisionKey
	var contents []storage.Content
	taken := map[string]bool{}
	for i := range revisions {
		r := &revisions[i]
		if last[r.Info.Key()] != i { // of a repeated key the last one counts
			continue
		}
		c := storage.Content{UID: r.Info.UID.String(), Info: r.Info.Append(w.enc, nil), Data: notNil(r.Data)}
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

// lookup returns where keys lead; those that are new are not asked for.
func (w *outerWriter) lookup(ctx context.Context, keys []resource.RevisionKey, isNew func(resource.RevisionKey) bool) ([]string, error) {
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
	found, err := w.m.Lookup(ctx, asked)
	for i, uid := range found {
		leads[at[i]] = uid
	}
	return leads, err
}

// store puts contents. A uid that is taken is that of the key itself, when it leads
// there, or of an earlier attempt; else the content gets another.
func (w *outerWriter) store(ctx context.Context, keys []resource.RevisionKey, contents []storage.Content, leads []string) error {
	var fresh []int
	for i := range contents {
		if had, ok := w.mine[contents[i].UID]; ok && same(had, contents[i]) {
			continue
		}
		fresh = append(fresh, i)
	}
	for round := 0; len(fresh) > 0; round++ {
		if round == 3 {
			return fmt.Errorf("model %s: no uid is free", w.names.model) // three random ones in a row
		}
		list := make([]storage.Content, len(fresh))
		for i, at := range fresh {
			list[i] = contents[at]
		}
		stored, err := w.m.Put(ctx, list)
		if err != nil {
			return err
		}
		var taken []int
		for i, at := range fresh {
			switch {
			case stored[i]:
				w.mine[contents[at].UID] = contents[at]
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

// adopt takes over contents whose uids are taken where a key that was believed to be
// free leads to the uid, and returns the places of the others. The uid of a job's
// revision follows from the job, the key and the parent.
func (w *outerWriter) adopt(ctx context.Context, keys []resource.RevisionKey, contents []storage.Content, leads []string, taken []int) (others []int, err error) {
	var asked []resource.RevisionKey
	for _, at := range taken {
		asked = append(asked, keys[at])
	}
	if len(asked) == 0 || !w.adopts {
		return taken, nil
	}
	owners, err := w.m.Lookup(ctx, asked)
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

// enter makes the keys lead to the contents. A key that somebody else claimed gives
// errTaken: its number is burned.
//
// What is adopted is written again now that the metas are locked: since it was looked
// at, who died may have been cleaned up after.
func (w *outerWriter) enter(ctx context.Context) error {
	if len(w.adopted) > 0 {
		if err := w.m.Replace(ctx, w.adopted); err != nil {
			return err
		}
	}
	owners, err := w.m.Claim(ctx, w.claims)
	taken := false
	for i, owner := range owners {
		if owner == w.claims[i].UID {
			w.claimed = append(w.claimed, w.claims[i])
		} else {
			taken = true
		}
	}
	switch {
	case err != nil:
		return err
	case taken:
		return errTaken
	}
	if len(w.replace) > 0 {
		if err := w.m.Replace(ctx, w.replace); err != nil {
			return err
		}
	}
	if len(w.points) == 0 {
		return nil
	}
	return w.m.Point(ctx, w.points)
}

// takeBack removes the entries of a unit that failed, but those that somebody has made
// to lead elsewhere since. What cannot be removed is a revision that no meta counts;
// its number stays burned.
func (w *outerWriter) takeBack(ctx context.Context) error {
	if len(w.claimed) == 0 {
		return nil
	}
	keys := make([]resource.RevisionKey, len(w.claimed))
	for i, e := range w.claimed {
		keys[i] = e.Key
	}
	ctx = context.WithoutCancel(ctx)
	leads, err := w.m.Lookup(ctx, keys)
	if err != nil {
		return err
	}
	ours := keys[:0]
	for i, uid := range leads {
		if uid == w.claimed[i].UID {
			ours = append(ours, keys[i])
		}
	}
	if len(ours) == 0 {
		return nil
	}
	return w.m.RemoveEntries(ctx, ours)
}

// outerStore writes revisions to the medium outside of a unit of work.
type outerStore struct{ revisionReader }

var _ storage.RevisionStore = outerStore{}

// SaveMany stores contents, then makes keys lead to them.
func (s outerStore) SaveMany(ctx context.Context, revisions []resource.Revision) error {
	if s.f.readOnly {
		return fmt.Errorf("save revisions of model %s in %s: %w", s.t.model, s.f.place, errReadOnly)
	}
	w := s.f.newOuterWriter(s.t, map[string]storage.Content{})
	err := w.put(ctx, revisions, func(resource.RevisionKey) bool { return false })
	if err == nil {
		err = w.enter(ctx)
	}
	if errors.Is(err, errTaken) { // somebody else made the entry meanwhile
		return w.m.Point(ctx, w.claims)
	}
	return err
}

// Purge removes every revision of the resources.
func (s outerStore) Purge(ctx context.Context, ids []resource.ID) error {
	if s.f.readOnly {
		return fmt.Errorf("purge revisions of model %s in %s: %w", s.t.model, s.f.place, errReadOnly)
	}
	return s.f.purgeOuter(ctx, s.t, ids)
}

// purgeOuter removes the entries and contents of resources.
func (f *Factory) purgeOuter(ctx context.Context, t tables, ids []resource.ID) error {
	p, err := f.findPurged(ctx, t, ids, nil)
	if err != nil {
		return err
	}
	return p.remove(ctx)
}

// purgedModel are entries and contents of resources that go.
type purgedModel struct {
	m       storage.ModelMedium
	entries []storage.Entry
	uids    []string
}

// findPurged lists what there is of resources. Keys of written are made to lead
// elsewhere: only what they led to goes.
func (f *Factory) findPurged(ctx context.Context, t tables, ids []resource.ID, written map[resource.RevisionKey]string) (purgedModel, error) {
	p := purgedModel{m: f.medium.Model(t.model)}
	kept := map[string]bool{}
	for _, uid := range written {
		kept[uid] = true
	}
	for e, err := range p.m.Entries(ctx, slices.Values(ids)) {
		if err != nil {
			return p, err
		}
		if _, ok := written[e.Key]; !ok {
			p.entries = append(p.entries, e)
		}
		if !kept[e.UID] {
			p.uids = append(p.uids, e.UID)
		}
	}
	slices.Sort(p.uids)
	p.uids = slices.Compact(p.uids)
	return p, nil
}

// remove removes what was found, entries first so that none leads nowhere. An entry
// that leads elsewhere by now belongs to who made the resource anew.
func (p purgedModel) remove(ctx context.Context) error {
	if len(p.uids) == 0 {
		return nil
	}
	keys := make([]resource.RevisionKey, len(p.entries))
	for i, e := range p.entries {
		keys[i] = e.Key
	}
	leads, err := p.m.Lookup(ctx, keys)
	if err != nil {
		return err
	}
	var same []resource.RevisionKey
	for i, uid := range leads {
		if uid == p.entries[i].UID {
			same = append(same, keys[i])
		}
	}
	if err := p.m.RemoveEntries(ctx, same); err != nil {
		return err
	}
	return p.m.RemoveContents(ctx, p.uids)
}
