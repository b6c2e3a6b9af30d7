package preset_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/preset"
)

const (
	database = "postgres://u:secret@h/db"
	objects  = "s3://bucket/prefix?endpoint=http://127.0.0.1:9000&path_style=true"
)

func TestParse(t *testing.T) {
	for _, tc := range []struct {
		store, objects, revisions string
		want                      preset.Place
	}{
		{"memory:", "", "", preset.Place{Kind: preset.InMemory}},
		{"sqlite:./data/", "", "", preset.Place{Kind: preset.InSQLite, Dir: "data"}},
		{"sqlite+disk:./data/", "", "", preset.Place{Kind: preset.InSQLiteFiles, Dir: "data"}},
		{"disk:./data/", "", "", preset.Place{Kind: preset.InFiles, Dir: "data"}},
		{database, "", "", preset.Place{Kind: preset.InPostgres, DSN: database}},
		{"postgresql://", "", "", preset.Place{Kind: preset.InPostgres, DSN: "postgresql://"}},
		{
			"postgres:///db?host=/run/pg&layout=sqlalchemy", "", "",
			preset.Place{Kind: preset.InPostgres, DSN: "postgres:///db?host=/run/pg&layout=sqlalchemy"},
		},
		{database, objects, "", preset.Place{Kind: preset.InPostgres, DSN: database, Objects: objects}},
		{database, "", "disk:/var/x/", preset.Place{Kind: preset.InPostgres, DSN: database, Revisions: "/var/x"}},
		{database, objects, "disk:r", preset.Place{Kind: preset.InPostgres, DSN: database, Objects: objects, Revisions: "r"}},
	} {
		got, err := preset.Parse(tc.store, tc.objects, tc.revisions)
		if err != nil || got != tc.want {
			t.Errorf("Parse(%q, %q, %q) = %+v, %v; want %+v", tc.store, tc.objects, tc.revisions, got, err, tc.want)
		}
	}
}

func TestParseRefusesWithTheWayOut(t *testing.T) {
	for _, tc := range []struct{ store, objects, revisions, want string }{
		{"", "", "", "use sqlite:DIR, sqlite+disk:DIR, disk:DIR, postgres://HOST/DATABASE or memory:"},
		{"sqlite:", "", "", "use sqlite:DIR"},
		{"sqlite+disk:", "", "", "use sqlite+disk:DIR"},
		{"disk:", "", "", "use disk:DIR"},
		{"disk:x", objects, "", "a disk store keeps all it has in one place"},
		{"DiskStorageFactory", "", "", "DiskStorageFactory is --store disk:DIR"},
		{"sqlite+disk:x", objects, "", "a sqlite+disk store keeps all it has in one place"},
		{"memory:x", "", "", "--store memory:…: this kind of store"},
		{"mysql://u:secret@h/db", "", "", "--store mysql:…: this kind of store"},
		{"host=h password=secret:x", "", "", "--store …: this kind of store"},
		{"u:secret@h", "", "", "--store u:…: this kind of store"},
		{"postgres:u:secret@h/db", "", "", "postgres://HOST/DATABASE"},
		{"postgres://u:secret@h:port/db", "", "", "port"},
		{"postgres://u:sec/ret@h/db", "", "", "percent-encode"},
		{database + "?layout=mine", "", "", "native or sqlalchemy"},
		{"s3://bucket", "", "", "with --objects s3:…"},
		{"sqlite:x", objects, "", "--objects s3:…: a sqlite store keeps all it has in one place; leave --objects out"},
		{"memory:", "", "disk:x", "--revisions disk:…: a memory store"},
		{database, "bucket", "", "use s3://BUCKET[/PREFIX]"},
		{database, "https://k:secret@h/bucket", "", "use s3://BUCKET[/PREFIX]"},
		{database, "", "disk:", "use disk:DIR"},
		{database, "", "/var/x", "use disk:DIR"},
		{database, "", "s3://bucket", "leave --revisions out"},
		{"PostgreSQLStorageFactory", "", "", "use PostgreSQLS3StorageFactory, which is --store postgres://HOST/DATABASE --objects s3://BUCKET, or PostgresStorageFactory"},
		{"PostgreSQLDiskS3StorageFactory(\"postgres://u:secret@h\")", "", "", "use PostgresDiskS3StorageFactory"},
		{"specstar.resource_manager.storage_factory:PostgresStorageFactory", "", "", "PostgresStorageFactory is --store postgres://HOST/DATABASE"},
		{database, "PostgreSQLDiskS3StorageFactory", "", "--objects: PostgreSQLDiskS3StorageFactory was removed"},
		{database, "", "PostgreSQLDiskS3StorageFactory", "--revisions: PostgreSQLDiskS3StorageFactory was removed"},
	} {
		_, err := preset.Parse(tc.store, tc.objects, tc.revisions)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("Parse(%q, %q, %q) = %v; want it to say %q", tc.store, tc.objects, tc.revisions, err, tc.want)
		}
		if err != nil && (strings.Contains(err.Error(), "sec") || strings.Contains(err.Error(), "ret@")) {
			t.Errorf("Parse(%q, %q, %q) shows a password: %v", tc.store, tc.objects, tc.revisions, err)
		}
	}
}

func TestExplainKnowsTheNamesOfTheUpgradePage(t *testing.T) {
	for name, want := range map[string]string{
		"PostgreSQLStorageFactory":          "was removed in 0.9; use PostgreSQLS3StorageFactory",
		"PostgreSQLDiskS3StorageFactory":    "was removed in 0.9; use PostgresDiskS3StorageFactory",
		"x.PostgreSQLS3StorageFactory(...)": "PostgreSQLS3StorageFactory is --store",
	} {
		if got := preset.Explain(name); !strings.Contains(got, want) {
			t.Errorf("Explain(%q) = %q; want %q", name, got, want)
		}
	}
	for _, name := range []string{"", "sqlite:./data", "PostgreSQL", "MyStorageFactory", "StorageFactory"} {
		if got := preset.Explain(name); got != "" {
			t.Errorf("Explain(%q) = %q; want nothing", name, got)
		}
	}
}

func TestMemoryAndSQLiteOpen(t *testing.T) {
	for _, store := range []string{"memory:", "sqlite:" + t.TempDir(), "sqlite+disk:" + t.TempDir(), "disk:" + t.TempDir()} {
		p, err := preset.Parse(store, "", "")
		if err != nil {
			t.Fatal(err)
		}
		f, err := p.Open(t.Context(), preset.Options{})
		if err != nil {
			t.Fatalf("open %s: %v", store, err)
		}
		if _, err := storage.BuildBlobStore(t.Context(), f); err != nil {
			t.Errorf("blobs of %s: %v", store, err)
		}
		if err := f.Close(); err != nil {
			t.Errorf("close %s: %v", store, err)
		}
	}
}

func TestAnAbsentStoreIsNotFoundForReading(t *testing.T) {
	for _, kind := range []string{"sqlite:", "sqlite+disk:", "disk:"} {
		p, err := preset.Parse(kind+t.TempDir(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		if f, err := p.Open(t.Context(), preset.Options{ReadOnly: true}); !errors.Is(err, storage.ErrNotFound) || f != nil {
			t.Fatalf("Open of %s = %v, %v; want ErrNotFound", kind, f, err)
		}
	}
}
