package main

import (
	"context"
	"strings"

	"github.com/specstar-worker/worker/bench/internal/pgserver"
)

type listRow struct{}

func (*listRow) write(*strings.Builder) {}

func compareLists(context.Context, *pgserver.Server, options) (*listRow, error) { return nil, nil }
