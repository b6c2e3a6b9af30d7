// Package owner decides which process a data directory belongs to, and lets the
// others find it.
//
// Several commands may use one data directory at once. The first that needs the
// queue takes an exclusive lock on DIR/.worker/lock ([Acquire]), starts the
// server and then writes its [Card] to DIR/.worker/endpoint.json. Everybody else
// finds the lock held, reads the card and connects ([Enter]). The operating
// system frees the lock when the process ends, however it ends; a card is
// believed only while the lock is held, so one that a killed process left behind
// does no harm. The lock file itself is never removed: removing it would let two
// processes lock two different files of the same name.
package owner
