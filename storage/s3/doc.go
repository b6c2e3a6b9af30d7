// Package s3 keeps revisions and blobs as objects in a bucket of Amazon S3 or of a
// service that speaks its protocol, under the keys of the original.
package s3
