package catch

import (
	"slices"
	"strings"
	"time"
)

// A Message is one mail as it was received.
type Message struct {
	ID       string    // stays the same as long as the mail is kept
	From     string    // envelope sender; "" for a bounce
	To       []string  // envelope recipients
	Subject  string    // decoded
	Received time.Time // UTC
	Size     int       // bytes of Raw
	Raw      []byte    // the bytes that came, shared by all callers: do not write to it
}

// Messages returns the kept mails, newest first, whose sender, recipient or
// subject contains filter, in upper or lower case; "" means all.
func (c *Catcher) Messages(filter string) []Message {
	c.init()
	c.mu.Lock()
	all := slices.Clone(c.box.msgs)
	c.mu.Unlock()
	filter = strings.ToLower(strings.TrimSpace(filter))
	var out []Message
	for _, m := range slices.Backward(all) {
		if m.matches(filter) {
			out = append(out, *m)
		}
	}
	return out
}

// Message returns the mail with that id, and whether it is (still) kept.
func (c *Catcher) Message(id string) (Message, bool) {
	c.init()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range slices.Backward(c.box.msgs) {
		if m.ID == id {
			return *m, true
		}
	}
	return Message{}, false
}

// matches expects a filter in lower case.
func (m *Message) matches(filter string) bool {
	if filter == "" || strings.Contains(strings.ToLower(m.Subject), filter) || strings.Contains(strings.ToLower(m.From), filter) {
		return true
	}
	return slices.ContainsFunc(m.To, func(to string) bool { return strings.Contains(strings.ToLower(to), filter) })
}
