package s3

import (
	"context"
	"fmt"
	"strings"

	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// Layout is what stands between a model's name and the revisions in keys. The
// original's factories differ in it.
type Layout string

const (
	// LayoutPostgresS3 is that of PostgreSQLS3StorageFactory: MODEL/data/resources/…
	LayoutPostgresS3 Layout = "/data/"
	// LayoutS3 is that of S3StorageFactory: MODEL/resources/…
	LayoutS3 Layout = "/"
)

// Revisions are the revisions of all models in a bucket.
type Revisions struct {
	s      *Store
	layout Layout
}

var (
	_ storage.RevisionMedium = (*Revisions)(nil)
	_ storage.ModelMedium    = (*modelRevisions)(nil)
)

// Revisions returns the revisions in a layout.
func (s *Store) Revisions(layout Layout) *Revisions { return &Revisions{s, layout} }

// Exclusive reports whether the service has conditional writes.
func (r *Revisions) Exclusive() bool { return r.s.Exclusive() }

// Close does nothing: the store is closed by whoever opened it.
func (r *Revisions) Close() error { return nil }

// Model returns the part of one model. A name that cannot be in a key is an error
// of everything that is done with it.
func (r *Revisions) Model(name string) storage.ModelMedium {
	m := &modelRevisions{s: r.s, err: checkSegment("model name", name)}
	if m.err == nil && (name+"/" == blobsDir || name+"/" == probeDir) {
		m.err = unusable("model name", name, "is where blobs or probes are")
	}
	m.store = r.s.cfg.Prefix + name + string(r.layout) + "resources/store/"
	m.index = r.s.cfg.Prefix + name + string(r.layout) + "resources/resource/"
	return m
}

// Models returns the models that have anything in the bucket, by name.
func (r *Revisions) Models(ctx context.Context) ([]string, error) {
	var names []string
	for dir, err := range r.s.listDirs(ctx, r.s.cfg.Prefix) {
		if err != nil {
			return nil, err
		}
		if m := r.Model(dir.key).(*modelRevisions); m.err != nil {
			continue
		}
		used, err := r.s.any(ctx, r.s.cfg.Prefix+dir.key+string(r.layout)+"resources/")
		if err != nil {
			return nil, err
		}
		if used {
			names = append(names, dir.key)
		}
	}
	return names, nil
}

// any reports whether any key begins with prefix.
func (s *Store) any(ctx context.Context, prefix string) (bool, error) {
	for _, err := range s.list(ctx, prefix) {
		return err == nil, err
	}
	return false, nil
}

// modelRevisions is the part of one model.
type modelRevisions struct {
	s *Store
	// store and index are the beginnings of the keys of contents and of entries.
	store, index string
	// err is why there can be no such model.
	err error
}

const (
	dataName = "/data"
	infoName = "/info"
	uidName  = "/uid"

	noVersion     = "no_ver"
	versionPrefix = "v_"
)

// contentKey is where a content is, followed by dataName or infoName.
func (m *modelRevisions) contentKey(uid string) (string, error) {
	if m.err != nil {
		return "", m.err
	}
	return m.store + uid, checkSegment("uid", uid)
}

// resourceKey is the beginning of the keys of a resource's entries.
func (m *modelRevisions) resourceKey(id resource.ID) (string, error) {
	if m.err != nil {
		return "", m.err
	}
	return m.index + string(id) + "/", checkSegment("resource id", string(id))
}

// entryKey is where the uid is that a key leads to.
func (m *modelRevisions) entryKey(k resource.RevisionKey) (string, error) {
	dir, err := m.resourceKey(k.Resource)
	if err != nil {
		return "", err
	}
	if err := checkSegment("revision id", string(k.Revision)); err != nil {
		return "", err
	}
	version := noVersion
	if v, set := k.SchemaVersion.Get(); set {
		version = versionPrefix + v
		if err := checkSegment("schema version", version); err != nil {
			return "", fmt.Errorf("schema version %q: %w", v, err)
		}
	}
	key := dir + string(k.Revision) + "/" + version + uidName
	if len(key) > maxKey {
		return "", fmt.Errorf("revision %q of resource %q: its key of %d bytes is longer than %d: %w",
			k.Revision, k.Resource, len(key), maxKey, storage.ErrUnusableName)
	}
	return key, nil
}

// parseEntry is the inverse of entryKey, of what follows the resource; false for
// what is no entry.
func parseEntry(id resource.ID, rest string) (resource.RevisionKey, bool) {
	rest, isUID := strings.CutSuffix(rest, uidName)
	revision, version, ok := strings.Cut(rest, "/")
	if !isUID || !ok || revision == "" || strings.ContainsRune(version, '/') {
		return resource.RevisionKey{}, false
	}
	key := resource.RevisionKey{Resource: id, Revision: resource.RevisionID(revision)}
	if version == noVersion {
		return key, true
	}
	v, ok := strings.CutPrefix(version, versionPrefix)
	key.SchemaVersion = opt.Of(v)
	return key, ok
}

// writable refuses writes to a store that is for reading.
func (m *modelRevisions) writable() error {
	if m.err == nil && m.s.cfg.ReadOnly {
		return errReadOnly
	}
	return m.err
}
