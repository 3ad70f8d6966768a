// Package address decides which mail addresses are accepted, and when two of
// them are one.
//
// The rule is stricter than RFC 5322 and made for what is typed into forms
// and files: a dot-atom before the @ (RFC 5321 section 4.1.2, no quotes, no
// comments), at most 64 octets of it (section 4.5.3.1.1); after it a host
// name with at least one dot, valid under IDNA 2008 (RFC 5891), its last part
// not a number, no address literal; at most 254 octets in all (RFC 3696
// erratum 1690). Letters beyond ASCII are allowed on both sides (RFC 6531), if
// they are in the form everybody types: NFC, of one script, nothing
// invisible.
//
// Three forms of one address:
//
//	typed    Jan.Müller@Bücher.example              what is shown and kept
//	sent     Jan.Müller@xn--bcher-kva.example       [Address.ASCII]: what an envelope carries
//	key      jan.müller@xn--bcher-kva.example       [Address.Key]: identity
//
// Dots and +tags are part of the identity: what means the same mailbox at one
// provider does not at another.
package address
