// Package qb is the query language over metas.
//
// A [Query] is a condition, an order and a page. Conditions on the attributes
// of a meta are built from typed fields, so that a value of a wrong type does
// not compile:
//
//	qb.Where(qb.RevStatus().Eq("draft"), qb.RevUpdatedTime().ThisWeek(now, time.Monday)).
//		OrderBy(qb.RevUpdatedTime().Desc()).
//		Page(20, 0)
//
// Indexed data has no declared types; [Data] is the one untyped door. Conditions
// and sorts see it as JSON has it, whatever the encoding of the meta. Calendar
// helpers take the clock; its zone, which [Zone] reads, says when days begin.
//
// Queries combine by [Query.And], [Query.Or], [Query.Not], [Query.Filter] and
// [Query.Exclude] and keep their order and page. [Query.MarshalJSON] writes the
// original's ResourceMetaSearchQuery, [ParseQuery] reads it.
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
//
// # The expression language
//
// [ParseWhere] reads a condition from text, [Format] prints one, [ParseOrder] reads an
// order. Keywords may be in any case, white space is free:
//
//	where      = and { "or" and } .
//	and        = not { "and" not } .
//	not        = "not" not | "(" where ")" | "true" | "false" | "data" exists | test .
//	test       = subject [ comparison ] .
//	subject    = ATTRIBUTE | data | ( "length" | "len" ) "(" ( ATTRIBUTE | data ) ")" .
//	data       = "data." KEY | "data" "[" TEXT "]" .
//	comparison = ( "=" | "==" | "!=" | "<>" | "<" | "<=" | ">" | ">=" ) value
//	           | negation "in" ( "(" [ values ] ")" | "[" [ values ] "]" | period )
//	           | negation "between" value "and" value
//	           | negation ( "contains" | "icontains" ) value
//	           | negation ( "starts" | "ends" | "istarts" | "iends" ) "with" value
//	           | negation ( "like" | "ilike" | "matches" | "imatches" ) TEXT
//	           | negation "has" "flags" NUMBER
//	           | exists
//	           | "is" [ "not" ] ( state | period )
//	           | period .
//	exists     = negation "exists" .
//	negation   = [ [ "does" ] "not" ] .
//	state      = "null" | "unset" | "missing" | "empty" | "blank" | "true" | "false"
//	           | "truthy" | "falsy" .
//	values     = value { "," value } .
//	value      = TEXT | NUMBER | "true" | "false" | "null" | "nan" | [ "-" ] "inf"
//	           | "incomparable" | TIME | period | time | list | map .
//	list       = "[" [ values ] "]" .
//	map        = "{" [ key ":" value { "," key ":" value } ] "}" .
//	key        = TEXT | NAME .
//	time       = "now" | "time" "(" ( TEXT | NUMBER ) ")" | "naive" "(" TEXT ")" .
//	period     = "today" | "yesterday" | "tomorrow"
//	           | ( "this" | "last" ) ( "week" | "month" | "year" )
//	           | "last" NUMBER ( "days" | "hours" | "minutes" ) .
//
// After "does not" and "not" verbs may be in their basic form: does not contain.
//
//   - ATTRIBUTE is the name of an attribute, as [Attributes] has them. KEY is letters,
//     digits, _, - and dots between them: data.address.city is the key "address.city".
//   - TEXT is in single or double quotes. The quote is doubled or escaped; \\, \', \",
//     \n, \r, \t, \xff (a byte), \u00e9 and \u{1f409} are escapes. In r'…' there are none.
//   - NUMBER is as in JSON: 1 is an integer, 1.0 and 1e0 are floats.
//   - TIME is a date or RFC 3339 without quotes: 2024-03, 2024-03-01, 2024-03-01T10:00:00Z.
//     Where an attribute holds times it may have quotes. Without a zone of its own it is in
//     the zone of the options; naive('…') has none. time(N) is N microseconds after 1970.
//   - A date, a month and calendar words are periods: = is within, < before the beginning,
//     > after the end. Weeks begin on Monday. "last 7 days" begin at midnight and have no
//     end; "last week" is the one before this one.
//   - "is unset" and "is missing" are [DataField.IsNA], "is empty" and the like the methods
//     of these names, "has flags" is [Flags]; indexed data alone "is truthy", an attribute
//     that is true or false "is true".
//   - incomparable equals nothing and has no order; [Format] writes it for such operands.
//
// The types of attributes are checked: rev_status > 5 is refused. "= null" is refused, too,
// because nothing equals null.
package qb
