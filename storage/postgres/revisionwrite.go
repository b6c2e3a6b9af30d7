package postgres

import (
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/specstar-worker/worker/resource"
)

// numbers tells what is known of the numbers of revisions. The zero value knows
// nothing.
type numbers struct {
	// count returns the highest number that the meta of a resource counts, as it was
	// locked; 0 for a resource without one.
	count func(resource.ID) int
	// gave reports whether a number was given as one that is free.
	gave func(resource.RevisionKey) bool
}

// counted reports whether the meta counts the number of a revision.
func (n numbers) counted(k resource.RevisionKey) bool {
	most := 0
	if n.count != nil {
		most = n.count(k.Resource)
	}
	return numberBehind(k.Resource, k.Revision) <= most
}

// free reports whether a revision must not be there.
func (n numbers) free(k resource.RevisionKey) bool { return n.gave != nil && n.gave(k) }

// allNew reports whether nothing is known of the numbers of revisions, so that they
// are taken for new and copied. Should one be there all the same the transaction is
// done again, and then each key and uid is looked up.
func (n numbers) allNew(revisions []placed) bool {
	for _, r := range revisions {
		if n.counted(r.key()) {
			return false // keys or uids of some may be those of others
		}
	}
	return !repeats(revisions)
}

// saveRevisions stores revisions, sorted by resource, under their keys.
func (t *tx) saveRevisions(names tables, n numbers, revisions []placed) error {
	if len(revisions) == 0 {
		return nil
	}
	if t.attempt > 0 || !n.allNew(revisions) {
		return t.place(names, n, revisions)
	}
	if err := t.copyData(names, revisions); err != nil {
		return err
	}
	return t.copyIndex(names, entriesOf(revisions))
}

// repeats reports whether a key comes twice. A uid that does is found out by the index.
func repeats(revisions []placed) bool {
	for i, r := range revisions {
		for j := i - 1; j >= 0 && revisions[j].Info.ResourceID == r.Info.ResourceID; j-- {
			if revisions[j].Info.RevisionID == r.Info.RevisionID && revisions[j].key() == r.key() {
				return true
			}
		}
	}
	return false
}

// place stores revisions whose keys or uids may be there. A content is replaced
// where its own key leads to it; a uid that serves another key is left to it, and
// the content gets another uid to be stored under. A number that somebody has taken
// since it was given gives errTaken: writers that are none of ours do not lock metas.
func (t *tx) place(names tables, n numbers, revisions []placed) error {
	last := make(map[resource.RevisionKey]int, len(revisions))
	for i, r := range revisions {
		last[r.key()] = i
	}
	p := placement{t: t, names: names}
	for i, r := range revisions { // of a repeated key the last one counts
		if last[r.key()] == i {
			p.revisions = append(p.revisions, r)
		}
	}
	if err := p.look(); err != nil {
		return err
	}
	for _, r := range p.revisions {
		if _, there := p.leads[r.key()]; there && n.free(r.key()) {
			return errTaken
		}
	}
	p.decide()
	return p.write()
}

// placement finds out where revisions go.
type placement struct {
	t         *tx
	names     tables
	revisions []placed

	leads map[resource.RevisionKey]string // where the keys lead now
	users map[string]int                  // how many keys of these resources lead to a uid
	infos map[string]uuid.UUID            // the uid in the info of what is stored under a uid
	empty map[string]bool                 // uids whose content was removed

	insert, replace []placed
	enter, repoint  []indexEntry
}

// look reads the entries of the revisions' resources and what is stored under the
// uids that matter.
func (p *placement) look() error {
	ids := make([]resource.ID, len(p.revisions))
	uids := make([]string, 0, 2*len(p.revisions))
	for i, r := range p.revisions {
		ids[i] = r.Info.ResourceID
		uids = append(uids, r.uid.String())
	}
	slices.Sort(ids)
	p.leads, p.users, p.infos, p.empty = map[resource.RevisionKey]string{}, map[string]int{}, map[string]uuid.UUID{}, map[string]bool{}
	entries, err := innerSource{p.t.f, p.t}.entries(p.t.ctx, p.names, slices.Compact(ids))
	if err != nil {
		return err
	}
	for _, e := range entries {
		p.leads[e.key] = e.uid
		p.users[e.uid]++
	}
	for _, r := range p.revisions {
		if uid, ok := p.leads[r.key()]; ok {
			uids = append(uids, uid)
		}
	}
	slices.Sort(uids)
	return p.t.each(`SELECT uid, info FROM `+p.names.data+` WHERE uid = ANY($1) ORDER BY uid COLLATE "C" FOR UPDATE`, []any{slices.Compact(uids)}, func(rows pgx.Rows) error {
		var uid string
		var info []byte
		if err := rows.Scan(&uid, &info); err != nil {
			return err
		}
		if len(info) == 0 {
			p.empty[uid] = true
			return nil
		}
		p.infos[uid] = uuid.Nil // a damaged info is nobody's
		if i, err := decodeInfo(info); err == nil {
			p.infos[uid] = i.UID
		}
		return nil
	})
}

func (p *placement) decide() {
	taken := map[uuid.UUID]bool{}
	for _, r := range p.revisions {
		at, there := p.leads[r.key()]
		if same, stored := p.infos[at]; there && stored && p.users[at] == 1 && (at == r.Info.UID.String() || same == r.Info.UID) {
			if id, err := uuid.Parse(at); err == nil && !taken[id] {
				r.uid = id
				taken[id] = true
				p.replace = append(p.replace, r)
				continue
			}
		}
		if _, stored := p.infos[r.uid.String()]; stored || taken[r.uid] {
			r.uid = uuid.New()
		}
		taken[r.uid] = true
		if p.empty[r.uid.String()] {
			p.replace = append(p.replace, r)
		} else {
			p.insert = append(p.insert, r)
		}
		e := indexEntry{key: r.key(), uid: r.uid.String()}
		if there {
			p.repoint = append(p.repoint, e)
		} else {
			p.enter = append(p.enter, e)
		}
	}
}

func (p *placement) write() error {
	if err := p.t.copyData(p.names, p.insert); err != nil {
		return err
	}
	if err := p.t.replaceData(p.names, p.replace); err != nil {
		return err
	}
	if err := p.t.copyIndex(p.names, p.enter); err != nil {
		return err
	}
	return p.t.repoint(p.names, p.repoint)
}

// replaceData writes other contents under uids that are there.
func (t *tx) replaceData(names tables, revisions []placed) error {
	if len(revisions) == 0 {
		return nil
	}
	uids, data, infos := make([]string, len(revisions)), make([][]byte, len(revisions)), make([][]byte, len(revisions))
	for i, r := range revisions {
		uids[i], data[i], infos[i] = r.uid.String(), notNil(r.Data), r.Info.Append(t.f.infoEncoding(), nil)
	}
	_, err := t.exec(`UPDATE `+names.data+` AS d SET data = n.data, info = n.info
		FROM unnest($1::text[], $2::bytea[], $3::bytea[]) AS n (uid, data, info) WHERE d.uid = n.uid`, uids, data, infos)
	return err
}

// repoint makes keys that are there lead to other uids. What they led to stays
// until garbage is collected, as with the original.
func (t *tx) repoint(names tables, entries []indexEntry) error {
	if len(entries) == 0 {
		return nil
	}
	ids, revisions := make([]string, len(entries)), make([]string, len(entries))
	versions, uids := make([]string, len(entries)), make([]string, len(entries))
	for i, e := range entries {
		ids[i], revisions[i] = string(e.key.Resource), string(e.key.Revision)
		versions[i], uids[i] = versionText(e.key.SchemaVersion), e.uid
	}
	_, err := t.exec(`UPDATE `+names.index+` AS i SET uid = n.uid FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS n (id, revision, version, uid)
		WHERE i.resource_id = n.id AND i.revision_id = n.revision AND i.schema_version = n.version`, ids, revisions, versions, uids)
	return err
}

// notNil returns b, which would be NULL when nil.
func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// purgeRevisions removes the index entries of resources and empties their payloads, but
// for those that other resources lead to.
func (t *tx) purgeRevisions(names tables, ids []resource.ID) error {
	var uids []string
	err := t.each(`DELETE FROM `+names.index+` WHERE resource_id = ANY($1) RETURNING uid`, []any{texts(ids)}, func(rows pgx.Rows) error {
		uid, err := scanText[string](rows)
		uids = append(uids, uid)
		return err
	})
	if err != nil || len(uids) == 0 {
		return err
	}
	_, err = t.exec(names.hollow()+` AND uid NOT IN (SELECT uid FROM `+names.index+` WHERE uid = ANY($1))`, uids)
	return err
}

// hollow empties payloads. Removing their rows would make the foreign key read the
// whole index for each, since nothing finds the entries of a payload: the garbage
// collection does that for many at once. A row without an info is nothing to readers.
func (t tables) hollow() string {
	return `UPDATE ` + t.data + ` SET data = '', info = '' WHERE uid = ANY($1)`
}

// purge removes resources with all their revisions.
func (t *tx) purge(names tables, ids []resource.ID) error {
	if err := t.purgeRevisions(names, ids); err != nil {
		return err
	}
	return t.deleteMetas(names, ids)
}
