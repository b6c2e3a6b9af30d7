// Package qb is the query language over metas.
package qb

// Query placeholder until the language is written.
type Query struct{}
