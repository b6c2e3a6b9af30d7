// Package s3test is an S3 for tests: a server in this process, on the loopback
// address, that keeps everything in memory, counts what is asked of it and fails
// on demand.
//
// It takes path-style requests of one account. Signatures are not verified, only
// the name of the key is. Checksums of uploads are, as S3 does it. What it does
// not do like S3: an object that is written again keeps the metadata that the
// new write did not name, and completing a multipart upload takes no conditions.
package s3test
