// Package catch receives mail instead of the world: an SMTP server on the
// loopback interface that keeps what it is given, and a web inbox to look at it.
//
//	sender ──SMTP──▶ Catcher ──▶ memory (the newest Max mails), Dir (.eml files)
//	                    │                 │
//	                    │                 └──▶ Handler: list, one mail, its parts
//	                    └──▶ Faults, Audit: how a sender copes with a bad receiver
//
// It is where mail goes while an installation is being tried out, and the judge
// in tests of what a sender lost or sent twice: a message counts as accepted
// when the final dot was answered with 250, or when a fault took it without
// answering.
//
// What it promises:
//
//   - It never listens on an address that others can reach.
//   - What is kept are the bytes that came, dot-stuffing removed, nothing added.
//   - Memory is bounded by Max mails and MaxBytes bytes; the oldest go first.
//   - A mail shown in the inbox runs no script, sends no form, and fetches
//     nothing except pictures from the origins in ImagesFrom.
package catch
