// Package customstore is a store of your own, to be copied: it keeps everything
// in one JSON file, which each transaction writes anew. It keeps every guarantee
// of package storage, as its test shows, and is slow where there is much: a write
// takes as long as the file is.
//
// What a medium has to give is in two methods, Read and Write; package simple
// answers everything else with them, by looping, and package diskblob keeps the
// blobs. Begin with a copy of this, and then replace what is too slow for you by
// methods of your own, as count.go shows: the test tells whether it is still a
// store.
//
// One process at a time may have a file open.
package customstore
