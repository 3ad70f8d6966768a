package subscribers

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strings"
	"time"

	"pressrun/subscribers/address"
)

// Kind says what a link does.
type Kind byte

// The kinds of links.
const (
	KindConfirm     Kind = 'c' // confirms what was asked for until the token's time
	KindUnsubscribe Kind = 'u' // leaves one list, or all when the list is 0
	KindPreferences Kind = 'p' // opens the reader's own page
	KindYours       Kind = 'y' // opens what is held about the reader: to have, to move, to erase
	KindMove        Kind = 'm' // moves the reader to the address it carries
)

// The kinds of addresses that mail comes back to, beside KindUnsubscribe; see
// [Keys.AddressToken].
const (
	KindDelivery Kind = 'd' // return path of a delivery
	KindLetter   Kind = 'l' // return path of a letter
	KindFeedback Kind = 'f' // where feedback loops send their reports
	KindCanary   Kind = 'n' // our own letter, to see whether the way is open
)

// Claim is what a signed link says.
type Claim struct {
	Kind       Kind
	Subscriber int64
	List       int64     // 0 = all
	Mail       int64     // the delivery or letter, for those two kinds
	At         time.Time // when it was made; zero for links that hold for ever
	Test       bool      // of a test mail: it changes nothing
	Key        string    // id of the key that signed it
	// Holder names the address that the reader had when a link of kind yours or
	// move was made, by the start of its hash: with another one it is void.
	Holder string
	// Address is where a link of kind move moves to.
	Address address.Address
}

// ErrToken is returned for a link that nobody here has signed, or that was
// changed or cut on its way.
var ErrToken = errors.New("the link is not complete")

const macSize = 12 // octets: 96 bits, no one can try many

// Token signs a link that holds for ever.
func (k *Keys) Token(kind Kind, subscriber, list int64) string {
	return k.sign(Claim{Kind: kind, Subscriber: subscriber, List: list})
}

// TokenAt signs a link that carries the time it was made.
func (k *Keys) TokenAt(kind Kind, subscriber, list int64, at time.Time) string {
	return k.sign(Claim{Kind: kind, Subscriber: subscriber, List: list, At: at})
}

// PreviewToken stands in the links of a preview for nobody in particular. Their
// pages say that this is a test and change nothing.
const PreviewToken = "preview"

// TestToken signs a link for a test mail. Its page says so and changes nothing.
func (k *Keys) TestToken(kind Kind, list int64) string {
	return k.sign(Claim{Kind: kind, List: list, Test: true})
}

// sign makes "<key id>.<base64url of payload and MAC>". The payload is the
// kind, a flag octet, and subscriber, list and milliseconds as varints; then
// holder and address for the kinds that have them.
func (k *Keys) sign(c Claim) string {
	signer := k.signer()
	b := c.payload()
	b = append(b, signer.mac("link", b)...)
	return signer.id + "." + base64.RawURLEncoding.EncodeToString(b)
}

func (c Claim) payload() []byte {
	b := make([]byte, 0, 48)
	flag := byte(0)
	if c.Test {
		flag = 1
	}
	b = append(b, byte(c.Kind), flag)
	if c.Mail != 0 {
		return binary.AppendUvarint(b, uint64(c.Mail))
	}
	b = binary.AppendUvarint(b, uint64(c.Subscriber))
	b = binary.AppendUvarint(b, uint64(c.List))
	if !c.At.IsZero() {
		b = binary.AppendUvarint(b, uint64(c.At.UnixMilli()))
	}
	return append(append(b, c.Holder...), c.Address...)
}

// mac signs a payload for a purpose: a link is no address, and the other way round.
func (k key) mac(purpose string, payload []byte) []byte {
	m, ok := k.macs.Get().(hash.Hash)
	if ok {
		m.Reset()
	} else {
		m = hmac.New(sha256.New, k.secret)
	}
	defer k.macs.Put(m)
	m.Write([]byte("pressrun " + purpose + " 1\n" + k.id + "\n"))
	m.Write(payload)
	return m.Sum(nil)[:macSize]
}

// maxToken is longer than any token we make: one with the longest address has
// some 420 characters.
const maxToken = 450

// Verify reads a token, or fails with ErrToken, or with ErrState when its key is
// retired. It takes the same time for
// every wrong signature.
func (k *Keys) Verify(token string) (Claim, error) {
	id, encoded, ok := strings.Cut(token, ".")
	if !ok || len(token) > maxToken {
		return Claim{}, ErrToken
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return Claim{}, ErrToken
	}
	return k.open("link", id, b)
}

// open reads what the key called id has signed for a purpose.
func (k *Keys) open(purpose, id string, signed []byte) (Claim, error) {
	key := find(k.all(), id)
	if key == nil || len(signed) < macSize+3 {
		return Claim{}, ErrToken
	}
	payload, mac := signed[:len(signed)-macSize], signed[len(signed)-macSize:]
	if !hmac.Equal(mac, key.mac(purpose, payload)) {
		return Claim{}, ErrToken
	}
	if !key.retired.IsZero() {
		return Claim{}, fmt.Errorf("key %s is retired: %w", id, ErrState)
	}
	c := Claim{Kind: Kind(payload[0]), Test: payload[1] == 1, Key: id}
	fields, rest := []*int64{&c.Subscriber, &c.List}, payload[2:]
	if c.Kind == KindDelivery || c.Kind == KindLetter {
		fields = []*int64{&c.Mail}
	}
	for _, field := range fields {
		v, n := binary.Uvarint(rest)
		if n <= 0 {
			return Claim{}, ErrToken
		}
		*field, rest = int64(v), rest[n:]
	}
	if len(rest) > 0 {
		v, n := binary.Uvarint(rest)
		if n <= 0 {
			return Claim{}, ErrToken
		}
		c.At, rest = time.UnixMilli(int64(v)).UTC(), rest[n:]
	}
	if c.Kind == KindYours || c.Kind == KindMove {
		n := min(holderSize, len(rest))
		c.Holder, c.Address, rest = string(rest[:n]), address.Address(rest[n:]), nil
	}
	if len(rest) > 0 {
		return Claim{}, ErrToken
	}
	return c, nil
}

// hash is the name under which an address can be known without being stored:
// an HMAC under a key derived from the first of the file, which is never taken
// out of it, retired or not, so it cannot be guessed by trying addresses without that file.
func (k *Keys) hash(emailKey string) string {
	f := k.file.Load()
	m, ok := f.hashes.Get().(hash.Hash)
	if ok {
		m.Reset()
	} else {
		derive := hmac.New(sha256.New, f.keys[0].secret)
		derive.Write([]byte("pressrun address hash 1"))
		m = hmac.New(sha256.New, derive.Sum(nil))
	}
	defer f.hashes.Put(m)
	m.Write([]byte(emailKey))
	return hex.EncodeToString(m.Sum(nil)[:20])
}

// holderSize is how much of a hash a link carries: 48 bits, in hex.
const holderSize = 12

// holder is the start of an address's hash, to know in a link whose it is.
func (k *Keys) holder(emailKey string) string { return k.hash(emailKey)[:holderSize] }
