package faulttest

import (
	"context"

	"github.com/specstar-worker/worker/storage"
)

func (r role) serve(ctx context.Context, f storage.Factory) error { return nil }
