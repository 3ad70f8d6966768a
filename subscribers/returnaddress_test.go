package subscribers_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pressrun/subscribers"
)

func TestAddressTokens(t *testing.T) {
	k := newKeys(t)
	at := time.UnixMilli(1795475100123).UTC()
	for _, want := range []subscribers.Claim{
		{Kind: subscribers.KindDelivery, Mail: 1}, {Kind: subscribers.KindDelivery, Mail: 1<<28 - 1}, {Kind: subscribers.KindLetter, Mail: 77},
		{Kind: subscribers.KindUnsubscribe, Subscriber: 1<<28 - 1, List: 127}, {Kind: subscribers.KindUnsubscribe, List: 3, Test: true},
		{Kind: subscribers.KindCanary, At: at}, {Kind: subscribers.KindFeedback},
	} {
		token := k.AddressToken(want)
		want.Key = "k1"
		for _, token := range []string{token, strings.ToUpper(token)} {
			if got, err := k.VerifyAddress(token); err != nil || got != want {
				t.Errorf("%s: got %+v, %v; want %+v", token, got, err, want)
			}
		}
		if len(token) > 40 || strings.Trim(token, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			t.Errorf("%s has %d octets, or characters unfit for a local part", token, len(token))
		}
		for i := range token {
			forged := token[:i] + string("a2"[map[bool]int{true: 1}[token[i] == 'a']]) + token[i+1:]
			if forged == token {
				continue
			}
			if _, err := k.VerifyAddress(forged); !errors.Is(err, subscribers.ErrToken) {
				t.Errorf("%s, forged at %d, verifies", forged, i)
			}
		}
		if _, err := newKeys(t).VerifyAddress(token); !errors.Is(err, subscribers.ErrToken) {
			t.Errorf("%s verifies with another installation's key", token)
		}
		if _, err := k.VerifyAddress("k9" + token[2:]); !errors.Is(err, subscribers.ErrToken) {
			t.Error("an unknown key id verifies")
		}
	}
	old, derived := k.AddressToken(subscribers.Claim{Kind: subscribers.KindDelivery, Mail: 5}), k.Derive("a")
	if _, err := k.Add(at); err != nil {
		t.Fatal(err)
	}
	if _, err := k.VerifyAddress(old); err != nil {
		t.Errorf("an address of an old key: %v", err)
	}
	if err := k.Retire("k1", true); err != nil {
		t.Fatal(err)
	}
	if _, err := k.VerifyAddress(old); !errors.Is(err, subscribers.ErrState) {
		t.Errorf("an address of a retired key: %v, want ErrState", err)
	}
	if derived == k.Derive("b") || derived != k.Derive("a") {
		t.Error("derived secrets must differ by purpose and outlive new and retired keys")
	}
}

// FuzzVerifyAddress: what was not signed is refused, whatever it looks like, and
// an address is no link.
func FuzzVerifyAddress(f *testing.F) {
	k := newKeys(f)
	good := k.AddressToken(subscribers.Claim{Kind: subscribers.KindDelivery, Mail: 5})
	f.Add(good)
	f.Add("k1-")
	f.Add("k1-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
	f.Add(k.Token(subscribers.KindUnsubscribe, 1, 2))
	f.Fuzz(func(t *testing.T, token string) {
		c, err := k.VerifyAddress(token)
		if err == nil && !strings.EqualFold(token, good) {
			t.Errorf("%q verifies as %+v", token, c)
		}
		if _, err := k.Verify(token); err == nil && !strings.Contains(token, ".") {
			t.Errorf("%q is a link", token)
		}
	})
}
