// Package qb is the query language over metas.
//
// A [Query] is a condition, an order and a page. Conditions on the attributes
// of a meta are built from typed fields, so that a value of a wrong type does
// not compile:
//
//	qb.Query{
//		Where: qb.And{qb.RevStatus().Eq(resource.Draft), qb.RevUpdatedTime().Gte(since)},
//		Sort:  []qb.Sort{qb.RevUpdatedTime().Desc()},
//		Limit: opt.Of(20),
//	}
//
// Indexed data has no declared types; [Data] is the one untyped door. Conditions
// and sorts see it as JSON has it, whatever the encoding of the meta.
// [ParseQuery] reads the original's ResourceMetaSearchQuery.
//
// [Match] and [Compare] are the reference: every store, whatever it pushes down
// to a database, returns what they say.
//
// # Three-valued logic
//
// A condition is true, false or unknown, and only true selects. Comparing with
// an attribute that is null or unset is unknown, also for Ne, NotIn and under
// Not: rows whose rev_* fields are not backfilled are found only by IsNull(true),
// IsNA(true), IsUnset and Exists(true). And, Or and Not follow Kleene.
//
// Texts are ordered by bytes, which for UTF-8 is by code point. Times are
// compared in microseconds, which is all that the original keeps; times without
// a zone are taken as UTC.
package qb
