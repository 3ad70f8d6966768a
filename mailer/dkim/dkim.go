// Package dkim signs finished mails (RFC 6376), with RSA or Ed25519 (RFC 8463).
// It adds one header field and changes nothing else: what is signed is what was
// sealed.
//
//	header fields ─relaxed─┐
//	body ─simple─ SHA-256 ─┴─ DKIM-Signature without b= ─ SHA-256 ─ key ─ b=
//
// Three things it holds that signers got wrong: the field is folded only after
// ";" and around ":", where relaxed form cannot differ from what was signed; From,
// To and Subject are signed once more than they occur, so that none can be put in
// front; and both List-Unsubscribe fields are signed, which RFC 8058 section 4
// demands. There is no l= (it lets anyone append) and no x=.
//
// The body goes in simple form (RFC 6376 section 3.4.3): our bodies are encoded
// with short lines and no blanks at line ends, which no relay rewrites, and
// relaxed form costs as much again as all else but the key. A mail is signed
// before dots are stuffed.
//
// To sign twice, prepend the RSA signature last: some receivers look only at the
// first.
package dkim

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Headers are the fields that are signed when New is given none: those of RFC
// 6376 section 5.4.1 that a newsletter has, and what receivers act upon.
var Headers = []string{
	"From", "To", "Subject", "Date", "Message-ID", "Reply-To", "MIME-Version", "Content-Type", "Content-Transfer-Encoding",
	"List-Id", "List-Unsubscribe", "List-Unsubscribe-Post", "Feedback-ID",
}

// oversigned fields are signed once more than they occur (RFC 6376 section 8.15).
var oversigned = []string{"from", "to", "subject"}

// Errors of Sign.
var (
	ErrNoFrom   = errors.New("no From field")     // RFC 6376 section 5.4: From must be signed
	ErrLineEnds = errors.New("bare line ends")    // what a relay would rewrite, and so break
	ErrHeader   = errors.New("malformed header")  // a line that is no field
	errWeakKey  = errors.New("RSA key too short") // RFC 8301 section 3.2
)

// Signer signs for one domain with one key. It may be used by several goroutines
// at once if its key may; those of the standard library may.
type Signer struct {
	// Now dates signatures (t=). Nil leaves the date out.
	Now func() time.Time

	domain    string
	selector  string
	key       crypto.Signer
	algorithm string
	hash      crypto.SignerOpts
	head      string // tags that never change
	headers   []string
}

// label is a domain or selector (RFC 6376 section 3.1), in ASCII.
var label = regexp.MustCompile(`^[A-Za-z0-9_](?:[A-Za-z0-9_.\-]{0,251}[A-Za-z0-9_])?$`)

// New returns a signer whose public key stands at selector._domainkey.domain. The
// key is RSA of at least 1024 bits, 2048 being usual, or Ed25519. Headers names
// the fields to sign, without case; none means Headers. From is always signed.
func New(domain, selector string, key crypto.Signer, headers ...string) (*Signer, error) {
	if !label.MatchString(domain) || !label.MatchString(selector) {
		return nil, fmt.Errorf("signing for %q with selector %q: not a domain name", domain, selector)
	}
	s := &Signer{domain: domain, selector: selector, key: key}
	switch public := key.Public().(type) {
	case *rsa.PublicKey:
		if public.N.BitLen() < 1024 {
			return nil, fmt.Errorf("signing for %s: %w", domain, errWeakKey)
		}
		s.algorithm, s.hash = "rsa-sha256", crypto.SHA256
	case ed25519.PublicKey:
		s.algorithm, s.hash = "ed25519-sha256", crypto.Hash(0) // RFC 8463 section 3: the hash is the message
	default:
		return nil, fmt.Errorf("signing for %s: no signature with a %T", domain, public)
	}
	if len(headers) == 0 {
		headers = Headers
	}
	for _, h := range append([]string{"From"}, headers...) {
		if h = strings.ToLower(h); !fieldName(h) {
			return nil, fmt.Errorf("signing for %s: %q is no field name", domain, h)
		} else if !slices.Contains(s.headers, h) {
			s.headers = append(s.headers, h)
		}
	}
	s.head = "DKIM-Signature: v=1; a=" + s.algorithm + "; c=relaxed/simple; d=" + domain + ";\r\n s=" + selector + ";"
	return s, nil
}

// Sign returns the DKIM-Signature field of a mail, with its line end, to be put
// before it. The mail has CRLF line ends throughout.
func (s *Signer) Sign(msg []byte) ([]byte, error) {
	if !lineEnds(msg) {
		return nil, fmt.Errorf("signing a mail: %w", ErrLineEnds)
	}
	head, body := msg, []byte(nil)
	if at := bytes.Index(msg, []byte("\r\n\r\n")); at >= 0 {
		head, body = msg[:at+2], msg[at+4:]
	}
	fields, err := fieldsOf(head)
	if err != nil {
		return nil, fmt.Errorf("signing a mail: %w", err)
	}
	names, signed := s.pick(fields)
	if !slices.ContainsFunc(fields, func(f field) bool { return f.is("from") }) {
		return nil, fmt.Errorf("signing a mail: %w", ErrNoFrom)
	}

	out := append(make([]byte, 0, 1024), s.head...)
	if s.Now != nil {
		out = append(out, " t="+strconv.FormatInt(s.Now().Unix(), 10)+";"...)
	}
	out = appendNames(out, names)
	bodyHash := sha256.Sum256(simple(body))
	out = base64.StdEncoding.AppendEncode(append(out, "\r\n bh="...), bodyHash[:])
	out = append(out, ";\r\n b="...)

	// RFC 6376 section 3.7: the field itself comes last, b= empty, no line end.
	signed = appendRelaxed(signed, "dkim-signature", out[len("DKIM-Signature:"):])
	sum := sha256.Sum256(signed)
	signature, err := s.key.Sign(rand.Reader, sum[:], s.hash)
	if err != nil {
		return nil, fmt.Errorf("signing a mail: %w", err)
	}
	return append(base64.StdEncoding.AppendEncode(out, signature), "\r\n"...), nil
}

// pick returns the names for h= and the fields they stand for, relaxed. Of a
// field that occurs several times the last is signed first (RFC 6376 section
// 5.4.2).
func (s *Signer) pick(fields []field) (names []string, signed []byte) {
	names, signed = make([]string, 0, len(s.headers)+len(oversigned)), make([]byte, 0, 2048)
	for _, name := range s.headers {
		for _, f := range slices.Backward(fields) {
			if !f.is(name) {
				continue
			}
			names = append(names, name)
			signed = append(appendRelaxed(signed, name, f.value), "\r\n"...)
		}
		if slices.Contains(oversigned, name) {
			names = append(names, name) // stands for the field that is not there
		}
	}
	return names, signed
}

// maxLine is where h= is folded (RFC 5322 section 2.1.1).
const maxLine = 76

// appendNames writes the h= tag, folded before a colon's next name.
func appendNames(out []byte, names []string) []byte {
	out = append(out, "\r\n h="...)
	width := len(" h=")
	for i, name := range names {
		if width+len(name)+1 > maxLine {
			out = append(out, "\r\n "...)
			width = 1
		}
		end := byte(':')
		if i == len(names)-1 {
			end = ';'
		}
		out = append(append(out, name...), end)
		width += len(name) + 1
	}
	return out
}
