// Package resource is the vocabulary of the domain: what a meta, a revision, a
// blob reference and their identifiers are, and how each is encoded.
//
// A resource is one versioned thing of a model. It has exactly one [Meta], the
// queryable row that describes its current state, and one or more revisions. A
// revision is a [RevisionInfo] and a payload: opaque bytes, JSON or msgpack,
// that this module never re-encodes. A payload may refer to blobs through the
// [Binary] shape.
//
// The encodings are those of the original Python system, byte for byte: struct
// fields in declaration order, map keys sorted by code point, unset fields left
// out, null written, times in msgpack as timestamps (extension -1), smallest
// integer and length forms. Decoders accept keys in any order, ignore unknown
// keys and require every required one; they never allocate more than a small
// multiple of their input.
package resource
