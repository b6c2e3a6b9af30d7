// Package simple has the parts of a store that can be written once, by looking at
// all there is where a database would have an index. A store of your own begins
// with them and replaces what is too slow.
//
//   - [Store] is a whole store over [Transactions], two methods that a medium has
//     to give; examples/customstore is one over a file.
//   - [Jobs] is a ledger without locks: the rules of claims, attempts and ends, for
//     rows that the store around it keeps. Package memory uses it.
//   - [Count], [GetMany], [DumpAll] and [Each] answer single methods, as qb.Select does
//     Search.
package simple
