// Package disk keeps revisions as files, in the layout of the original's disk
// resource store, so that both read each other's. It implements
// [storage.RevisionMedium] for a database that holds the metas. [Metas] keeps metas as
// files, too, for one that holds only the ledger.
//
// Below the directory of a model, which is <Dir>/<model>/data as the original's
// factories have it:
//
//	store/<uid>/data, store/<uid>/info                 a content
//	resource/<resource>/<revision>/no_ver|v_<version>  an entry
//
// An entry is the symbolic link ../../../store/<uid>. Ids are names of files as
// they are; what cannot be one is refused with [storage.ErrUnusableName]. A third
// directory, .specstar, is ours alone: it holds what is being written, what is being
// replaced and a lock.
//
// # Crash safety
//
// A content is written to a directory in .specstar; both files and the directory
// are synced, then it is renamed to its place and store is synced. An entry is made
// after that, and synced with the directories above it. Whatever the moment of a
// crash or a power cut, a content is whole or absent, and an entry of ours leads to
// a whole one. A batch syncs its files in parallel and each directory once.
//
// When a sync fails, what it was to make durable counts as lost and is removed: a
// second sync would succeed without having written anything.
//
// The original makes the link first and syncs nothing, so a crash of it can leave
// links that lead nowhere and contents without info. The former are reported like
// every entry; the latter count as absent and are replaced by a Put.
//
// # Exclusion
//
// A content is free until a rename succeeds, an entry until the link is made: the
// file system lets one win, whatever the process. Only who moves a content out of
// the way holds the lock of .specstar/lock while doing so.
//
// All access goes through an os.Root for each model: neither an id nor a planted
// link reaches a file outside of the model's directory.
package disk
