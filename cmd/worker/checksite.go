package main

import (
	"cmp"
	"context"
	"errors"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage/postgres"
	"github.com/specstar-worker/worker/storage/preset"
)

// checkSite is where check makes its stores, each at a place below dir.
type checkSite struct {
	// dir is a directory where anything of the store is on disk, else a name.
	dir string
	// where tells people.
	where  string
	remove func(context.Context) error
}

// removeTimeout is how long check may take to remove what it made after it was
// interrupted.
const removeTimeout = time.Minute

// newCheckSite makes an empty site on the media of a store, which itself is left alone.
func newCheckSite(ctx context.Context, place preset.Place) (checkSite, error) {
	site := checkSite{where: "in memory", remove: func(context.Context) error { return nil }}
	if place.Kind == preset.InMemory {
		return site, nil
	}
	site.dir = "specstar-check-" + strings.ReplaceAll(uuid.NewString(), "-", "")[:12]
	if onDisk := cmp.Or(place.Dir, place.Revisions); onDisk != "" {
		dir, remove, err := checkPlace(onDisk)
		if err != nil {
			return site, err
		}
		site.dir, site.where = dir, "in "+dir
		site.remove = func(context.Context) error { return remove() }
	}
	if place.Kind == preset.InPostgres {
		return site.withSchema(ctx, place)
	}
	return site, nil
}

// withSchema makes the schema of the site in PostgreSQL.
func (s checkSite) withSchema(ctx context.Context, place preset.Place) (checkSite, error) {
	c := postgres.Config{DSN: place.DSN, Schema: checkSchema(s.dir)}
	if err := postgres.MakeSchema(ctx, c); err != nil {
		return s, errors.Join(err, s.remove(ctx))
	}
	removeRest := s.remove
	s.remove = func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, removeTimeout)
		defer cancel()
		return errors.Join(postgres.DropSchema(ctx, c), removeObjects(ctx, place, s.dir), removeRest(ctx))
	}
	s.where = "in the schema " + c.Schema
	if place.Revisions != "" {
		s.where += " and in " + s.dir
	}
	return s, nil
}

// checkSchema returns the schema that goes with a site.
func checkSchema(dir string) string {
	return strings.ReplaceAll(strings.TrimPrefix(filepath.Base(dir), "."), "-", "_")
}

// checkedPlace returns where and how the store at a place below a site is opened
// that is like the one at p.
func checkedPlace(p preset.Place, o preset.Options, place string) (preset.Place, preset.Options) {
	dir, name := filepath.Split(place)
	switch p.Kind {
	case preset.InSQLite, preset.InSQLiteFiles, preset.InFiles:
		p.Dir = place
	case preset.InPostgres:
		o.Schema = checkSchema(dir)
		o.TablePrefix += name + "_"
		o.NoMigrate = false // the schema is empty
		if p.Revisions != "" {
			p.Revisions = place
		}
		if p.Objects != "" {
			p.Objects = preset.Below(p.Objects, checkSchema(dir)+"/"+name)
		}
	}
	return p, o
}

// removeObjects removes what the checks of a site left in the bucket.
func removeObjects(ctx context.Context, place preset.Place, dir string) error {
	if place.Objects == "" {
		return nil
	}
	return preset.RemoveObjects(ctx, preset.Below(place.Objects, checkSchema(dir)))
}
