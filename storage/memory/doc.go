// Package memory is a store in the memory of one process: the reference for the
// guarantees of package storage, and the store that tests run against.
//
// One writer works at a time. Readers of one row take a lock for a moment;
// iterators and snapshots read a frozen version of a model, which the next
// writer copies before it changes anything. No lock is held while a sequence
// yields or a unit of work computes.
package memory
