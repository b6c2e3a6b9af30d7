// Package check tells whether a store keeps the guarantees of package storage.
// It needs no test: a program runs it on a store of its own kind, in a place
// that holds nothing else.
//
//	report, err := check.Run(ctx, func(ctx context.Context, place string) (storage.Factory, error) {
//		return mystore.Open(ctx, filepath.Join(dir, place))
//	}, check.Options{})
//
// A check is a function over a [T] and a store. It is named after the number of
// the guarantee it proves a part of, G3/unit_is_whole, and is skipped when the
// store declares in its traits that it does not promise this. Package
// storagetest runs the checks as tests, with more that only a test can do.
package check
