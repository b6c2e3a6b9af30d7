// Package outer writes to a [storage.RevisionMedium] on behalf of a database that
// keeps metas and jobs: the medium knows no transactions, so what makes a unit of
// work of its steps is here, once for all databases.
//
// Contents are put where nobody finds them; then the numbers are claimed, each by an
// entry that is made only when there is none; then the database commits. Entries that
// exist are made to lead elsewhere last. A process that dies in between leaves
// contents that nobody finds, or a number that is burned.
package outer
