package mailer

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"hash"
	"strconv"
	"sync"

	"pressrun/mailer/dkim"
	"pressrun/mailer/message"
	"pressrun/templates"
)

// content is a sealed edition, cut at its slots.
type content struct {
	Edition
	template *message.Template
	signers  []*dkim.Signer
}

// contents remembers editions: a send has a handful, each tens of kilobytes.
type contents struct {
	mu   sync.Mutex
	byID map[int64]*content
}

// maxContents bounds the cache; when it is full it starts afresh.
const maxContents = 64

func (c *contents) of(ctx context.Context, m *Mailer, id int64) (*content, error) {
	c.mu.Lock()
	got := c.byID[id]
	c.mu.Unlock()
	if got != nil {
		return got, nil
	}
	e, err := m.Editions(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("read edition %d: %w", id, err)
	}
	if e.Hash != message.Hash(e.Message) {
		return nil, fmt.Errorf("edition %d is not what was sealed", id)
	}
	t, err := message.Parse(e.Message)
	if err != nil {
		return nil, fmt.Errorf("edition %d: %w", id, err)
	}
	got = &content{Edition: e, template: t, signers: m.signersFor(e.Message)}
	got.Message = nil
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byID == nil || len(c.byID) >= maxContents {
		c.byID = map[int64]*content{}
	}
	c.byID[id] = got
	return got, nil
}

// prepare makes the bytes of j in buf.
func (s *sending) prepare(j *job, buf []byte) ([]byte, error) {
	s.date(j)
	buf = append(buf[:0], j.signed...)
	if j.kind == letter {
		return append(buf, j.wire...), nil
	}
	wire, err := j.content.template.Splice(buf, j.values())
	if err != nil {
		return buf[:0], err
	}
	return wire, nil
}

// date gives j a Date and a Message-ID, unless an earlier turn did.
func (s *sending) date(j *job) {
	if j.date.IsZero() {
		j.date = s.m.now()
	}
	if j.kind == delivery && j.messageID == "" {
		j.messageID = s.messageID(j.issue, j.id, j.dueAt, j.content.MessageIDDomain)
	}
}

func (j *job) values() message.Values {
	return message.Values{
		To: j.to.Address, Date: j.date, MessageID: j.messageID,
		Unsubscribe: j.to.Slots[templates.SlotUnsubscribe], Mailto: j.to.Slots[templates.SlotMailto], Named: j.to.Slots,
	}
}

// messageID is the same whenever a delivery is sent: made of what never changes
// about it. The third part keeps two installations with the same numbers apart,
// and nobody who has not seen the mail can name it.
func (s *sending) messageID(issue, id, due int64, domain string) string {
	mac, ok := s.macs.Get().(hash.Hash)
	if ok {
		mac.Reset()
	} else {
		mac = hmac.New(sha256.New, []byte(s.m.Secret))
	}
	defer s.macs.Put(mac)
	var buf [160]byte
	b := strconv.AppendInt(buf[:0], issue, 10)
	b = strconv.AppendInt(append(b, ' '), id, 10)
	b = strconv.AppendInt(append(b, ' '), due, 10)
	b = append(append(b, ' '), domain...)
	mac.Write(b)
	sum := mac.Sum(b[:0])
	b = strconv.AppendInt(sum[len(sum):], issue, 10)
	b = append(strconv.AppendInt(append(b, '.'), id, 10), '.')
	b = lower32.AppendEncode(b, sum[:10])
	return string(append(append(b, '@'), domain...))
}

var lower32 = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567")

// hash is the seal of what j's message was made of.
func (j *job) hash() string {
	if j.content == nil {
		return ""
	}
	return j.content.Hash
}
