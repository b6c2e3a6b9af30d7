package permission

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/specstar-worker/worker/archive"
	"github.com/specstar-worker/worker/manager"
	"github.com/specstar-worker/worker/opt"
	"github.com/specstar-worker/worker/resource"
	"github.com/specstar-worker/worker/storage"
)

// DefaultMaxAge is the documented meaning of an unset Config.MaxAge.
const DefaultMaxAge = 2 * time.Second

// Config are the settings of a checker with stored entries. The zero Config is
// ready to use.
type Config struct {
	// Policy; 0 means [Strict].
	Policy Policy
	// RootUser may do everything, whatever the entries say; empty means
	// [DefaultRootUser].
	RootUser string
	// MaxAge is after what time changes that other processes make to the entries
	// count at the latest; unset means [DefaultMaxAge]. With 0 the entries are read
	// for each call, once for all operations of a batch. Changes through the same
	// checker's [StoreBacked.ResourceManager], or through a catalog that it guards,
	// count at once.
	MaxAge opt.Value[time.Duration]
}

// Record is a stored record: a live resource with its current payload.
type Record struct {
	Meta resource.Meta
	Data []byte
}

// Records are all records, by id; an error ends them.
type Records = iter.Seq2[Record, error]

// Kind describes the records of a [StoreBacked].
type Kind[I any] struct {
	// Model is the model of the records.
	Model string
	// Paths are the paths whose values are indexed, for other programs' queries.
	Paths []string
	// Check reports what is wrong with the data of a record that is to be written.
	Check func(data []byte) error
	// Index makes of all records what decisions are taken from.
	Index func(records Records) (I, error)
}

// StoreBacked is what checkers with stored entries have in common: a model of
// records that only the root user may see or change, and an index of them that is
// up to date within Config.MaxAge. [ACL] and [RBAC] are made of it, and so can
// others be (the original's StoreBackedPermissionChecker).
type StoreBacked[I any] struct {
	kind    Kind[I]
	catalog *manager.Catalog
	policy  Policy
	root    string
	cache   cache[I]
}

// NewStoreBacked returns the common part of a checker whose records are in the
// store of c. Handlers of c do not matter to it.
func NewStoreBacked[I any](c *manager.Catalog, k Kind[I], cfg Config) *StoreBacked[I] {
	s := &StoreBacked[I]{
		kind: k, catalog: c.Unguarded(), policy: cmp.Or(cfg.Policy, Strict), root: cmp.Or(cfg.RootUser, DefaultRootUser),
	}
	s.cache = cache[I]{load: s.load, maxAge: cfg.MaxAge.Or(DefaultMaxAge), turn: make(chan struct{}, 1)}
	return s
}

// RootUser is the user who may do everything.
func (s *StoreBacked[I]) RootUser() string { return s.root }

// Policy is the policy in force.
func (s *StoreBacked[I]) Policy() Policy { return s.policy }

// ResourceManager returns the manager of the records, which is made when it is
// not there. Only the root user may do anything with it:
//
//	m, err := acl.ResourceManager(ctx)
//	m = m.Using(manager.Scope{User: acl.RootUser()})
func (s *StoreBacked[I]) ResourceManager(ctx context.Context) (*manager.Manager, error) {
	c := s.catalog.WithHandlers(Handler(ownRecords[I]{s}))
	m, err := c.Declare(ctx, storage.ModelInfo{Name: s.kind.Model, IndexedPaths: s.kind.Paths})
	if err != nil {
		return nil, fmt.Errorf("open the permission entries: %w", err)
	}
	return m, nil
}

// Own decides about permission entries of any kind, and for the root user; false
// when c is about neither.
func (s *StoreBacked[I]) Own(c *Context) (Result, bool, error) {
	if c.User != s.root {
		return Deny, c.Model == s.kind.Model || c.Model == ACLModel || c.Model == RBACModel, nil
	}
	if c.Model == s.kind.Model && c.Action&(manager.ActionCreate|manager.ActionUpdate) != 0 {
		if err := s.kind.Check(c.Data); err != nil {
			return Deny, true, &manager.RefusedError{
				Code: manager.CodeInvalid, Model: c.Model, ResourceID: c.ResourceID,
				Message: fmt.Sprintf("permission entry %s: %v", c.ResourceID, err),
			}
		}
	}
	return Allow, true, nil
}

// Index returns what the records say, as recent as a decision about c needs.
func (s *StoreBacked[I]) Index(ctx context.Context, c *Context) (I, error) {
	x, err := s.cache.get(ctx, c.Call)
	if err != nil {
		return x, fmt.Errorf("read the permission entries: %w", err)
	}
	return x, nil
}

// Otherwise is the answer where no record matches.
func (s *StoreBacked[I]) Otherwise() Result { return s.policy.otherwise() }

// NeedsMeta implements [manager.MetaHandler].
func (*StoreBacked[I]) NeedsMeta() bool { return false }

// changing are the actions that change records.
const changing = manager.ActionWrite | manager.ActionLifecycle | manager.ActionLoad | manager.ActionMigrate

// Observe implements [Observer]: what was written to the records counts at once,
// also when it is not known whether it was.
func (s *StoreBacked[I]) Observe(e *Context) {
	if e.Model == s.kind.Model && e.Action&changing != 0 {
		s.cache.forget()
	}
}

// load reads the records as they are now.
func (s *StoreBacked[I]) load(ctx context.Context) (I, error) { return s.kind.Index(s.records(ctx)) }

// records yields all records of one moment, reading them in bulk.
func (s *StoreBacked[I]) records(ctx context.Context) Records {
	return func(yield func(Record, error) bool) {
		var current resource.Meta
		for rec, err := range s.catalog.Dump(ctx, manager.DumpOptions{Models: []string{s.kind.Model}}) {
			if code, _ := manager.CodeOf(err); code == manager.CodeModelUnknown {
				return // nobody has written any
			}
			if err != nil {
				yield(Record{}, err)
				return
			}
			switch rec := rec.(type) {
			case archive.Meta:
				current = rec.Meta
			case archive.Revision:
				i := rec.Revision.Info
				if current.IsDeleted || i.RevisionID != current.CurrentRevisionID || i.SchemaVersion != current.SchemaVersion {
					continue
				}
				if !yield(Record{Meta: current, Data: rec.Revision.Data}, nil) {
					return
				}
			}
		}
	}
}

// ownRecords guards the records.
type ownRecords[I any] struct{ *StoreBacked[I] }

// Check implements [Checker].
func (o ownRecords[I]) Check(_ context.Context, c *Context) (Result, error) {
	r, own, err := o.Own(c)
	if !own {
		return Deny, errors.New("not about permission entries")
	}
	return r, err
}

// Filter implements [Filterer].
func (o ownRecords[I]) Filter(ctx context.Context, c *Context) (Filter, error) {
	return RootOnly{User: o.root}.Filter(ctx, c)
}
