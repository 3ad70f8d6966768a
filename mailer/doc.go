// Package mailer gets each copy of an issue out, and knows what became of it.
//
//	Enqueue ─▶ queued ──claim──▶ claimed ──▶ accepted
//	             ▲               ▲ │ │ │ └──▶ failed      refused for good; a hard refusal suppresses
//	             └───released────┼─┘ │ └────▶ deferred ─▶ claimed again when it is due
//	                             │   └──────▶ uncertain   no reply after the final dot
//	                             └─sent again────┘ └────▶ parked, to wait for a person
//	       exits: expired  withheld(reason)  cancelled
//
// An audience is frozen as ids, in parts, and counts as queued from then on. A
// claim gives parts, or what it cuts off them, to a process: at most one second's
// worth of readers. It asks, in its own transaction, whom it may still send to. A
// delivery is one (issue, subscriber) row, written with what became of the first
// turn; a letter is one mail to one person outside an issue, in a lane of its own.
// What is in flight is recorded: before a body goes out, a mark (connection →
// delivery, owner, fence) is durable; one committer writes the result of a
// connection's last message and the mark of its next in one transaction with those
// of all other connections.
//
// Claims are made for one relay at a time: in order or by share, within its
// quota (Quota), and at the pace that mailbox operators want (Group). A Breaker
// pauses an issue that does harm.
//
// What it promises:
//
//   - The states of an issue's deliveries add up to its audience at every
//     moment, whatever is killed.
//   - Nobody is lost. Nobody gets two, unless the message was in flight when a
//     process or connection died, at most one a connection; each such delivery
//     has WasUncertain set. A second copy has the Message-ID and Date of the first.
//   - A process that was frozen and wakes up sends nothing that another has
//     taken: marks and results are conditional on owner and fence.
//   - An address is suppressed in the transaction that records why; a reply that
//     is our own fault never suppresses a reader.
//   - Nothing leaves the machine while the installation is disarmed or stopped.
//
// To read it, begin with mailer.go (what others fill in) and state.go. Enqueue
// freezes (enqueue.go, audience.go). Run (run.go) claims (feed.go, claim.go) for a
// relay's lane (lane.go, quota.go, pace.go), sends (worker.go, content.go, sign.go)
// and writes down what became of it (reply.go, commit.go). Beside that stand what
// people and harm turn off (send.go, switch.go, breaker.go), what dead processes
// left (reconcile.go), what comes back (returned.go, canary.go), letters
// (letter.go), and the ledger as it is shown (delivery.go, page.go).
package mailer
