// Package storagetest runs the checks of package check as tests of a backend,
// and more that only a test can do. A backend calls [Run] from one test with a
// [Harness]; the name of a failing subtest begins with the number of the
// guarantee that was broken: G3/unit_is_whole.
package storagetest
