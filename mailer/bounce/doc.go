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
// and the class of a bounce follows from code, phase and phrase (reason.go). What
// sending services post instead of mail is read in provider.go.
//
// Three promises. The same bytes always give the same reports. No bytes make it
// panic, recurse without end or hold more than a small multiple of their size.
// And it prefers mercy: "user unknown" is called hard only when the code, the phase
// or the words of a directory bear witness too, for a reader wrongly suppressed
// never hears of it. Hosts that do not exist, null MX records (RFC 7505) and
// addresses that moved are hard by their words, unless the code is transient.
//
// Who the mail was for is better known from the return path it came back to
// than from its text; a caller that has one should believe it first.
package bounce
