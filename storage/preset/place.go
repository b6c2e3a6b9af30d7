package preset

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/postgres"
)

// Kind is what keeps the metas and jobs of a store.
type Kind string

// The kinds of stores.
const (
	InMemory      Kind = "memory"
	InSQLite      Kind = "sqlite"
	InSQLiteFiles Kind = "sqlite+disk" // a SQLite file with the metas of each model, revisions as files
	InFiles       Kind = "disk"        // metas and revisions as files
	InPostgres    Kind = "postgres"
)

// Place says where a store is.
type Place struct {
	Kind Kind
	// Dir is the directory of a store on this machine; empty for others.
	Dir string
	// DSN connects to PostgreSQL. It may hold a password.
	DSN string
	// Objects is the s3: URL of blobs and, without Revisions, of revisions; empty for
	// none. It holds no secret.
	Objects string
	// Revisions is the directory of revisions that are on disk; empty for none.
	Revisions string
}

// forms are what --store may be.
const forms = "use sqlite:DIR, sqlite+disk:DIR, disk:DIR, postgres://HOST/DATABASE or memory:"

// Parse understands the places of a store: store is one of
//
//	sqlite:DIR   sqlite+disk:DIR   disk:DIR   postgres://…   postgresql://…   memory:
//
// objects is empty or s3://BUCKET[/PREFIX][?endpoint=URL&region=R&path_style=true],
// and revisions is empty or disk:DIR; both go with PostgreSQL only. Nothing is
// opened. The error says what to write instead and shows no password.
func Parse(store, objects, revisions string) (Place, error) {
	p, err := parseStore(store)
	if err != nil {
		return Place{}, err
	}
	if p.Kind != InPostgres {
		if name, rest := firstOf("--objects", objects, "--revisions", revisions); name != "" {
			return Place{}, fmt.Errorf("%s %s: a %s store keeps all it has in one place; leave %[1]s out, or use --store postgres://HOST/DATABASE",
				name, schemeOf(rest), p.Kind)
		}
		return p, nil
	}
	if p.Objects, err = parseObjects(objects); err != nil {
		return Place{}, err
	}
	if p.Revisions, err = parseRevisions(revisions); err != nil {
		return Place{}, err
	}
	return p, nil
}

// firstOf returns the first setting that is given.
func firstOf(settings ...string) (name, value string) {
	for i := 0; i < len(settings); i += 2 {
		if settings[i+1] != "" {
			return settings[i], settings[i+1]
		}
	}
	return "", ""
}

// schemeOf returns what of a URL may be shown whatever is wrong with it.
func schemeOf(url string) string {
	scheme, _, found := strings.Cut(url, ":")
	if !found || strings.ContainsAny(scheme, " =@/") {
		return "…"
	}
	return scheme + ":…"
}

func parseStore(url string) (Place, error) {
	scheme, rest, found := strings.Cut(url, ":")
	switch {
	case !found:
	case scheme == "memory" && rest == "":
		return Place{Kind: InMemory}, nil
	case scheme == string(InSQLite) || scheme == string(InSQLiteFiles) || scheme == string(InFiles):
		if rest == "" {
			return Place{}, fmt.Errorf("--store %s: names no directory; use %[1]s:DIR", scheme)
		}
		return Place{Kind: Kind(scheme), Dir: filepath.Clean(rest)}, nil
	case (scheme == "postgres" || scheme == "postgresql") && strings.HasPrefix(rest, "//"):
		if err := (postgres.Config{DSN: url}).Check(); err != nil {
			return Place{}, fmt.Errorf("--store %s: %w", schemeOf(url), err)
		}
		return Place{Kind: InPostgres, DSN: url}, nil
	case scheme == "s3":
		return Place{}, errors.New("--store s3:…: metas need a database; use --store postgres://HOST/DATABASE with --objects " + schemeOf(url))
	}
	if said := Explain(url); said != "" {
		return Place{}, fmt.Errorf("--store: %s", said)
	}
	return Place{}, fmt.Errorf("--store %s: this kind of store is not supported by this version; %s", schemeOf(url), forms)
}

func parseObjects(url string) (string, error) {
	if url == "" {
		return "", nil
	}
	if said := Explain(url); said != "" {
		return "", fmt.Errorf("--objects: %s", said)
	}
	if err := checkObjects(url); err != nil {
		return "", fmt.Errorf("--objects %s: %w; use s3://BUCKET[/PREFIX][?endpoint=URL&region=R&path_style=true]", schemeOf(url), err)
	}
	return url, nil
}

func parseRevisions(url string) (string, error) {
	if url == "" {
		return "", nil
	}
	if said := Explain(url); said != "" {
		return "", fmt.Errorf("--revisions: %s", said)
	}
	scheme, dir, _ := strings.Cut(url, ":")
	switch {
	case scheme == "disk" && dir != "":
		return filepath.Clean(dir), nil
	case scheme == "disk":
		return "", errors.New("--revisions disk: names no directory; use disk:DIR")
	case scheme == "s3":
		return "", errors.New("--revisions s3:…: revisions are in S3 when --objects s3://BUCKET is given alone; leave --revisions out")
	}
	return "", fmt.Errorf("--revisions %s: use disk:DIR, or leave it out", schemeOf(url))
}

// Open opens the store at the place.
func (p Place) Open(ctx context.Context, o Options) (storage.Factory, error) {
	switch {
	case p.Kind == InMemory:
		return Memory(), nil
	case p.Kind == InSQLite:
		return SQLite(ctx, p.Dir, o)
	case p.Kind == InSQLiteFiles:
		return SQLiteDisk(ctx, p.Dir, o)
	case p.Kind == InFiles:
		return Disk(ctx, p.Dir, o)
	case p.Revisions != "" && p.Objects != "":
		return PostgresDiskS3(ctx, p.DSN, p.Revisions, p.Objects, o)
	case p.Revisions != "":
		return PostgresDisk(ctx, p.DSN, p.Revisions, o)
	case p.Objects != "":
		return PostgresS3(ctx, p.DSN, p.Objects, o)
	}
	return Postgres(ctx, p.DSN, o)
}
