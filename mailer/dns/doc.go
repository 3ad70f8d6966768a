// Package dns looks whether the DNS says what receivers of our mail want to read
// there: SPF (RFC 7208), DKIM keys (RFC 6376), DMARC (RFC 9989), the MX of the
// domain that bounces go to, and the names of the relays' addresses. It asks and
// changes nothing.
//
// Each answer is a Finding in words: what is there, and where it is not in order
// what to publish. What others have published is bounded and never believed to be
// well-formed.
package dns
