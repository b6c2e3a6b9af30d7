// Package goapi is a real data set to try the worker with: the history of Go's
// own API as an archive, made by the program in the gen directory from the
// api/go1*.txt files of a Go distribution (BSD licence, see LICENSE beside this
// file).
//
// Three models: go-symbol, an exported symbol with a revision for each release
// that added to or changed it; go-package and go-release, whose metas lack the
// rev_* fields, as those written before release 0.9 of the original do, and so
// give a backfill something to fill.
package goapi

import _ "embed"

// archive is the data set, compressed with zstd.
//
//go:embed goapi.acbak.zst
var archive []byte

// Archive returns the data set: a zstd-compressed archive. The caller must not
// change it.
func Archive() []byte { return archive }
