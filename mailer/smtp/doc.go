// Package smtp speaks to a relay: one connection, one recipient per
// transaction, as few round trips as the relay allows.
//
//	Relay.Dial ─▶ Conn ─ Begin(from, to) ─▶ Body(wire) ─▶ Begin … ─▶ Quit
//	                          └─▶ BodyThenBegin(wire, next from, next to) ─▶ …
//
// go-mail dials, speaks TLS and authenticates; the conversation after that is
// written through its connection in groups (PIPELINING, RFC 2920): MAIL, RCPT
// and DATA of a message in one, or with BodyThenBegin together with the body of
// the message before, which makes one round trip a message. To a relay that
// does not offer PIPELINING every command waits for its reply.
//
// What it promises:
//
//   - A body is sent only after 354 to a transaction whose MAIL and RCPT were
//     accepted.
//   - An error says in which phase it happened, and so whether the message can
//     have been taken: only an Error with Phase == Dot and Code == 0 leaves that
//     open.
//   - A connection in doubt is closed, never QUIT: go-mail would end a half
//     written message with a dot, and the relay would take the stump.
package smtp
