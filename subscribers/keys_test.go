package subscribers_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pressrun/subscribers"
)

func newKeys(t testing.TB) *subscribers.Keys {
	t.Helper()
	k, err := subscribers.GenerateKeys(filepath.Join(t.TempDir(), "link.keys"))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestTokenRoundTrip(t *testing.T) {
	k := newKeys(t)
	at := time.UnixMilli(1795475100123).UTC()
	for token, want := range map[string]subscribers.Claim{
		k.Token(subscribers.KindUnsubscribe, 1, 2):             {Kind: 'u', Subscriber: 1, List: 2, Key: "k1"},
		k.Token(subscribers.KindPreferences, 1<<62, 0):         {Kind: 'p', Subscriber: 1 << 62, Key: "k1"},
		k.TokenAt(subscribers.KindConfirm, 7, 0, at):           {Kind: 'c', Subscriber: 7, At: at, Key: "k1"},
		k.TestToken(subscribers.KindUnsubscribe, 3):            {Kind: 'u', List: 3, Test: true, Key: "k1"},
		k.Token(subscribers.KindUnsubscribe, 123456789, 12345): {Kind: 'u', Subscriber: 123456789, List: 12345, Key: "k1"},
	} {
		got, err := k.Verify(token)
		if err != nil || got != want {
			t.Errorf("%s: got %+v, %v; want %+v", token, got, err, want)
		}
		if len(token) > 45 || strings.Trim(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") != "" {
			t.Errorf("%s is long or not fit for a URL", token)
		}
	}
}

// TestKeysTakeTurns follows a key from its making to its retirement.
func TestKeysTakeTurns(t *testing.T) {
	now := start
	k := newKeys(t)
	k.Now = func() time.Time { return now }
	token := func() string { return k.Token(subscribers.KindUnsubscribe, 5, 1) }
	verifies := func(token string, want error) {
		t.Helper()
		other, err := subscribers.LoadKeys(k.Path) // another process
		if err != nil {
			t.Fatal(err)
		}
		for _, keys := range []*subscribers.Keys{k, other} {
			if _, err := keys.Verify(token); !errors.Is(err, want) {
				t.Errorf("%s: got %v, want %v", token, err, want)
			}
		}
	}
	signs := func(id string) {
		t.Helper()
		if !strings.HasPrefix(token(), id+".") {
			t.Errorf("at %s %s signs, want %s", now, token(), id)
		}
	}
	refused := func(id string, anyway bool, words string) {
		t.Helper()
		if err := k.Retire(id, anyway); !errors.Is(err, subscribers.ErrKeyInUse) || !strings.Contains(err.Error(), words) {
			t.Errorf("retire %s: %v, want ErrKeyInUse with %q", id, err, words)
		}
	}
	first := token()
	refused("k1", true, "add another first")
	if err := k.Retire("k9", true); !errors.Is(err, subscribers.ErrNotFound) {
		t.Errorf("retire k9: %v", err)
	}
	for _, hours := range []time.Duration{1, 2} { // k2, which is thought better of, and k3
		if _, err := k.Add(start.Add(hours * time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := k.Add(start); err == nil {
		t.Error("a newer key signs before an older one")
	}
	signs("k1")
	refused("k1", true, "signs until 2026-11-23T07:00:00Z")
	if err := k.Retire("k2", false); err != nil {
		t.Errorf("a key that has not signed yet: %v", err)
	}
	now = start.Add(90 * time.Minute)
	signs("k1")
	refused("k1", true, "signs until 2026-11-23T08:00:00Z")
	now = start.Add(2 * time.Hour)
	signs("k3")
	verifies(first, nil)
	verifies(token(), nil)
	now = now.Add(subscribers.LinksHold - time.Second)
	refused("k1", false, "safe from 2027-02-21T08:00:00Z")
	now = now.Add(time.Second)
	if err := k.Retire("k1", false); err != nil {
		t.Error(err)
	}
	verifies(first, subscribers.ErrState)
	if _, err := k.Verify(first[:len(first)-1] + "_"); !errors.Is(err, subscribers.ErrToken) {
		t.Errorf("a forged link of a retired key: %v, want ErrToken", err)
	}
	if _, err := newKeys(t).Verify(token()); !errors.Is(err, subscribers.ErrToken) {
		t.Errorf("a key that is not known: %v", err)
	}
	list := k.List()
	if len(list) != 3 || list[0].Retired.IsZero() || list[1].Retired.IsZero() || !list[2].Signs || !list[2].Safe.IsZero() {
		t.Errorf("list: %+v", list)
	}
	now = start // a clock that was put back signs with no retired key
	signs("k3")
	if info, err := os.Stat(k.Path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
}

// TestKeysAreFollowed: a running process takes up new and retired keys, and
// nothing that would make links dead which it has signed.
func TestKeysAreFollowed(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx := t.Context()
		if err := r.CheckKeys(ctx); err != nil {
			t.Fatal(err)
		}
		before := r.Keys.Token(subscribers.KindUnsubscribe, 5, 1)
		verb, err := subscribers.LoadKeys(r.Keys.Path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := verb.Add(start); err != nil {
			t.Fatal(err)
		}
		if err := r.FollowKeys(ctx); err != nil {
			t.Fatal(err)
		}
		if token := r.Keys.Token(subscribers.KindUnsubscribe, 5, 1); !strings.HasPrefix(token, "k2.") {
			t.Errorf("the new key does not sign: %s", token)
		}
		if err := verb.Retire("k1", true); err != nil {
			t.Fatal(err)
		}
		if err := r.FollowKeys(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Keys.Verify(before); !errors.Is(err, subscribers.ErrState) {
			t.Errorf("a link of the retired key: %v", err)
		}
		good, err := os.ReadFile(r.Keys.Path)
		if err != nil {
			t.Fatal(err)
		}
		another, err := os.ReadFile(newKeys(t).Path)
		if err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string][]byte{"another": another, "older": good[:strings.Index(string(good), "k2:")], "cut": good[:len(good)-30]} {
			if err := os.WriteFile(r.Keys.Path, text, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := r.FollowKeys(ctx); err == nil {
				t.Errorf("%s file was taken up", name)
			}
			if token := r.Keys.Token(subscribers.KindUnsubscribe, 5, 1); !strings.HasPrefix(token, "k2.") {
				t.Errorf("%s file: %s", name, token)
			}
		}
	})
}

func TestKeyFile(t *testing.T) {
	k := newKeys(t)
	if info, err := os.Stat(k.Path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
	if _, err := subscribers.GenerateKeys(k.Path); !errors.Is(err, os.ErrExist) {
		t.Errorf("a key file was replaced: %v", err)
	}
	if err := os.Chmod(k.Path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := subscribers.LoadKeys(k.Path); !errors.Is(err, subscribers.ErrKeyMode) {
		t.Errorf("readable for others: %v", err)
	}
	if _, err := subscribers.LoadKeys(k.Path + "x"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	secret := strings.Repeat("A", 43) + "="
	for name, text := range map[string]string{
		"empty": "", "comment": "# nothing\n", "short": "k1:AAAA\n", "no name": ":" + secret + "\n",
		"no time": "k1:" + secret + "\nk2:" + secret + "\n", "retired": "retired k1 2026-11-27T09:00:00Z\nk1:" + secret + "\n",
		"twice": "k1:" + secret + "\nk1:" + secret + " from 2026-11-27T09:00:00Z\n",
	} {
		path := filepath.Join(t.TempDir(), "keys")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := subscribers.LoadKeys(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got %v, want an error that names the file", name, err)
		}
	}
}

func TestStartIsRefusedWithoutTheKeysOfSentMails(t *testing.T) {
	each(t, func(t *testing.T, r *room) {
		ctx := t.Context()
		for range 2 {
			if err := r.CheckKeys(ctx); err != nil {
				t.Fatal(err)
			}
		}
		first := r.Keys
		r.Keys = newKeys(t)
		if err := r.CheckKeys(ctx); !errors.Is(err, subscribers.ErrKeyMissing) {
			t.Errorf("another file with the same key name: %v", err)
		}
		older, err := os.ReadFile(first.Path)
		if err != nil {
			t.Fatal(err)
		}
		r.Keys = first
		if _, err := first.Add(start); err != nil {
			t.Fatal(err)
		}
		if err := r.CheckKeys(ctx); err != nil {
			t.Errorf("with a key more: %v", err)
		}
		if err := os.WriteFile(first.Path, older, 0o600); err != nil {
			t.Fatal(err)
		}
		if r.Keys, err = subscribers.LoadKeys(first.Path); err != nil {
			t.Fatal(err)
		}
		if err := r.CheckKeys(ctx); !errors.Is(err, subscribers.ErrKeyMissing) {
			t.Errorf("without the newest key: %v", err)
		}
	})
}

// FuzzVerify: no text but a token that was signed is accepted, and changing any
// octet of one makes it void.
func FuzzVerify(f *testing.F) {
	k := newKeys(f)
	token := k.TokenAt(subscribers.KindConfirm, 7, 3, time.UnixMilli(1795475100123))
	f.Add(token, 0, byte('A'))
	f.Add("k1.AAAA", 3, byte('='))
	f.Add("", 0, byte(0))
	f.Fuzz(func(t *testing.T, s string, at int, b byte) {
		if _, err := k.Verify(s); err == nil && s != token {
			t.Fatalf("%q was accepted", s)
		}
		if at < 0 || at >= len(token) || token[at] == b {
			return
		}
		changed := []byte(token)
		changed[at] = b
		if c, err := k.Verify(string(changed)); err == nil {
			t.Fatalf("%q was accepted as %+v", changed, c)
		}
	})
}

// Of several who add a key at the same moment one does, and the file stays whole.
func TestKeysAddedAtOnce(t *testing.T) {
	for range 20 { // without a lock one in eight goes wrong
		addAtOnce(t)
	}
}

func addAtOnce(t *testing.T) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "link.keys")
	if _, err := subscribers.GenerateKeys(path); err != nil {
		t.Fatal(err)
	}
	var ready, done sync.WaitGroup
	var added atomic.Int32
	start := make(chan struct{})
	for range 16 {
		ready.Add(1)
		done.Go(func() {
			k, err := subscribers.LoadKeys(path)
			ready.Done()
			<-start
			if err != nil {
				t.Error(err)
			} else if _, err := k.Add(time.Now()); err == nil {
				added.Add(1)
			} else if !strings.Contains(err.Error(), "try again") {
				t.Error(err)
			}
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
	k, err := subscribers.LoadKeys(path)
	if err != nil || added.Load() != 1 || len(k.List()) != 2 {
		t.Errorf("%d were added; the file: %v", added.Load(), err)
	}
}
