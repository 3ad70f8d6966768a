package subscribers

import (
	"fmt"
	"slices"
)

// State is where a subscription stands.
type State string

// The states.
const (
	Pending      State = "pending"      // asked for, not yet confirmed
	Active       State = "active"       // gets the list's issues
	Paused       State = "paused"       // wants none for a while
	Unsubscribed State = "unsubscribed" // has left
	Expired      State = "expired"      // was never confirmed
)

// States lists all of them.
var States = []State{Pending, Active, Paused, Unsubscribed, Expired}

// transitions says where a subscription may go. "" is one that does not exist
// yet: a reader asks (pending), or somebody brings consent given elsewhere
// (active). Only the reader takes the way back from unsubscribed and expired.
//
//	pending → active ⇄ paused → unsubscribed → pending
//	pending → expired → pending      active → unsubscribed
var transitions = map[State][]State{
	"":           {Pending, Active},
	Pending:      {Active, Expired},
	Active:       {Paused, Unsubscribed},
	Paused:       {Active, Unsubscribed},
	Unsubscribed: {Pending},
	Expired:      {Pending},
}

// May reports whether a subscription in state s may go to state to.
func (s State) May(to State) bool { return slices.Contains(transitions[s], to) }

// stateWords are the states for people.
var stateWords = map[State]string{
	Pending: "not yet confirmed", Active: "active", Paused: "paused", Unsubscribed: "unsubscribed", Expired: "never confirmed",
}

func (s State) move(to State) error {
	if !s.May(to) {
		return fmt.Errorf("%s → %s: %w", s, to, ErrState)
	}
	return nil
}
