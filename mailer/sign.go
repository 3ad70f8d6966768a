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
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() { s.sign(ctx) })
	}
}

func (s *sending) sign(ctx context.Context) {
	var buf []byte
	for {
		var j *job
		select {
		case <-ctx.Done():
			return
		case j = <-s.unsigned:
		}
		s.date(j)
		msg, err := j.content.template.AppendMessage(buf[:0], j.values())
		if err == nil {
			buf = msg
			j.signed, err = signatures(j.content.signers, msg)
		}
		if err != nil {
			s.settle(s.unwritable(j, err))
			continue
		}
		select {
		case j.lane.jobs <- j:
		case <-ctx.Done():
			s.release(0, j)
			return
		}
	}
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
