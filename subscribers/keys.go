package subscribers

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"pressrun/deploy/schema"
)

// Kind says what a link does.
type Kind byte

// The kinds of links.
const (
	KindConfirm     Kind = 'c' // confirms what was asked for until the token's time
	KindUnsubscribe Kind = 'u' // leaves one list, or all when the list is 0
	KindPreferences Kind = 'p' // opens the reader's own page
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
}

// Errors of keys and tokens.
var (
	// ErrToken is returned for a link that nobody here has signed, or that was
	// changed or cut on its way.
	ErrToken = errors.New("the link is not complete")
	// ErrKeyMissing is returned by CheckKeys when mails were sent with a key that
	// the key file does not hold: their links would be dead.
	ErrKeyMissing = errors.New("the key file lacks a key that has signed links in mails; restore the file that belongs to this database")
	// ErrKeyMode is returned when others may read the key file.
	ErrKeyMode = errors.New("others may read it; chmod 600 it")
)

// Keys sign and verify the links in mails. The last key of the file signs; all
// of them verify, so links in old mails work as long as their key is kept. A
// Keys may be used concurrently.
type Keys struct {
	Path string
	keys []key
}

type key struct {
	id     string
	secret []byte
	macs   *sync.Pool // keyed with secret: keying takes longer than signing a link
}

const (
	secretSize = 32
	macSize    = 12 // octets: 96 bits, no one can try many
)

var keyID = regexp.MustCompile(`^[a-z0-9]{1,8}$`)

// GenerateKeys writes a new key file with one key, readable by its owner
// alone. It fails with os.ErrExist rather than replace one.
func GenerateKeys(path string) (*Keys, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	k := &Keys{Path: path, keys: []key{newKey("k1")}}
	if err := k.write(os.Link); err != nil {
		return nil, fmt.Errorf("generate keys: %w", err)
	}
	return k, nil
}

// AddKey appends a fresh key, which signs from now on, to the file and to k's
// successor, which it returns. Running processes take it at their next start.
func (k *Keys) AddKey() (*Keys, error) {
	next := &Keys{Path: k.Path, keys: append(append([]key{}, k.keys...), newKey("k"+strconv.Itoa(len(k.keys)+1)))}
	if err := next.write(os.Rename); err != nil {
		return nil, fmt.Errorf("add key: %w", err)
	}
	return next, nil
}

func newKey(id string) key {
	secret := make([]byte, secretSize)
	rand.Read(secret) // never fails
	return key{id, secret, &sync.Pool{}}
}

// write makes the file whole or not at all: place is os.Link, which refuses to
// replace, or os.Rename.
func (k *Keys) write(place func(from, to string) error) error {
	var b bytes.Buffer
	fmt.Fprintln(&b, "# Keys of the links in mails. Back this file up and keep every line: without a key, links in old mails are dead.")
	for _, key := range k.keys {
		fmt.Fprintf(&b, "%s:%s\n", key.id, base64.StdEncoding.EncodeToString(key.secret))
	}
	f, err := os.CreateTemp(filepath.Dir(k.Path), ".keys") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(b.Bytes())
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return place(f.Name(), k.Path)
}

// LoadKeys reads a key file: lines of id:base64, the last one signs. It fails
// with os.ErrNotExist when there is none, with ErrKeyMode when others may read it.
func LoadKeys(path string) (*Keys, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("key file %s: %w", path, ErrKeyMode)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	k, err := parseKeys(string(text))
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	k.Path = path
	return k, nil
}

func parseKeys(text string) (*Keys, error) {
	k := &Keys{}
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		id, encoded, _ := strings.Cut(line, ":")
		secret, err := base64.StdEncoding.DecodeString(encoded)
		if !keyID.MatchString(id) || err != nil || len(secret) < secretSize {
			return nil, fmt.Errorf("line %d is not id:base64 of %d octets: the file was cut or changed; restore the one that belongs to this database", n, secretSize)
		}
		if k.find(id) != nil {
			return nil, fmt.Errorf("line %d: key %s stands twice", n, id)
		}
		k.keys = append(k.keys, key{id, secret, &sync.Pool{}})
	}
	if len(k.keys) == 0 {
		return nil, errors.New("it holds no key: restore the one that belongs to this database")
	}
	return k, nil
}

func (k *Keys) find(id string) *key {
	for i := range k.keys {
		if k.keys[i].id == id {
			return &k.keys[i]
		}
	}
	return nil
}

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
// kind, a flag octet, and subscriber, list and milliseconds as varints.
func (k *Keys) sign(c Claim) string {
	signer := k.keys[len(k.keys)-1]
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
	return b
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

// maxToken is longer than any token we make.
const maxToken = 80

// Verify reads a token, or fails with ErrToken. It takes the same time for
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
	key := k.find(id)
	if key == nil || len(signed) < macSize+3 {
		return Claim{}, ErrToken
	}
	payload, mac := signed[:len(signed)-macSize], signed[len(signed)-macSize:]
	if !hmac.Equal(mac, key.mac(purpose, payload)) {
		return Claim{}, ErrToken
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
		if n != len(rest) {
			return Claim{}, ErrToken
		}
		c.At = time.UnixMilli(int64(v)).UTC()
	}
	return c, nil
}

// hash is the name under which an address can be known without being stored:
// an HMAC under a key derived from the first of the file, which is never taken
// out, so it cannot be guessed by trying addresses without that file.
func (k *Keys) hash(emailKey string) string {
	derive := hmac.New(sha256.New, k.keys[0].secret)
	derive.Write([]byte("pressrun address hash 1"))
	m := hmac.New(sha256.New, derive.Sum(nil))
	m.Write([]byte(emailKey))
	return hex.EncodeToString(m.Sum(nil)[:20])
}

// fingerprint names a key without giving it away.
func (k key) fingerprint() string {
	sum := sha256.Sum256(append([]byte("pressrun key fingerprint 1\n"), k.secret...))
	return hex.EncodeToString(sum[:8])
}

// CheckKeys compares the key file with the keys this database knows to have
// signed links, and notes those of the file as used. It fails with
// ErrKeyMissing when one is missing or another key stands under its id. Call
// it before anything is sent.
func (s *Store) CheckKeys(ctx context.Context) error {
	used, err := schema.Each(ctx, s.DB.Read, func(r schema.Row) ([2]string, error) {
		var u [2]string
		err := r.Scan(&u[0], &u[1])
		return u, err
	}, `select id, fingerprint from link_keys order by id`)
	if err != nil {
		return fmt.Errorf("check keys: %w", err)
	}
	for _, u := range used {
		if k := s.Keys.find(u[0]); k == nil || k.fingerprint() != u[1] {
			return fmt.Errorf("key %s: %w", u[0], ErrKeyMissing)
		}
	}
	for _, k := range s.Keys.keys {
		_, err := s.DB.Write.ExecContext(ctx, `insert into link_keys (id, fingerprint, used_at) values ($1, $2, $3) on conflict (id) do nothing`,
			k.id, k.fingerprint(), schema.At(s.Now()))
		if err != nil {
			return fmt.Errorf("check keys: %w", err)
		}
	}
	return nil
}

// Signed reports whether keys have signed links for this database.
func (s *Store) Signed(ctx context.Context) (bool, error) {
	n := 0
	if err := s.DB.Read.QueryRowContext(ctx, `select count(*) from link_keys`).Scan(&n); err != nil {
		return false, fmt.Errorf("check keys: %w", err)
	}
	return n > 0, nil
}
