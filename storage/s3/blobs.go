package s3

// blobsDir is where the original's factories keep blobs.
const blobsDir = "blobs/"
