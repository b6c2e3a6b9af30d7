package faulty

import (
	"reflect"
	"slices"

	"github.com/specstar-worker/worker/storage"
)

// parts are the interfaces of a store by the names of this package.
func parts() map[string]reflect.Type {
	return map[string]reflect.Type{
		"Factory":   reflect.TypeFor[storage.Factory](),
		"Snapshot":  reflect.TypeFor[storage.Snapshot](),
		"Metas":     reflect.TypeFor[storage.MetaStore](),
		"Revisions": reflect.TypeFor[storage.RevisionStore](),
		"Unit":      reflect.TypeFor[storage.UnitOfWork](),
		"View":      reflect.TypeFor[storage.View](),
		"Ledger":    reflect.TypeFor[storage.Ledger](),
		"Blobs":     reflect.TypeFor[storage.BlobStore](),
		"Garbage":   reflect.TypeFor[storage.Garbage](),
	}
}

// Methods returns the names of all methods, sorted.
func Methods() []string {
	all := []string{"Factory.BuildBlobStore", "Factory.Found"}
	for part, t := range parts() {
		for i := range t.NumMethod() {
			all = append(all, part+"."+t.Method(i).Name)
		}
	}
	slices.Sort(all)
	return all
}

// names reports whether a name or a pattern means any method.
func names(on string) bool {
	return slices.ContainsFunc(Methods(), func(method string) bool { return matches(on, method) })
}
