package memory_test

import (
	"context"
	"testing"

	"github.com/specstar-worker/worker/storage"
	"github.com/specstar-worker/worker/storage/memory"
	"github.com/specstar-worker/worker/storage/storagetest"
)

func TestQueriesEqualMatch(t *testing.T) { storagetest.RunQueries(t, openEmpty) }

func TestGoldenQueries(t *testing.T) { storagetest.RunGolden(t, openEmpty) }

func openEmpty(context.Context, string) (storage.Factory, error) { return memory.New(), nil }
