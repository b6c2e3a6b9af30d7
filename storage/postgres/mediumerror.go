package postgres

import (
	"context"
	"errors"
	"iter"

	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// mediumError is an error of the medium of revisions: what it says of a network or a
// connection is not about the server.
type mediumError struct{ error }

func (e mediumError) Unwrap() error { return e.error }

// withoutMedium returns an error without what of it the medium said, nil when that is all.
func withoutMedium(err error) error {
	switch e := err.(type) { // each of a tree, not the first that is found
	case mediumError:
		return nil
	case interface{ Unwrap() []error }:
		var rest []error
		all := e.Unwrap()
		for _, part := range all {
			if part = withoutMedium(part); part != nil {
				rest = append(rest, part)
			}
		}
		if len(rest) == len(all) {
			return err
		}
		return errors.Join(rest...)
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil && withoutMedium(inner) == nil {
			return nil
		}
	}
	return err
}

// ofMedium marks an error of the medium; nil stays nil.
func ofMedium(err error) error {
	if err == nil {
		return nil
	}
	return mediumError{err}
}

// markedMedium is a medium whose errors are marked.
type markedMedium struct{ storage.RevisionMedium }

func (m markedMedium) Model(name string) storage.ModelMedium {
	return markedModel{m.RevisionMedium.Model(name)}
}

func (m markedMedium) Models(ctx context.Context) ([]string, error) {
	names, err := m.RevisionMedium.Models(ctx)
	return names, ofMedium(err)
}

func (m markedMedium) Close() error { return ofMedium(m.RevisionMedium.Close()) }

type markedModel struct{ m storage.ModelMedium }

var _ storage.ModelMedium = markedModel{}

func (m markedModel) Put(ctx context.Context, contents []storage.Content) ([]bool, error) {
	stored, err := m.m.Put(ctx, contents)
	return stored, ofMedium(err)
}

func (m markedModel) Replace(ctx context.Context, contents []storage.Content) error {
	return ofMedium(m.m.Replace(ctx, contents))
}

func (m markedModel) Claim(ctx context.Context, entries []storage.Entry) ([]string, error) {
	owners, err := m.m.Claim(ctx, entries)
	return owners, ofMedium(err)
}

func (m markedModel) Point(ctx context.Context, entries []storage.Entry) error {
	return ofMedium(m.m.Point(ctx, entries))
}

func (m markedModel) Lookup(ctx context.Context, keys []resource.RevisionKey) ([]string, error) {
	uids, err := m.m.Lookup(ctx, keys)
	return uids, ofMedium(err)
}

func (m markedModel) Entries(ctx context.Context, ids iter.Seq[resource.ID]) iter.Seq2[storage.Entry, error] {
	return marked(m.m.Entries(ctx, ids))
}

func (m markedModel) All(ctx context.Context) iter.Seq2[storage.Entry, error] {
	return marked(m.m.All(ctx))
}

func (m markedModel) Count(ctx context.Context) (int64, error) {
	n, err := m.m.Count(ctx)
	return n, ofMedium(err)
}

func (m markedModel) Infos(ctx context.Context, uids []string) ([][]byte, error) {
	infos, err := m.m.Infos(ctx, uids)
	return infos, ofMedium(err)
}

func (m markedModel) Read(ctx context.Context, uids []string) ([]storage.Content, error) {
	contents, err := m.m.Read(ctx, uids)
	return contents, ofMedium(err)
}

func (m markedModel) Contents(ctx context.Context) iter.Seq2[storage.StoredContent, error] {
	return marked(m.m.Contents(ctx))
}

func (m markedModel) RemoveEntries(ctx context.Context, keys []resource.RevisionKey) error {
	return ofMedium(m.m.RemoveEntries(ctx, keys))
}

func (m markedModel) RemoveContents(ctx context.Context, uids []string) error {
	return ofMedium(m.m.RemoveContents(ctx, uids))
}

// marked marks the errors of a sequence.
func marked[T any](seq iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for v, err := range seq {
			if !yield(v, ofMedium(err)) {
				return
			}
		}
	}
}
