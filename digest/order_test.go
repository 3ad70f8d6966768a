package digest

import (
	"context"
	"errors"
	"testing"
	"time"

	"pressrun/deploy/schema"
	"pressrun/deploy/schema/schematest"
	"pressrun/digest/article"
	"pressrun/digest/feed"
)

// TestOrders: an order waits for its article, is known by the story however the
// site calls the article, asks for what it names alone, and is forgotten once
// its article did not come for long.
func TestOrders(t *testing.T) {
	schematest.Each(t, func(t *testing.T, db *schema.DB) {
		ctx := t.Context()
		r := newRoom(t, db)
		give := func(o Order) Order {
			t.Helper()
			o.By = "token cms"
			o, err := r.AddOrder(ctx, o)
			if err != nil {
				t.Fatal(err)
			}
			return o
		}
		waiting := func() []Order {
			t.Helper()
			list, err := r.Orders(ctx)
			if err != nil {
				t.Fatal(err)
			}
			return list
		}
		yes, no, until := true, false, noon.Add(6*time.Hour)
		give(Order{URL: "https://www.news.example/ferry?utm_source=cms", NotBefore: &until, Flags: map[string]bool{"legal": true, "opinion": false}})
		give(Order{URL: "https://news.example/?p=481", Blocked: &yes})
		give(Order{URL: "https://news.example/never", Flags: map[string]bool{"opinion": true}})
		for _, o := range waiting() {
			if o.Story != 0 {
				t.Errorf("%s: story %d, before anything is collected", o.URL, o.Story)
			}
		}

		tell := func(id, address string) int64 {
			t.Helper()
			if _, _, err := r.AddEntries(ctx, r.source, []feed.Item{{ID: id, URL: address, Title: "The ferry of " + id, Categories: []string{"Opinion"}, Published: r.now}}, time.Time{}); err != nil {
				t.Fatal(err)
			}
			list, err := r.UnreadEntries(ctx, r.source.ID, 10)
			if err != nil || len(list) != 1 {
				t.Fatal(list, err)
			}
			story, err := r.Tell(ctx, r.source, list[0], article.Article{URL: address, Title: "The ferry of " + id, Text: "It sails again.", Keys: article.Aliases("news.example", id)})
			if err != nil {
				t.Fatal(err)
			}
			return story
		}
		ferry := tell("https://news.example/guid/1", "https://news.example/ferry/")
		numbered := tell("https://news.example/?p=481", "https://news.example/2026/harbour")
		list := waiting()
		if len(list) != 3 || list[0].Story != ferry || list[1].Story != numbered || list[2].Story != 0 {
			t.Fatalf("orders %+v, want those of %d and %d", list, ferry, numbered)
		}
		if o := list[0]; o.By != "token cms" || !o.At.Equal(noon) || o.Words() != "under embargo until 20 March 2026, 18:00 UTC, flagged legal, not flagged opinion" {
			t.Errorf("the order reads %q by %s at %s", o.Words(), o.By, o.At)
		}
		for _, o := range list[:2] {
			for range 2 { // twice is once
				if err := r.Obey(ctx, o); err != nil {
					t.Fatal(err)
				}
			}
			if err := r.DropOrder(ctx, o.ID); err != nil {
				t.Fatal(err)
			}
		}
		story := func(id int64) Story {
			t.Helper()
			s, err := r.Story(ctx, id)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		if s := story(ferry); !s.NotBefore.Equal(until) || !s.Has("legal") || s.Has("opinion") || s.State != "live" {
			t.Errorf("story %+v", s)
		}
		if s := story(numbered); s.State != "blocked" || !s.NotBefore.IsZero() || !s.Has("opinion") {
			t.Errorf("story %+v", s)
		}

		// Known under another address as well; what is asked no more is lifted.
		o := give(Order{URL: "https://news.example/?p=481", Blocked: &no})
		id, about, err := r.ByAddress(ctx, "https://news.example/?p=481")
		if err != nil || id != numbered || len(about) != 1 || about[0].ID != o.ID {
			t.Errorf("story %d, orders %+v, %v; want %d", id, about, err, numbered)
		}
		if id, _, err := r.ByAddress(ctx, "https://news.example/2026/harbour#top"); err != nil || id != numbered {
			t.Errorf("story %d, %v; want %d", id, err, numbered)
		}
		o = waiting()[1]
		if err := errors.Join(r.Obey(ctx, o), r.DropOrder(ctx, o.ID)); err != nil {
			t.Fatal(err)
		}
		if s := story(numbered); s.State != "live" {
			t.Errorf("let in again, it is %s", s.State)
		}
		lift := give(Order{URL: "https://news.example/ferry", NotBefore: new(time.Time)})
		lift.Story = ferry
		if err := errors.Join(r.Obey(ctx, lift), r.DropOrder(ctx, lift.ID)); err != nil {
			t.Fatal(err)
		}
		if s := story(ferry); !s.NotBefore.IsZero() || !s.Has("legal") {
			t.Errorf("lifted, it is %+v", s)
		}

		far := r.now.Add(200 * 24 * time.Hour)
		give(Order{URL: "https://news.example/summit", NotBefore: &far})
		r.now = r.now.Add(100 * 24 * time.Hour)
		if err := r.HouseKeep(ctx, 90*24*time.Hour, 10); err != nil {
			t.Fatal(err)
		}
		if list := waiting(); len(list) != 1 || list[0].NotBefore == nil {
			t.Errorf("waiting after a hundred days: %+v, want the embargo that is still to end", list)
		}
	})
}

func TestOrdersThatSayNothing(t *testing.T) {
	r := newRoom(t, schematest.SQLite(t))
	yes := true
	for _, o := range []Order{
		{URL: "https://news.example/a"},
		{URL: "news.example/a", Blocked: &yes},
		{URL: "", Blocked: &yes},
		{URL: "javascript:alert(1)", Blocked: &yes},
		{URL: "https://news.example/a", Flags: map[string]bool{"funny": true}},
	} {
		if _, err := r.AddOrder(context.Background(), o); !errors.Is(err, ErrOrder) {
			t.Errorf("%+v: %v, want ErrOrder", o, err)
		}
	}
	if list, err := r.Orders(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("%d orders, %v", len(list), err)
	}
	if err := r.DropOrder(t.Context(), 7); !errors.Is(err, ErrNotFound) {
		t.Errorf("drop: %v, want ErrNotFound", err)
	}
}
