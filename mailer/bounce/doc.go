// Package bounce says what mail that comes back means: delivery reports
// (RFC 3464), the refusals that mail systems write in words, feedback reports
// (RFC 5965) and automatic replies (RFC 3834). It is pure: bytes in, reports
// out, no database and no network.
//
// A mail takes one way:
//
//	bytes → mail (parts, decoded) → kind → one Report per recipient
//	                                 │
//	                                 ├ complaint   feedback.go
//	                                 ├ bounce      dsn.go (fields), prose.go (words)
//	                                 └ autoreply   autoreply.go
//
// and the class of a bounce follows from code, phase and phrase (reason.go).
//
// Three promises. The same bytes always give the same reports. No bytes make it
// panic, recurse without end or hold more than a small multiple of their size.
// And it prefers mercy: an address is called hard only when code or phase bears
// witness beside the words, for a reader wrongly suppressed never hears of it.
//
// Who the mail was for is better known from the return path it came back to
// than from its text; a caller that has one should believe it first.
package bounce
