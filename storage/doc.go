// Package storage says what a store must promise, as Go interfaces and as the
// numbered guarantees below. The packages below it implement them; package check
// proves them, by functions that are named after the numbers, and package
// storagetest runs those as tests.
//
// # Guarantees
//
// G1 Durability. When a write returns nil, it is there after a crash of the
// process and of the machine. A store that forgets declares Traits.Durable false.
//
// G2 Visibility. A read that begins after a write returned sees it, also
// through another handle of the same store.
//
// G3 Atomicity. A SaveMany, a unit of work and every verb of the ledger take
// effect as a whole or not at all; an error of compute, a bad record or a lost
// claim leaves no trace. A store that cannot declares Traits.AtomicBatch false. One that
// declares Traits.Uncounted may keep revisions that no meta counts, each whole, of a unit
// whose process was killed; G11 says what becomes of their numbers.
//
// G4 Isolation. Nothing comes between the reads of a unit of work and its
// commit. Concurrent units on one resource all survive, one after another.
//
// G5 Order. Metas, blobs and models come by ascending id, bytewise. Revisions
// come by number (2 before 10), then by schema version, none first. Jobs come
// newest first, chunks by number.
//
// G6 Iteration. A sequence yields an error once, last, with a zero value.
// Leaving the loop early releases everything. The body may read and write the
// same store: no lock is held while it runs.
//
// G7 Cancellation. A cancelled context gives its error, wrapped or not, and
// nothing is changed.
//
// G8 Errors. What is absent gives ErrNotFound, but its removal is no error. Other
// errors name what was being done; callers branch only on the values of this package.
// What an operator has to mend, a right, a table, a bucket or credentials, gives
// ErrSetup.
//
// G9 Truth. The encoded meta is the truth and the witness of its version.
// Columns, indexes and file names beside it only serve queries. CompareAndSwap
// replaces a row exactly when the stored bytes are the ones given.
//
// G10 Keys. A revision is stored under resource, revision id and schema version;
// saving under a key that exists points the key at the new uid. Revisions under
// different keys may carry one uid: each keeps its own content. A meta saved
// again replaces the old one.
//
// G11 Numbers. NextNumber is above the meta's count. A unit of work that writes a
// revision under it commits only when no revision of that number was stored, also
// none that no meta counts: else compute is called again with a higher one, above
// every stored number. A number has one owner.
//
// G12 Effect once. A job's row commits in the transaction of its writes. A job
// that has ended is reported as ended to every later unit, a chunk that is done
// is not done again, and an ended row is not overwritten. What a caller believes of
// its resources and jobs (Batch.New, NewJobs) changes none of this.
//
// G13 Claims. A long job has at most one claim, a random token. Whoever lost it
// gets ErrFenced from every verb and every write, and writes nothing. A lease
// that has not expired protects the claim; a lease that is not positive has
// expired from the start. Lease times come from the store's clock alone.
//
// G14 Loads. What is staged is invisible until it is published, and a publish
// makes all of it visible, with the end of the job, or nothing. Resources that
// exist already give a DuplicateError. Unstage forgets also that the chunks were
// done, so that a retry stages them again. A store that cannot publish as a
// whole declares Traits.AtomicLoad false.
//
// G15 Jobs. Each verb of the ledger does what its comment says from each state
// of the job. A zero Created is set by the store. A short job stays queued, its
// attempts counted, until it ends; only a claim makes a job running. A job that was
// started counts at least one attempt when it ends, even if that was refunded. Times
// are kept to the microsecond.
//
// G16 Queries. Search yields what qb.Match accepts in the order of qb.Compare;
// Count ignores order, position, limit and offset. CountBy counts as qb.Tally does.
//
// G17 Snapshots. A snapshot shows all models as they were when it was taken,
// whatever is written meanwhile, and never blocks writers for good.
//
// G18 Blobs. A blob without a key is addressed by the hash of its content. It
// is visible only when it is complete, and put again it stays as first put.
//
// G19 Models. A model that was saved is listed and can be built, every other
// gives ErrNotFound. One that is made together with its first resources is there with
// all of them, or not at all. The id of a store never changes.
//
// G20 Fidelity. Values come back as they were given: payloads byte for byte,
// ids of any characters but NUL, times from year 1 to 9999 to the microsecond,
// naive ones naive; an aware time keeps its instant, not always its offset. What
// could be written but not be read again (resource.Meta.Check) is refused. What
// the caller passed may be reused after the call; what it received does not
// change later.
//
// G21 Unknown outcome. When a write ends with an error that is neither of this
// package nor the caller's own, it may have taken effect. Repeating it is safe,
// and the ledger tells what happened: a row that has ended is the proof.
//
// G22 Lock order. Whoever takes locks takes the metas that exist first, then new
// metas, each by model and id, bytewise, and rows of the ledger last, by job id.
//
// G23 Purge. Of a resource that a unit of work purges nothing remains, its index
// entries and payloads included, but what the unit itself writes: the next
// revision has number 1. A purge is part of its unit (G3); that of a resource
// that is not there is no error.
//
// G24 Unique. Holders names every live resource with the value, and no other,
// as of the start of the unit. What it says still holds at the commit when the
// model is one of Batch.Serial. Paths that differ by case alone are two.
//
// G25 Age. A blob is as old as its last Put or Touch, by the clock of the store.
// DeleteOld excludes both: when they have returned, the blob is there, and no
// DeleteOld for a time before them takes it. Whoever writes a reference has put
// or touched the blob before; how long before is what a collection's grace covers.
//
// G26 Garbage. Payloads leaves out nothing that is stored, Unfinished no job that
// may still be done. A condemned blob is remembered by no model until it is
// acquitted or remembered anew.
//
// G27 Sweep. What serves a reader, a unit of work or a load that may go on is never
// counted nor removed.
//
// G28 Marks. A mark that a unit of work raised is seen by every later unit that names
// it, until it is raised again or removed by PruneMarks. It commits with its unit
// (G3), nothing comes between its reading and the commit (G4), and it never goes down.
//
// G30 Waiting. A queued job with a NotBefore is due when that has passed by the clock of
// the store, until its message is published or an attempt begins, and then no more. Park
// changes no job that has ended, that is leased or that is another one. What is recorded
// of a message's place never ends a later waiting.
//
// G31 Unique jobs. Of the jobs with one Unique at most one has not ended, whoever inserts,
// claims or retries them at the same time; the others are told which one. What Attempt,
// Park and Settle insert has no Unique.
//
// G32 Pages. A search that has a position yields what comes behind it in the order, and
// nothing else, also when the meta that the position was taken of is gone or another one.
// So pages that go on from the last meta of the one before show every meta that stays as
// it is exactly once, whatever is written meanwhile. A position of another order gives a
// *qb.CursorError.
//
// G33 Suspended jobs. A suspended job runs and nobody has its claim. It is due when its
// NotBefore has passed, when it is woken and when it is asked to stop, until its message
// is published or it is claimed. Suspending takes the attempt back, and needs the claim.
//
// G34 Plans. The plan of a job is read as it was stored. While chunks of the job are done
// it stays, and no other takes its place. It goes with the job.
//
// G35 Planned chunks. A chunk that is done by a plan has its effect once, whoever does it
// and how many at the same time (G3, G12). It is not done once the job has ended, was
// asked to stop or has another plan; no lock bars one that is about to commit then, whose
// row is found by Unstage and by a sweep. Chunks of one job wait for nothing but what
// they write.
//
// G40 Audit. What Ledger.Act does to a job and the entry that says so are one: both are
// there, or neither. A refusal by the job leaves an entry, too, and nothing else. Entries
// never change; they outlive their jobs and go by PruneAudits alone.
//
// G41 Ranges. The ranges that Cuts gives hold every meta, each in one of them, and no
// more than were asked for in each, as of the reading. Rows and Unfilled give the metas of
// their range, and no other; what is behind the last id of a page is the rest of it.
//
// # Remembered blobs
//
// A model remembers a blob when a stored payload of it referred to that blob as it
// was written, or when the blob was part of a section that was loaded into it:
// ModelWrites.Blobs. Remembered blobs are dumped with the model. They do not
// protect a blob: one that no payload refers to any more, after an overwrite, a
// purge or a modification, is collected, and forgotten with it. Then a reference
// is any text in a payload that holds the blob's id.
//
// # Writing a store
//
// Upgraded systems had to add two methods to their own stores (upgrade page,
// "Custom storage implementations must provide save_many() and
// dump_all_revisions()"). They are here by other names, and carry the weight:
//
//	save_many(metas)         MetaStore.SaveMany(ctx, []resource.Meta) error
//	save_many(items)         RevisionStore.SaveMany(ctx, []resource.Revision) error
//	dump_all_revisions(ids)  RevisionReader.DumpAll(ctx, iter.Seq[resource.ID]) iter.Seq2[resource.Revision, error]
//
// A SaveMany takes its batch in one transaction (G3), folds repeated keys to the
// last value and writes them in order (G22); the page's loop that saves one after
// another is not enough, unless Traits.AtomicBatch says so. DumpAll streams with
// bounded memory (G5, G6); there a loop is right, if slow, and simple.DumpAll is
// that loop over List and Get.
//
// Begin with a store that is right and slow, and replace what is too slow while
// its test stays green. Package examples/customstore is such a beginning, to be
// copied: a file, a transaction that writes it anew, one method that was replaced,
// and the test. The steps:
//
//  1. The test: [storagetest.Run] with a Harness whose Open opens your store at a
//     place. It fails; from here on it says what is missing, by guarantee.
//  2. The transaction: simple.Transactions, which are a Read of all there is and a
//     Write that changes a copy of it, durably (G1) and one after another (G3, G4).
//     simple.New makes everything else of them; add Close. For blobs (G18, G25)
//     return those of package diskblob from BuildBlobStore, or leave it out.
//  3. Say in Traits what the medium cannot do, and the same in Harness.Lacks.
//  4. Metas and revisions in tables of your own: override Build, with the methods
//     of MetaStore and RevisionStore (G2, G5 to G10, G20), the two above first.
//     Answer queries by qb.Select and simple.Count over All, which is right, and
//     generate a query language only where it pays (G16). What uses units of work
//     fails until the next step is done, for they write elsewhere.
//  5. The unit of work over these tables: Update with the ledger beside the metas
//     (G11, G12, G23, G24), then Stage, Publish and Unstage (G14), Snapshot (G17).
//     The ledger's rules need not be written again: read the rows that a verb
//     names into a simple.Jobs, call its method, and write them back in the same
//     transaction (G13, G15, G21, G30, G33, G34), with the holder of a Unique (G31). Garbage comes last (G26, G27).
//  6. Run check.Run, or your own form of "worker check", where the store will live.
//
// The sources of package simple are the shortest complete store to read, those of
// package memory the fastest one without a medium, those of package sqlite one
// with tables.
//
// # Columns of a custom meta table
//
// A meta carries five facts of its current revision (upgrade page, "ResourceMeta
// rev fields and backfill"). A store that answers queries from columns needs one
// for each, all nullable, because rows written before 0.9 have none. In SQLite, as
// on the page:
//
//	ALTER TABLE resource_meta ADD COLUMN rev_status       TEXT;
//	ALTER TABLE resource_meta ADD COLUMN rev_created_by   TEXT;
//	ALTER TABLE resource_meta ADD COLUMN rev_updated_by   TEXT;
//	ALTER TABLE resource_meta ADD COLUMN rev_created_time REAL; -- seconds since 1970
//	ALTER TABLE resource_meta ADD COLUMN rev_updated_time REAL;
//
// REAL is a 64-bit float in SQLite. In PostgreSQL it has 32 bits, which moves a
// time of today by up to a minute: there the original has TIMESTAMP, and DOUBLE
// PRECISION would do; elsewhere microseconds in a 64-bit integer do, too.
//
// Each column is written with its meta, from Meta.Rev, in every write path: SaveMany,
// CompareAndSwap, Update and Publish. An unset field is NULL, never an empty text
// or 0 (G20), and a NULL matches no comparison, but IsNull (G16). Rows that lack the
// values are found by Unfilled and filled by the backfill, which rewrites the
// encoded meta too: columns alone are not enough (G9).
package storage
