// Package message makes the bytes of a mail: once for all readers of an
// edition, then per reader only what differs.
//
//	templates.Email ──Compose──▶ sealed bytes, slot markers inside ──Hash──▶ the seal
//	                                  │
//	                               Parse ──▶ Template ──Splice(Values)──▶ what goes over the wire
//	                                  │
//	received .eml ──Verify────────────┘  cuts the values out again and recomputes the seal
//
// go-mail builds the MIME; this package puts its header fields into a fixed
// order (go-mail writes some of them in random order), derives the boundary
// from the content, and sets each slot of a quoted-printable body on lines of
// its own, so that no value makes a line longer than 76 characters. Equal input
// therefore gives equal bytes, and the SHA-256 of these bytes is the seal.
//
// What it promises:
//
//   - Readers of one edition differ in slot values and in nothing else.
//   - A value cannot add a header, a line, markup or a MIME part.
//   - Every line of a composed mail is shorter than 998 octets and 7-bit, which
//     is what DKIM (RFC 6376 section 5.3) and old relays want.
package message
