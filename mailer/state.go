package mailer

import "slices"

// State is where a delivery or letter is.
type State string

// The states.
const (
	StateQueued    State = "queued"    // to be claimed when it is due
	StateClaimed   State = "claimed"   // held by a process that is about to send it, or sending
	StateDeferred  State = "deferred"  // refused for now; claimed again later
	StateAccepted  State = "accepted"  // taken by the relay
	StateFailed    State = "failed"    // refused for good
	StateExpired   State = "expired"   // not accepted while the issue was worth reading
	StateWithheld  State = "withheld"  // the reader may not or no longer be written to
	StateCancelled State = "cancelled" // by a person
	StateUncertain State = "uncertain" // sent, and no reply came: it may have been taken
	StateParked    State = "parked"    // was uncertain; waits for a person
)

// transitions is every change of state there is: the ledger's SQL makes no other.
var transitions = map[State][]State{
	StateQueued:    {StateClaimed, StateExpired, StateCancelled},
	StateDeferred:  {StateClaimed, StateExpired, StateCancelled, StateQueued},
	StateClaimed:   {StateAccepted, StateDeferred, StateFailed, StateWithheld, StateCancelled, StateUncertain, StateParked, StateQueued},
	StateUncertain: {StateClaimed, StateParked},
	StateParked:    {StateQueued},
	StateFailed:    {StateQueued},
	StateExpired:   {StateQueued},
	StateAccepted:  {},
	StateWithheld:  {},
	StateCancelled: {},
}

// States returns all states, in the order a delivery meets them.
func States() []State {
	return []State{StateQueued, StateClaimed, StateDeferred, StateAccepted, StateUncertain, StateParked, StateFailed, StateExpired, StateWithheld, StateCancelled}
}

// May says whether a delivery may go from s to next.
func (s State) May(next State) bool { return slices.Contains(transitions[s], next) }

// Done says whether nothing more happens to a delivery in this state unless a
// person makes it.
func (s State) Done() bool {
	return s != StateQueued && s != StateClaimed && s != StateDeferred && s != StateUncertain
}

// Again says whether a person may have what is done with in this state sent again.
func (s State) Again() bool { return s.Done() && s.May(StateQueued) }
