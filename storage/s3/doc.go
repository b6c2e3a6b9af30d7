// Package s3 keeps revisions and blobs as objects in a bucket of Amazon S3 or of a
// service that speaks its protocol, under the keys of the original, so that both
// read each other's. Metas, jobs and transactions are elsewhere: see
// [storage.RevisionMedium].
//
// # Keys
//
// All stand behind the prefix of the [Config]. With [LayoutPostgresS3]:
//
//	MODEL/data/resources/store/UID/data                              the payload
//	MODEL/data/resources/store/UID/info                              the encoded info
//	MODEL/data/resources/resource/ID/REVISION/no_ver/uid             the uid, as text
//	MODEL/data/resources/resource/ID/REVISION/v_SCHEMA-VERSION/uid
//	blobs/FILE-ID                                                    a blob
//
// Beside them are objects of our own, which the original does not look at:
// blobs/_touched/FILE-ID says when a blob was put again or touched, blobs/_deleting
// is there while blobs are deleted by their age, and _probe/UUID for a moment when a
// store is opened. The original's blobs/_uploads/ and blobs/_sessions/ are no blobs.
// Blobs bear the metadata specstar-time.
//
// Ids, revision ids, schema versions, uids and model names with a "/", with control
// characters, or that are "." or ".." are refused with storage.ErrUnusableName: no
// key may lead into another, which services over file systems cannot hold; so are models
// called blobs or _probe. Blob ids may have a "/" inside. What a service refuses beyond that, such as names above
// 255 bytes over a file system, is refused with the same error.
//
// # What a write promises
//
// When a write has returned, S3 has stored it durably, and every later read sees it
// (G1, G2), listings too. Data is written before info and info before the entry,
// so that an entry leads to whole contents whatever the moment of a crash.
//
// Contents and entries are created by conditional writes (If-None-Match): of many who
// claim a key one wins. A service that does not have them is found out by a probe
// when the store is opened, and [Store.Exclusive] is false: there an object is
// looked for before it is written, and two writers at the same moment may both be
// told that they won. Whoever uses it must exclude them by other means.
//
// An answer that was lost is no lost write: the request is sent again, and an object
// that is there then with our bytes is ours.
//
// # What must be allowed
//
// s3:ListBucket, without which S3 does not tell what is absent, s3:GetObject,
// s3:PutObject, s3:DeleteObject, s3:AbortMultipartUpload; for [Blobs.Sweep]
// s3:ListBucketMultipartUploads and s3:ListMultipartUploadParts; s3:CreateBucket where
// the bucket is missing. Readers need the first two.
//
// # When the service fails
//
// Requests that may succeed later (500, 503, connections that break, no progress for
// [Config].Stall) are sent again for [Config].RetryFor, after a random pause that
// grows. Each repeat takes from a budget that successes fill, so that when everything
// fails there are few requests more than callers. When more than a third are refused
// as too many, the rate of all requests is lowered to what is accepted, and raised
// again bit by bit. What does not succeed is storage.ErrUnavailable; [Store.Stats]
// counts. What trying again does not help (no credentials, no permission, another
// region) says what to change instead. No error holds a credential.
//
// Checksums are sent only where S3 demands them, because many services refuse them.
//
// # Blobs
//
// A blob is visible when it is complete. Those above 8 MiB go to a temporary file
// first, which tells their id, and then up in parts; an upload that failed is taken
// back, or by [Blobs.Sweep] where that failed, too. Reading goes on where a
// connection broke, and never mixes two contents.
//
// # Age of blobs
//
// S3 excludes nobody who rewrites an object with equal content while another deletes
// it: the ETag is the same before and after, so a deletion that is conditional on it
// would take a blob that was put or touched meanwhile. Therefore G25 rests on an
// object that names the blobs which are being deleted, the gate: a deleter writes it
// before it looks at a blob, a writer looks at it after its write, and waits while
// it names its blob. It is made by a conditional write, so that there is one deleter
// at a time; one that died holds the writers of its blobs up for 30 seconds.
//
// What remains: a process that is stopped for longer than 18 seconds between its
// decision to remove a blob and the request (a suspended virtual machine), or a
// network that delivers a request that much later, may remove a blob that was put
// meanwhile. Garbage collection looks for references once more after it has
// condemned a blob, and a day passes before that, so both must also hit a blob that
// was unused for a day and is used in that moment. Without conditional writes two
// collections at the same time are not kept apart. A [Blobs.Delete] that does not ask
// for an age excludes nobody.
//
// Ages are those of our own clock where we wrote the object, else those of the
// service, to the second; the two clocks may be 15 minutes apart.
//
// # What it cannot do
//
// There is no transaction over several objects, no order of writes among processes
// but by conditional writes, and no snapshot. An overwrite (Replace, Point, a blob
// with a key of its own) that the network delivers late may undo a later one. Versions
// of a bucket that keeps such are not removed, and count as nothing. Contents above
// 1 GiB are not read. Lists are as ordered as the service gives them: directory
// buckets of S3 Express, whose listings have no order, are not supported.
package s3
