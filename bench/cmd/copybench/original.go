package main

import "context"

type originalRow struct {
	Command                                        string
	Ours, Shipped, ShippedRatio, Kept, KeptRatio float64
}

func (originalRow) verdict() string { return "" }

func compareWithOriginal(ctx context.Context, s *server, o options) ([]originalRow, error) { return nil, nil }
