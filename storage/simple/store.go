package simple

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/specstar-worker/worker/storage"
)

// ErrUnchanged is what a change returns that has nothing to write. It is no error
// of the transaction.
var ErrUnchanged = errors.New("nothing was changed")

// Transactions are what a medium gives to [Store]: all that it holds, as a whole.
type Transactions interface {
	// Read returns the state as it is now. Nobody changes it any more.
	Read(ctx context.Context) (*State, error)
	// Write passes a copy of the state to change, one after another, and makes it
	// the state of everybody, durably where the store is. When change returns an
	// error, nothing has happened and Write returns it as it is, but nil for
	// [ErrUnchanged]. A context that ends before the copy becomes the state is an
	// error, too.
	Write(ctx context.Context, change func(*State) error) error
}

// Store is a store over transactions. It keeps every guarantee that they let it
// keep, by looking at everything: embed it, add Close and, for blobs,
// BuildBlobStore, and it is a [storage.Factory].
type Store struct {
	tx     Transactions
	id     uuid.UUID
	traits storage.Traits
}

// New returns a store that declares traits.
func New(ctx context.Context, tx Transactions, traits storage.Traits) (*Store, error) {
	st, err := tx.Read(ctx)
	if err != nil {
		return nil, err
	}
	return &Store{tx: tx, id: st.ID, traits: traits}, nil
}

// ID returns the id of the state.
func (s *Store) ID() uuid.UUID { return s.id }

// Traits returns what New was given.
func (s *Store) Traits() storage.Traits { return s.traits }

// Models returns the models by name.
func (s *Store) Models(ctx context.Context) ([]storage.ModelInfo, error) {
	st, err := s.tx.Read(ctx)
	if err != nil {
		return nil, err
	}
	var infos []storage.ModelInfo
	for _, name := range st.names() {
		infos = append(infos, copyInfo(st.Models[name].Info))
	}
	return infos, nil
}

// SaveModel makes a model or replaces what is remembered of it.
func (s *Store) SaveModel(ctx context.Context, info storage.ModelInfo) error {
	return s.tx.Write(ctx, func(st *State) error {
		st.saveModel(info)
		return nil
	})
}

// Build returns the stores of a model.
func (s *Store) Build(ctx context.Context, name string) (storage.Stores, error) {
	r := reader{read: s.tx.Read, name: name}
	if _, err := r.model(ctx); err != nil {
		return storage.Stores{}, err
	}
	return storage.Stores{Metas: metas{metaReader{r}, s}, Revisions: revisions{revisionReader{r}, s}}, nil
}

// Unit returns the store's unit of work.
func (s *Store) Unit() storage.UnitOfWork { return unit{s} }

// Ledger returns the jobs of the store.
func (s *Store) Ledger() storage.Ledger { return ledger{s} }

// Garbage returns what garbage collection needs of the store.
func (s *Store) Garbage() storage.Garbage { return garbage{s} }

// Snapshot returns the state as it is now (G17).
func (s *Store) Snapshot(ctx context.Context) (storage.Snapshot, error) {
	st, err := s.tx.Read(ctx)
	return snapshot{st}, err
}

// snapshot is a state that nobody changes.
type snapshot struct{ st *State }

func (s snapshot) read(ctx context.Context) (*State, error) { return s.st, ctx.Err() }

func (s snapshot) Build(ctx context.Context, name string) (storage.MetaReader, storage.RevisionReader, error) {
	r := reader{read: s.read, name: name}
	_, err := r.model(ctx)
	return metaReader{r}, revisionReader{r}, err
}

func (snapshot) Close() error { return nil }

// reader finds a model in the store as it is, or in a snapshot.
type reader struct {
	read func(context.Context) (*State, error)
	name string
}

func (r reader) model(ctx context.Context) (*Model, error) {
	st, err := r.read(ctx)
	if err != nil {
		return nil, err
	}
	return st.model(r.name)
}

// now is the clock of leases and jobs.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// ask returns what fn reads of the state.
func ask[V any](ctx context.Context, s *Store, fn func(*State) (V, error)) (V, error) {
	st, err := s.tx.Read(ctx)
	if err != nil {
		var zero V
		return zero, err
	}
	return fn(st)
}

// change returns what fn answers in a transaction. With an error it is the answer
// of fn's last call all the same.
func change[V any](ctx context.Context, s *Store, fn func(*State) (V, error)) (v V, err error) {
	err = s.tx.Write(ctx, func(st *State) error {
		v, err = fn(st)
		return err
	})
	return v, err
}
