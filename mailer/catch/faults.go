package catch

import (
	"fmt"
	"hash/fnv"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// outagePoll is how soon the end of an outage is noticed.
const outagePoll = 10 * time.Millisecond

// DefaultAfter is how many bytes of a body are read before a drop at AtData.
const DefaultAfter = 4096

// Stage is where in a conversation a rule applies.
type Stage int

// The stages of a conversation.
const (
	AtRcpt Stage = iota // the answer to RCPT
	AtData              // in the middle of the body
	AtDot               // after the final dot
	AtConn              // before the greeting; the rule sees the client's address instead of a recipient
)

// Outage is how a receiver can be away as a whole.
type Outage int

// The kinds of outage.
const (
	OutageNone   Outage = iota
	OutageRefuse        // the port and all connections are closed
	OutageBusy          // 421 to every new connection and message
	OutageStall         // connected, and silent
)

// Faults is how the catcher shall misbehave. The zero value behaves well.
type Faults struct {
	Rules []Rule
	Delay time.Duration // wait before each group of replies, as a network round trip does
}

// A Rule is one fault. Whether it concerns a recipient depends on the address
// and Seed alone, so that a second attempt meets the same rule again, until
// Times, For or Limit is used up. The first rule that concerns a recipient at a
// stage applies.
type Rule struct {
	Stage Stage
	Code  int           // answer with this 4xx or 5xx; 421 also closes the connection
	Drop  bool          // close the connection instead
	Taken bool          // with Drop at AtDot: the message counts as accepted, only the answer is lost
	Stall time.Duration // wait this long first; alone: only wait
	After int           // with Drop at AtData: bytes read before; 0 means DefaultAfter

	Share float64                // share of the recipients concerned, 0 to 1; 0 means all
	Match func(addr string) bool // concerns only these; nil means all
	Seed  string                 // chooses another share
	Times int                    // how often for each recipient; 0 means always
	For   time.Duration          // greylisting: until this long after the recipient's first refusal; 0 means always
	Limit int                    // how often in all; 0 means always
}

// Misbehave replaces the faults and forgets how often the former ones were applied.
func (c *Catcher) Misbehave(f Faults) {
	c.init()
	c.mu.Lock()
	defer c.mu.Unlock()
	was := c.bad
	c.bad = &misbehaviour{faults: f}
	if was != nil {
		was.mu.Lock()
		c.bad.kind, c.bad.until = was.kind, was.until
		was.mu.Unlock()
	}
}

// Away makes the catcher unusable for a while; OutageNone ends it at once.
func (c *Catcher) Away(kind Outage, d time.Duration) {
	c.init()
	until := c.now().Add(d)
	c.misbehaves().away(kind, until)
	if kind != OutageRefuse {
		return
	}
	c.mu.Lock()
	gates := c.gates
	c.mu.Unlock()
	for _, g := range gates {
		g.shut()
	}
}

func (c *Catcher) misbehaves() *misbehaviour {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.bad == nil {
		c.bad = &misbehaviour{}
	}
	return c.bad
}

// misbehaviour is Faults in use.
type misbehaviour struct {
	faults Faults

	mu    sync.Mutex
	kind  Outage
	until time.Time
	used  map[use]*usage
	total map[int]int
}

type use struct {
	rule int
	addr string
}

type usage struct {
	times int
	first time.Time
}

func (b *misbehaviour) away(kind Outage, until time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.kind, b.until = kind, until
}

func (b *misbehaviour) outage(now time.Time) Outage {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !now.Before(b.until) {
		return OutageNone
	}
	return b.kind
}

// rule returns the rule that applies to addr at a stage now, counting the use;
// nil means behave.
func (b *misbehaviour) rule(at Stage, addr string, now time.Time) *Rule {
	if len(b.faults.Rules) == 0 {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.faults.Rules {
		r := &b.faults.Rules[i]
		if r.Stage == at && r.concerns(addr) && b.take(i, r, addr, now) {
			return r
		}
	}
	return nil
}

func (b *misbehaviour) take(i int, r *Rule, addr string, now time.Time) bool {
	if b.used == nil {
		b.used, b.total = map[use]*usage{}, map[int]int{}
	}
	u := b.used[use{i, addr}]
	if u == nil {
		u = &usage{first: now}
		b.used[use{i, addr}] = u
	}
	switch {
	case r.Times > 0 && u.times >= r.Times,
		r.For > 0 && !now.Before(u.first.Add(r.For)),
		r.Limit > 0 && b.total[i] >= r.Limit:
		return false
	}
	u.times++
	b.total[i]++
	return true
}

func (r *Rule) concerns(addr string) bool {
	if r.Match != nil && !r.Match(addr) {
		return false
	}
	if r.Share <= 0 || r.Share >= 1 {
		return true
	}
	h := fnv.New64a()
	fmt.Fprintf(h, "%s\x00%s", r.Seed, addr)
	x := h.Sum64() // FNV's high bits are poor for short input, so mix once more
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return float64(x>>11)/(1<<53) < r.Share
}

// enhanced is the RFC 3463 code that usually goes with an answer.
func enhanced(code int) smtp.EnhancedCode {
	switch code {
	case 421:
		return smtp.EnhancedCode{4, 3, 2}
	case 450, 452:
		return smtp.EnhancedCode{4, 2, 2}
	case 451:
		return smtp.EnhancedCode{4, 7, 1}
	case 550:
		return smtp.EnhancedCode{5, 1, 1}
	case 552:
		return smtp.EnhancedCode{5, 2, 2}
	case 554:
		return smtp.EnhancedCode{5, 7, 1}
	}
	return smtp.EnhancedCode{code / 100, 0, 0}
}

func replyLine(code int) string {
	e := enhanced(code)
	return fmt.Sprintf("%d %d.%d.%d refused on request\r\n", code, e[0], e[1], e[2])
}
