// Package fetch reads other people's sites politely and safely: one request at
// a time per host, conditional requests, robots.txt, bounded time and size,
// and never an address inside the operator's own network.
//
//	URL ─host's turn→ ─dial (guard sees the resolved address)→ ─headers→ ┬ 3xx: again, at most 10 times
//	                                                                     ├ 304 or same ETag or same bytes: NotModified
//	                                                                     └ body, unpacked, at most MaxBytes
//
// What it promises: [Client.Get] returns within Timeout once it is the host's
// turn; it holds at most MaxBytes, packed and unpacked; no packet goes to a private, loopback,
// link-local or otherwise special address that Allow does not name, whatever
// names and redirects say, because the check is made on the address being
// dialled, after DNS. Every failure is an [*Error] that says in words what
// happened and how to mend it.
//
// # Decisions
//
// robots.txt has its own reader (RFC 9309, 150 lines). temoto/robotstxt v1.1.2
// matches a pattern with a star anywhere in the path instead of at its start,
// and refuses a whole file for one line it does not understand.
//
// A 200 with the old ETag is not read; a 200 with the old Last-Modified is, and
// the hash of the body decides: servers stamp changed pages with old dates.
//
// Redirects are followed by hand on the transport. http.Client would parse
// Location on its own terms, hide which hop failed, and take no turn at the next
// host. A redirect within one Get makes no pause, only takes its turn.
//
// A body shorter than its Content-Length is an error and not half a feed: half a
// feed looks like withdrawn stories.
//
// Of an index of sitemaps the newest three are read at each poll, in a minute and
// in MaxBytes together. Which those are is decided anew each time, as sites name
// them by day or month. Index and sitemaps are asked for conditionally; where one
// has changed the others are read too, because what a list leaves out counts as
// withdrawn. One that fails makes the list Partial instead: today's news does not
// wait for yesterday's.
//
// A packed body is unpacked when all of it has come: Timeout is for what the site
// does, MaxBytes for what we do, so that a bomb ends by its size on the slowest
// machine, and its site is not said to be silent.
//
// No proxy is taken from the environment. The guard cannot see behind a proxy,
// so an operator who wants one has to say so and let it do the guarding.
package fetch
