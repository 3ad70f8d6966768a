package main

import (
	"context"
	"database/sql"
	"slices"
	"testing"

	"pressrun/digest"
	"pressrun/subscribers"
	"pressrun/templates"
)

// A letter comes from the house whose list it is about; where two houses share the
// list, or no newsletter goes to it, from the first.
func TestLettersComeFromTheirOwnHouse(t *testing.T) {
	r := newCountingRoom(t, "")
	ctx := t.Context()
	envelopes := map[string]string{"Arena": "bounces@arena.example", "Gazette": ""}
	brand := func(name string) templates.Brand {
		return templates.Brand{Name: name, URL: "https://news.example/", Postal: "1 Quay Street"}
	}
	for _, n := range []struct{ name, list, house string }{{"a", "news", "Gazette"}, {"b", "sport", "Arena"}, {"c", "sport", "Arena"}, {"d", "shared", "Arena"}, {"e", "shared", "Gazette"}} {
		if _, _, err := r.Digest.ApplyNewsletter(ctx, n.name, digest.Spec{List: n.list, From: n.house + " <d@" + n.house + ".example>", Envelope: envelopes[n.house], Brand: brand(n.house)}, "test"); err != nil {
			t.Fatal(err)
		}
	}
	ids := map[string]int64{}
	for _, name := range []string{"news", "sport", "shared", "empty"} {
		l, err := r.Subscribers.CreateList(ctx, subscribers.List{Name: name, Title: name, Public: true})
		if err != nil {
			t.Fatal(err)
		}
		ids[name] = l.ID
	}
	var lists []string
	r.Subscribers.Post = func(_ context.Context, _ *sql.Tx, _ string, _ templates.Email, to subscribers.Recipient) error {
		lists = to.Lists
		return nil
	}
	for _, c := range []struct {
		lists []string
		house string
	}{{[]string{"sport"}, "Arena"}, {[]string{"news"}, "Gazette"}, {[]string{"shared"}, "Gazette"}, {[]string{"empty"}, "Gazette"}, {[]string{"empty", "sport"}, "Arena"}, {[]string{"news", "sport"}, "Gazette"}} {
		address := c.lists[len(c.lists)-1] + c.lists[0] + "@reader.example"
		in := subscribers.Signup{Email: address, Language: "en"}
		for _, name := range c.lists {
			in.Lists = append(in.Lists, ids[name])
		}
		look := func(letter string) {
			t.Helper()
			if slices.Sort(lists); !slices.Equal(lists, c.lists) {
				t.Errorf("the letter of %s is about %v, want %v", letter, lists, c.lists)
			}
			from, envelope := r.senders(ctx, lists...)
			if brand := r.brand(ctx, lists...); from != c.house+" <d@"+c.house+".example>" || brand.Name != c.house || envelope != envelopes[c.house] {
				t.Errorf("the letter of %s about %v comes from %s (%s) as %s, want %s", letter, lists, from, envelope, brand.Name, c.house)
			}
			lists = nil
		}
		if err := r.Subscribers.Subscribe(ctx, in); err != nil {
			t.Fatal(err)
		}
		look("confirmation")
		reader, err := r.Subscribers.Find(ctx, address)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Subscribers.AskYours(ctx, reader.ID, "en"); err != nil {
			t.Fatal(err)
		}
		look("own data")
	}
	if r.brand(ctx).Name != "Gazette" {
		t.Error("without a list it is not the first newsletter's brand")
	}
}
