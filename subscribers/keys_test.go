package subscribers_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
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

func TestOldLinksOutliveNewKeys(t *testing.T) {
	k := newKeys(t)
	old := k.Token(subscribers.KindUnsubscribe, 5, 1)
	next, err := k.AddKey()
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := subscribers.LoadKeys(k.Path)
	if err != nil {
		t.Fatal(err)
	}
	fresh := next.Token(subscribers.KindUnsubscribe, 5, 1)
	for _, token := range []string{old, fresh} {
		if _, err := loaded.Verify(token); err != nil {
			t.Errorf("%s: %v", token, err)
		}
	}
	if !strings.HasPrefix(fresh, "k2.") {
		t.Errorf("the new key does not sign: %s", fresh)
	}
	if _, err := k.Verify(fresh); !errors.Is(err, subscribers.ErrToken) {
		t.Errorf("a key that is not known: %v", err)
	}
	if _, err := newKeys(t).Verify(old); !errors.Is(err, subscribers.ErrToken) {
		t.Errorf("another key of the same name: %v", err)
	}
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
	for name, text := range map[string]string{"empty": "", "comment": "# nothing\n", "short": "k1:AAAA\n", "no name": ":" + strings.Repeat("A", 44) + "\n", "twice": strings.Repeat("k1:"+strings.Repeat("A", 43)+"=\n", 2)} {
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
		r.Keys = first
		next, err := first.AddKey()
		if err != nil {
			t.Fatal(err)
		}
		r.Keys = next
		if err := r.CheckKeys(ctx); err != nil {
			t.Errorf("with a key more: %v", err)
		}
		r.Keys = first
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
