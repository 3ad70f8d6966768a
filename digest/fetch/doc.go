// Package fetch reads other people's sites politely and safely: one request at
// a time per host, conditional requests, robots.txt, bounded time and size,
// and never an address inside the operator's own network.
//
//	URL ─host's turn→ ─dial (guard sees the resolved address)→ ─headers→ ┬ 3xx: again, at most 10 times
//	                                                                     ├ 304 or same ETag or same bytes: NotModified
//	                                                                     └ body, unpacked, at most MaxBytes
//
// What it promises: [Client.Get] returns within Timeout once it is the host's
// turn; it holds at most MaxBytes; no packet goes to a private, loopback,
// link-local or otherwise special address that Allow does not name, whatever
// names and redirects say, because the check is made on the address being
// dialled, after DNS. Every failure is an [*Error] that says in words what
// happened and how to mend it.
package fetch
