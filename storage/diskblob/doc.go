// Package diskblob keeps blobs as files in one directory, in the layout of the
// original's disk blob store, so that both read each other's.
//
// A blob's file is named after its id with "/" and ".." replaced by "_" and
// holds the raw bytes. Beside it, <name>.blobmeta is a msgpack map of file_id,
// size and, when known, content_type. A file without that sidecar was written by
// an old version of the original and holds a msgpack map with the bytes in it;
// it is read as such. Sub-directories, the original's upload sessions in
// _sessions among them, are not blobs.
//
// # Crash safety
//
// Content and sidecar are written to temporary files, synced, and renamed, the
// sidecar first; then the directory is synced. Whatever the moment of a crash, a
// blob is whole or absent. Temporary files that a crash left are removed by the
// first Put of a later process when they are older than an hour.
//
// # Age
//
// A blob is as old as the modification time of its file, which Put and Touch set.
// Whoever removes blobs by their age holds the lock of the file .specstar-lock
// alone, writers of all processes share it.
//
// All access goes through an os.Root: no id reaches a file outside the directory.
package diskblob
