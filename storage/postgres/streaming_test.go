package postgres_test

import (
	"testing"

	"github.com/specstar-worker/worker/storage/postgres"
	"github.com/specstar-worker/worker/storage/storagetest"
)

func TestSearchStreams(t *testing.T) {
	dsn, err := schemaOf(t.Context(), database(t), t.Name())
	if err != nil {
		t.Fatal(err)
	}
	f, err := postgres.Open(t.Context(), postgres.Config{DSN: dsn})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	storagetest.Streams(t, f)
}
