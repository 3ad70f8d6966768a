package subscribers

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"pressrun/deploy/schema"
)

// Errors of the key file.
var (
	// ErrKeyMissing is returned by CheckKeys when mails were sent with a key that
	// the key file does not hold: their links would be dead.
	ErrKeyMissing = errors.New("the key file lacks a key that has signed links in mails; restore the file that belongs to this database")
	// ErrKeyMode is returned when others may read the key file.
	ErrKeyMode = errors.New("others may read it; chmod 600 it")
	// ErrKeyInUse is returned by Retire for a key that signs, or whose links
	// readers may still follow.
	ErrKeyInUse = errors.New("the key is in use")
)

// LinksHold is how long after its last signature a key is kept at least: the
// links of a mail are followed for weeks, and to leave by them must be possible
// for 30 days by law (15 U.S.C. 7704(a)(3)(A)(ii)).
const LinksHold = 90 * 24 * time.Hour

// Keys sign and verify the links in mails. Their file is only ever appended to:
//
//	k1:SECRET                              the first key
//	k2:SECRET from 2026-11-27T09:01:00Z    signs from then on
//	retired k1 2027-03-02T09:00:00Z        verifies no more
//
// The newest key whose time has come signs; all that are not retired verify, so
// links in old mails work. Processes that share the file, or have copies of it,
// begin to sign with a new key at the same moment. A Keys may be used concurrently.
type Keys struct {
	Path string
	Now  func() time.Time // nil = time.Now
	file atomic.Pointer[keyFile]
}

type keyFile struct {
	text   string
	keys   []key
	hashes *sync.Pool // keyed with what hash derives from the first
}

type key struct {
	id      string
	secret  []byte
	from    time.Time  // zero for the first
	retired time.Time  // zero while it is not
	macs    *sync.Pool // keyed with secret: keying takes longer than signing a link
}

const secretSize = 32

var keyID = regexp.MustCompile(`^[a-z0-9]{1,8}$`)

// Key is a key as people see it.
type Key struct {
	ID      string    `json:"id"`
	Signs   bool      `json:"signs"`               // links made now
	From    time.Time `json:"from,omitzero"`       // when it begins, or began, to sign; zero for the first
	Until   time.Time `json:"until,omitzero"`      // when another takes, or took, over; zero while none does
	Safe    time.Time `json:"safe_from,omitzero"`  // when it may be retired; zero while no other takes over
	Retired time.Time `json:"retired_at,omitzero"` // zero while it is not
}

func (k *Keys) all() []key { return k.file.Load().keys }

func (k *Keys) now() time.Time {
	if k.Now == nil {
		return time.Now()
	}
	return k.Now()
}

// signer is the newest key whose time has come; on a clock that was put back, the
// oldest that verifies.
func (k *Keys) signer() key {
	all, now := k.all(), k.now()
	oldest := 0
	for i := len(all) - 1; i >= 0; i-- {
		if !all[i].retired.IsZero() {
			continue
		}
		if !all[i].from.After(now) {
			return all[i]
		}
		oldest = i
	}
	return all[oldest]
}

// List is all keys in the order they were made.
func (k *Keys) List() []Key {
	all, signer := k.all(), k.signer()
	list := make([]Key, len(all))
	for i, v := range all {
		list[i] = Key{ID: v.id, Signs: v.id == signer.id, From: v.from, Retired: v.retired}
		for _, next := range all[i+1:] {
			if next.signed() || next.retired.IsZero() {
				list[i].Until, list[i].Safe = next.from, next.from.Add(LinksHold)
				break
			}
		}
		if v.from.After(k.now()) {
			list[i].Safe = time.Time{}
		}
	}
	return list
}

// signed reports whether a retired key had its time.
func (v key) signed() bool { return v.from.Before(v.retired) }

// GenerateKeys writes a new key file with one key, readable by its owner
// alone. It fails with os.ErrExist rather than replace one.
func GenerateKeys(path string) (*Keys, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	text := "# Keys of the links in mails. Back this file up and keep every line: without a key, links in old mails are dead.\n" + newKey("k1") + "\n"
	f, err := os.CreateTemp(filepath.Dir(path), ".keys") // mode 0600; linked when it is whole
	if err != nil {
		return nil, fmt.Errorf("generate keys: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Link(f.Name(), path)
	}
	if err != nil {
		return nil, fmt.Errorf("generate keys: %w", err)
	}
	return LoadKeys(path)
}

func newKey(id string) string {
	secret := make([]byte, secretSize)
	rand.Read(secret) // never fails
	return id + ":" + base64.StdEncoding.EncodeToString(secret)
}

// Add appends a new key to the file, which signs from a time on, and returns it.
func (k *Keys) Add(from time.Time) (Key, error) {
	from = from.UTC().Truncate(time.Second)
	id := "k" + strconv.Itoa(len(k.all())+1)
	if last := k.all()[len(k.all())-1]; from.Before(last.from) {
		return Key{}, fmt.Errorf("add key: key %s signs from %s on; a newer one cannot sign before", last.id, last.from.Format(time.RFC3339))
	}
	if err := k.append(newKey(id) + " from " + from.Format(time.RFC3339)); err != nil {
		return Key{}, fmt.Errorf("add key: %w", err)
	}
	list := k.List()
	return list[len(list)-1], nil
}

// Retire notes in the file that a key verifies no more. What the first key hides
// addresses with stays (see [Keys.Derive]). It fails with ErrNotFound, and with
// ErrKeyInUse while the key signs; unless anyway, also until its links are old
// enough, see [Key.Safe].
func (k *Keys) Retire(id string, anyway bool) error {
	now := k.now().UTC()
	for _, v := range k.List() {
		switch {
		case v.ID != id:
			continue
		case !v.Retired.IsZero():
			return nil
		case v.Signs && v.Until.IsZero():
			return fmt.Errorf("retire key %s: it signs the links of the mails that go out; add another first: %w", id, ErrKeyInUse)
		case v.Signs:
			return fmt.Errorf("retire key %s: it signs until %s: %w", id, v.Until.Format(time.RFC3339), ErrKeyInUse)
		case now.Before(v.Safe) && !anyway:
			return fmt.Errorf("retire key %s: it signed until %s, and readers follow the links of those mails; safe from %s on: %w",
				id, v.Until.Format(time.RFC3339), v.Safe.Format(time.RFC3339), ErrKeyInUse)
		}
		if err := k.append("retired " + id + " " + now.Format(time.RFC3339)); err != nil {
			return fmt.Errorf("retire key %s: %w", id, err)
		}
		return nil
	}
	return fmt.Errorf("key %s: %w", id, ErrNotFound)
}

// append writes a line at the end of the file, whose owner and mode stay, and
// takes it up.
func (k *Keys) append(line string) error {
	f, err := os.OpenFile(k.Path, os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil { // until it is closed
		return err
	}
	old, err := io.ReadAll(f)
	if err == nil && string(old) != k.file.Load().text {
		err = errors.New("somebody else has changed the file meanwhile; try again")
	}
	if err == nil {
		if len(old) > 0 && old[len(old)-1] != '\n' {
			line = "\n" + line
		}
		_, err = f.WriteString(line + "\n")
	}
	if err = errors.Join(err, f.Sync()); err != nil {
		return err
	}
	next, err := LoadKeys(k.Path)
	if err == nil {
		k.file.Store(next.file.Load())
	}
	return err
}

// LoadKeys reads a key file. It fails with os.ErrNotExist when there is none,
// with ErrKeyMode when others may read it.
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
	keys, err := parseKeys(string(text))
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	k := &Keys{Path: path}
	k.file.Store(&keyFile{string(text), keys, &sync.Pool{}})
	return k, nil
}

func parseKeys(text string) ([]key, error) {
	var all []key
	n := 0
	for line := range strings.Lines(text) {
		n++
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		var err error
		if words[0] == "retired" {
			err = retire(all, words[1:])
		} else {
			all, err = appendKey(all, words)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d %w", n, err)
		}
	}
	if len(all) == 0 {
		return nil, errors.New("it holds no key: restore the one that belongs to this database")
	}
	return all, nil
}

var errKeyLine = fmt.Errorf("is neither id:base64 of %d octets, with from and a time if it is not the first, nor retired, id and a time: the file was cut or changed; restore the one that belongs to this database", secretSize)

func appendKey(all []key, words []string) ([]key, error) {
	id, encoded, _ := strings.Cut(words[0], ":")
	secret, err := base64.StdEncoding.DecodeString(encoded)
	v := key{id: id, secret: secret, macs: &sync.Pool{}}
	if !keyID.MatchString(id) || err != nil || len(secret) < secretSize {
		return nil, errKeyLine
	}
	if find(all, id) != nil {
		return nil, fmt.Errorf("holds key %s once more", id)
	}
	if len(all) > 0 {
		if len(words) != 3 || words[1] != "from" {
			return nil, errKeyLine
		}
		if v.from, err = time.Parse(time.RFC3339, words[2]); err != nil {
			return nil, errKeyLine
		}
	} else if len(words) > 1 {
		return nil, errKeyLine
	}
	return append(all, v), nil
}

func retire(all []key, words []string) error {
	if len(words) != 2 {
		return errKeyLine
	}
	v := find(all, words[0])
	at, err := time.Parse(time.RFC3339, words[1])
	if v == nil || err != nil {
		return errKeyLine
	}
	v.retired = at
	return nil
}

func find(all []key, id string) *key {
	for i := range all {
		if all[i].id == id {
			return &all[i]
		}
	}
	return nil
}

// fingerprint names a key without giving it away.
func (v key) fingerprint() string {
	sum := sha256.Sum256(append([]byte("pressrun key fingerprint 1\n"), v.secret...))
	return hex.EncodeToString(sum[:8])
}

// CheckKeys compares the key file with the keys this database knows to have
// signed links, and notes those of the file as used. It fails with
// ErrKeyMissing when one is missing or another key stands under its id. Call
// it before anything is sent.
func (s *Store) CheckKeys(ctx context.Context) error { return s.checkKeys(ctx, s.Keys.all()) }

func (s *Store) checkKeys(ctx context.Context, keys []key) error {
	used, err := schema.Each(ctx, s.DB.Read, func(r schema.Row) ([2]string, error) {
		var u [2]string
		err := r.Scan(&u[0], &u[1])
		return u, err
	}, `select id, fingerprint from link_keys order by id`)
	if err != nil {
		return fmt.Errorf("check keys: %w", err)
	}
	for _, u := range used {
		if k := find(keys, u[0]); k == nil || k.fingerprint() != u[1] {
			return fmt.Errorf("key %s: %w", u[0], ErrKeyMissing)
		}
	}
	for _, k := range keys {
		_, err := s.DB.Write.ExecContext(ctx, `insert into link_keys (id, fingerprint, used_at) values ($1, $2, $3) on conflict (id) do nothing`,
			k.id, k.fingerprint(), schema.At(s.Now()))
		if err != nil {
			return fmt.Errorf("check keys: %w", err)
		}
	}
	return nil
}

// FollowKeys takes up what has changed in the key file. A file that lacks a key
// of this database, or cannot be read, changes nothing and is an error.
func (s *Store) FollowKeys(ctx context.Context) error {
	next, err := LoadKeys(s.Keys.Path)
	if err != nil {
		return err
	}
	if next.file.Load().text == s.Keys.file.Load().text {
		return nil
	}
	if err := s.checkKeys(ctx, next.all()); err != nil {
		return fmt.Errorf("key file %s: %w", s.Keys.Path, err)
	}
	s.Keys.file.Store(next.file.Load())
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
