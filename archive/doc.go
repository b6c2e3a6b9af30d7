// Package archive reads and writes archives: the streams that the original's
// dump writes and its load reads, byte for byte.
//
// # Grammar
//
// An archive is a sequence of frames. A frame is the length of its payload as
// four bytes, big endian, and the payload: one msgpack map. Its key "t" names
// the record, the other keys are the record's fields. As written, "t" comes
// first and the fields follow in this order:
//
//	archive          = HeaderRecord section* EofRecord
//	section          = ModelStartRecord (MetaRecord | RevisionRecord | BlobRecord)* ModelEndRecord
//
//	HeaderRecord     = version int
//	ModelStartRecord = model_name str
//	MetaRecord       = data bin, a msgpack meta (see package resource)
//	RevisionRecord   = data bin, a msgpack map of info (a revision info) and raw_data bin (the payload)
//	BlobRecord       = file_id str, blob_data bin, size int, content_type str ("" when unknown)
//	ModelEndRecord   = model_name str, equal to the ModelStartRecord's
//	EofRecord        = nothing
//
// The archive ends with the last byte of the EofRecord. There is no checksum
// and no count. [File] also takes a whole archive compressed with gzip or zstd;
// all offsets are those of the plain stream.
//
// # What a reader guarantees
//
// A [Reader] accepts the records of a section in any order, map keys in any
// order, unknown extra fields in a known record, and a HeaderRecord without
// version, which means 2. Everything else that departs from the grammar is an
// [Error] with a code and the offset of the first byte of the bad frame:
//
//   - archive_truncated: the input ends inside a frame, or between two frames
//     before the EofRecord (the offset is then the input's end). A frame whose
//     length is a lie that reaches behind the input's end looks the same.
//   - archive_corrupt: the payload is not msgpack, its record is unknown, a
//     field is missing or has the wrong type, or the frame is over
//     [Limits.FrameBytes] and all its bytes are there. A first frame over the
//     limit is corrupt at once: the input is no archive.
//   - archive_version: the header's version is not 2.
//   - archive_structure: a record in a place where the grammar has none, or
//     bytes behind the EofRecord.
//
// Memory does not depend on what the input claims: a buffer of fixed size, and
// for a larger frame what has really arrived of it. Nothing panics. Whether
// ids, hashes, sizes and references are right is not looked at here.
//
// # What a writer guarantees
//
// A [Writer] writes the grammar above and nothing else: the smallest msgpack
// forms and fields in order, so equal records give equal bytes, and reading an
// archive of the original and writing the records again gives the same file.
package archive
