package mailer

import (
	"bytes"
	"context"
	"fmt"
	"net/mail"
	"runtime"
	"strings"
	"sync"

	"golang.org/x/net/idna"

	"pressrun/mailer/dkim"
)

// signersFor are the signers of a mail: those of its sender's domain, else of
// the nearest domain above it, which aligns as well (RFC 9989 section 4.10.1).
func (m *Mailer) signersFor(msg []byte) []*dkim.Signer {
	if len(m.DKIM) == 0 {
		return nil
	}
	domain := senderDomain(msg)
	for domain != "" {
		if s := m.DKIM[domain]; s != nil {
			return s
		}
		_, domain, _ = strings.Cut(domain, ".")
	}
	return nil
}

// senderDomain is the domain of a mail's From, in A-labels; "" when there is none.
func senderDomain(msg []byte) string {
	parsed, err := mail.ReadMessage(bytes.NewReader(msg))
	if err != nil {
		return ""
	}
	from, err := mail.ParseAddress(parsed.Header.Get("From"))
	if err != nil {
		return ""
	}
	domain := strings.ToLower(from.Address[strings.LastIndexByte(from.Address, '@')+1:])
	if ascii, err := idna.Lookup.ToASCII(domain); err == nil {
		return ascii
	}
	return domain
}

// signatures are the fields that the signers put before a mail.
func signatures(signers []*dkim.Signer, msg []byte) ([]byte, error) {
	var out []byte
	for _, s := range signers {
		field, err := s.Sign(msg)
		if err != nil {
			return nil, err
		}
		out = append(out, field...)
	}
	return out, nil
}

// signBulk starts the signers' pool: a goroutine a core signs deliveries ahead,
// between their claim and a connection, so that no connection waits for a key.
func (s *sending) signBulk(ctx context.Context, workers *sync.WaitGroup) {
	if len(s.m.DKIM) == 0 {
		return
	}
	for range spareThread() {
		workers.Go(func() { s.sign(ctx) })
	}
}

// spareThread gives the runtime a thread more than there are cores, and returns
// how many these are. Without it cores that all sign look at the network once in
// ten milliseconds, and so long do replies wait.
var spareThread = sync.OnceValue(func() int {
	cores := runtime.GOMAXPROCS(0)
	runtime.GOMAXPROCS(cores + 1)
	return cores
})

// signFirst and signAhead are how many copies a signer hands on together, at
// first and after it has never run out: their connections then write the network
// and the ledger in one go, and leave the cores to the keys in between.
const (
	signFirst = 32
	signAhead = 512
)

// sign signs what is claimed until ctx ends.
func (s *sending) sign(ctx context.Context) {
	var buf []byte
	var ready, back []*job
	ahead := signFirst
	for ctx.Err() == nil {
		j := s.nextUnsigned(ctx, len(ready)+len(back) > 0)
		if j != nil {
			if ok, _ := j.lane.usable(); !ok {
				back = append(back, j)
			} else if buf = s.signJob(j, buf); j.signed != nil {
				ready = append(ready, j)
			}
			if len(ready)+len(back) < ahead {
				continue
			}
			ahead = min(2*ahead, signAhead)
		} else {
			ahead = signFirst
		}
		s.release(0, back...)
		back = back[:0]
		for len(ready) > 0 && ctx.Err() == nil {
			select {
			case ready[0].lane.jobs <- ready[0]:
				ready = ready[1:]
			case <-ctx.Done():
			}
		}
	}
	s.release(0, append(ready, back...)...)
}

// nextUnsigned is the next delivery to sign; nil when ctx ended, or when there
// is none just now and the signer has something else to do.
func (s *sending) nextUnsigned(ctx context.Context, busy bool) *job {
	select {
	case j := <-s.unsigned:
		return j
	default:
	}
	if busy {
		return nil
	}
	select {
	case j := <-s.unsigned:
		return j
	case <-ctx.Done():
		return nil
	}
}

// signJob signs j's copy, which it makes in buf. When it cannot be made, j is
// dealt with, unsigned.
func (s *sending) signJob(j *job, buf []byte) []byte {
	s.date(j)
	msg, err := j.content.template.AppendMessage(buf[:0], j.values())
	if err == nil {
		buf = msg
		j.signed, err = signatures(j.content.signers, msg)
	}
	if err != nil {
		s.settle(s.unwritable(j, err))
	}
	return buf
}

// signLetter signs a letter, which lies ready for the wire.
func (s *sending) signLetter(j *job) error {
	msg, err := unstuffed(j.wire)
	if err == nil {
		j.signed, err = signatures(s.m.signersFor(msg), msg)
	}
	return err
}

// unstuffed is a message without what makes it ready for the wire (RFC 5321
// section 4.5.2).
func unstuffed(wire []byte) ([]byte, error) {
	body, ok := bytes.CutSuffix(wire, []byte("\r\n.\r\n"))
	if !ok {
		return nil, fmt.Errorf("the message does not end in a dot")
	}
	body = append(body[:len(body):len(body)], "\r\n"...)
	return bytes.ReplaceAll(body, []byte("\r\n.."), []byte("\r\n.")), nil
}
